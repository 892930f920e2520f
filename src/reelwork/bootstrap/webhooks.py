"""What sends webhooks, and what judges their URLs."""

from reelwork.db.engine import Database
from reelwork.errors import ConfigurationError
from reelwork.settings import Settings
from reelwork.webhooks.courier import Courier
from reelwork.webhooks.outbox import Outbox
from reelwork.webhooks.sender import WebhookSender
from reelwork.webhooks.signatures import read_secrets
from reelwork.webhooks.urls import CheckWebhookUrl, make_url_check


def make_courier(settings: Settings, database: Database) -> Courier | None:
    """Make what delivers webhooks; None when there is no secret to sign them with.

    Raises:
        ConfigurationError: The secret is none.
    """
    keys = _keys(settings)
    if not keys:
        return None
    sender = WebhookSender(keys, timeout_s=settings.webhook_timeout_s, allow_private=settings.webhook_allow_private)
    return Courier(Outbox(database), sender.send, settings.webhook_timeout_s)


def webhook_url_check(settings: Settings) -> CheckWebhookUrl:
    """Return what says why a client's ``webhook_url`` is refused."""
    return make_url_check(has_secret=bool(_keys(settings)), allow_private=settings.webhook_allow_private)


def _keys(settings: Settings) -> tuple[bytes, ...]:
    try:
        return read_secrets(settings.webhook_secret)
    except ValueError as error:
        raise ConfigurationError(f"REELWORK_WEBHOOK_SECRET: {error}.") from error
