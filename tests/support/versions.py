"""Two versions of Reelwork side by side: this one, and one with a further migration."""

import shutil
import sys
from pathlib import Path

import reelwork
from reelwork.db.migrate import head_revision
from tests.support.service import PLUGIN_DIR

PACKAGE = Path(reelwork.__file__).parent
_MIGRATION = '''"""Add a note to every job."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("note", sa.Text()))
    op.execute("UPDATE job SET note = 'was there before'")


def downgrade() -> None:
    op.drop_column("job", "note")
'''


def install_this_version(directory: Path) -> Path:
    """Make a `reelwork` command of this version; return its path."""
    return _command(directory, PACKAGE.parent)


def install_later_version(directory: Path) -> Path:
    """Make a `reelwork` command of a later version, whose jobs have a column `note`; return its path."""
    package = directory / "source" / PACKAGE.name
    shutil.copytree(PACKAGE, package)
    head = head_revision()
    revision = f"{int(head) + 1:04}"
    (package / "db" / "migrations" / "versions" / f"{revision}_note.py").write_text(
        _MIGRATION.format(revision=revision, head=head)
    )
    return _command(directory, package.parent)


def _command(directory: Path, parent: Path) -> Path:
    directory.mkdir(exist_ok=True)
    command = directory / "reelwork"
    command.write_text(
        f"#!/bin/sh\nexport PYTHONPATH='{parent}:{PLUGIN_DIR}'\nexec '{sys.executable}' -m reelwork \"$@\"\n"
    )
    command.chmod(0o755)
    return command
