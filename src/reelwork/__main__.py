"""`python -m reelwork` is `reelwork`, and so is the script that the package installs."""


def main() -> None:
    """Run the command line."""
    # Not above: a child process imports the script's module anew, and works with nothing of the command line.
    from reelwork.cli import main as run

    run()


if __name__ == "__main__":
    main()
