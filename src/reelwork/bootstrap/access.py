"""API keys: looked after from the command line, and asked for by the API."""

from reelwork.access.store import KeyStore
from reelwork.bootstrap.foundation import open_migrated
from reelwork.db.engine import Database
from reelwork.errors import ConfigurationError
from reelwork.settings import Settings


def open_keys(settings: Settings) -> KeyStore:
    """Open the table of keys; the embedded database is made and brought up to date first.

    Raises:
        ConfigurationError: See ``open_migrated``.
    """
    return KeyStore(open_migrated(settings))


def require_key(settings: Settings, database: Database) -> None:
    """Refuse to serve nobody, or everybody by mistake.

    Raises:
        ConfigurationError: API keys are asked for, and not one is in force; the message says what to run.
    """
    if not settings.asks_for_keys or KeyStore(database).any_in_force():
        return
    add = f"reelwork keys add NAME --data-dir {settings.data_dir}"
    if settings.require_keys:
        raise ConfigurationError(f"API keys are asked for (REELWORK_REQUIRE_KEYS), and there is none. Make one: {add}")
    raise ConfigurationError(
        f"Others can reach {settings.host}, and there is no API key: anybody could submit videos and read results. "
        f"Make a key: {add}\nOr, if that is what you want: --allow-anyone (REELWORK_ALLOW_ANYONE=true)."
    )
