"""Write the reference pages that are made from the code; with --check, only say whether they are up to date."""

import sys
from pathlib import Path

from pydantic_core import PydanticUndefined

from reelwork.settings import Settings

ROOT = Path(__file__).parent.parent
SETTINGS_PAGE = ROOT / "docs" / "reference" / "settings.md"


def settings_page() -> str:
    """Return the table of all settings, in the order in which the code has them."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "your user data directory" if field.default is PydanticUndefined else f"`{field.default}`"
        if field.default in ("", None):
            default = ""
        rows.append(f"| `REELWORK_{name.upper()}` | {default} | {field.description} |")
    head = [
        "# Settings",
        "",
        "Read from the environment at start, by the API and by the worker: give both the same. Options of the",
        "command line go before them. This page is written by `scripts/write_reference.py`.",
        "",
        "| variable | default | meaning |",
        "| --- | --- | --- |",
    ]
    return "\n".join([*head, *rows, ""])


def main() -> int:
    """Write the pages, or compare them."""
    if "--check" in sys.argv:
        return int(SETTINGS_PAGE.read_text() != settings_page())
    SETTINGS_PAGE.parent.mkdir(parents=True, exist_ok=True)
    SETTINGS_PAGE.write_text(settings_page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
