"""`python -m reelwork` is `reelwork`."""

from reelwork.cli import main

if __name__ == "__main__":
    main()
