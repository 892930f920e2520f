"""Bring the database to the tables this version of Reelwork needs, or back.

Alembic is imported where something is to be done only: every process looks at the revision when it starts.
"""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, column, inspect, select, table

from reelwork.db.engine import Database
from reelwork.db.losses import contents, told
from reelwork.errors import ConfigurationError

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

_DIRECTORY = Path(__file__).parent / "migrations"
_VERSION_TABLE = "alembic_version"
_AT: Select[Any] = select(column("version_num")).select_from(table(_VERSION_TABLE))


def head_revision() -> str:
    """Return the revision this version of Reelwork works with: the number of its last migration."""
    return max(path.name for path in (_DIRECTORY / "versions").glob("*.py")).partition("_")[0]


def current_revision(database: Database) -> str | None:
    """Return the revision the database is at; None for an empty one."""
    with database.reading() as transaction:
        if not inspect(transaction.connection).has_table(_VERSION_TABLE):
            return None
        at: str | None = transaction.scalar(_AT)
    return at


def migrate(database: Database, target: str = "head", *, lose_data: bool = False) -> None:
    """Move the database up or down to ``target`` ("head", "base" or a revision); all of it or nothing.

    Processes that do this at the same time take turns.

    Args:
        database: What to move.
        target: Where to.
        lose_data: Whether a move down may lose what the older tables have no place for.

    Raises:
        ConfigurationError: The database is newer than this version, there is no such revision, or data would be lost.
    """
    if target == "head" and current_revision(database) == head_revision():
        return
    from alembic import command
    from alembic.runtime.migration import MigrationContext
    from alembic.util import CommandError

    with database.migrating() as connection:
        config = _config()
        config.attributes["connection"] = connection
        at = MigrationContext.configure(connection).get_current_revision()
        _require_known(at)
        try:
            if _is_below(target, at):
                before = contents(connection)
                command.downgrade(config, target)
                _require_nothing_lost(before - contents(connection), target, lose_data=lose_data)
            else:
                command.upgrade(config, target)
        except CommandError as error:
            raise ConfigurationError(
                f"The database is at revision {at or 'base'} and cannot be moved to {target}: {error}."
            ) from error


def require_head(database: Database) -> None:
    """Make sure the tables are those this version needs.

    Raises:
        ConfigurationError: They are not; the message says what to run.
    """
    at, head = current_revision(database), head_revision()
    if at != head:
        _require_known(at)
        raise ConfigurationError(
            f"The database is at revision {at or 'base (empty)'}, and this version of Reelwork needs {head}. "
            "Run `reelwork migrate` with the same REELWORK_DATABASE_URL."
        )


def _is_below(target: str, at: str | None) -> bool:
    if target == "head" or at is None:
        return False
    if target == "base":
        return True
    return target in {script.revision for script in _scripts().iterate_revisions(at, "base")} and target != at


def _require_nothing_lost(lost: Counter[str], target: str, *, lose_data: bool) -> None:
    if lost and not lose_data:
        raise ConfigurationError(
            f"At revision {target} there is no place for {told(lost)}. Nothing was changed. "
            f"Back up the database; if that may go: `reelwork migrate {target} --lose-data`."
        )


def _require_known(at: str | None) -> None:
    if at not in {None, *(script.revision for script in _scripts().walk_revisions())}:
        raise ConfigurationError(
            f"The database is at revision {at}, which this version of Reelwork does not know: "
            "it was made by a newer version of Reelwork. Use that version; or stop the service and go back, "
            f"with that version's `reelwork migrate {head_revision()}`."
        )


def _scripts() -> "ScriptDirectory":
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_DIRECTORY).replace("%", "%%"))
    return config
