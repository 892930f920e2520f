"""The page about webhooks says what is done, and its receiver works."""

import json
import re
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from reelwork.webhooks.message import body, message_id
from reelwork.webhooks.schedule import HOUR_S, WAITS_S
from reelwork.webhooks.signatures import read_secrets, sign
from tests.support.deliveries import make_delivery

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "webhooks.md").read_text()


def shown(language: str) -> str:
    (block,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(block)


def test_the_receiver_shown_takes_what_is_sent_once(capsys: pytest.CaptureFixture[str]) -> None:
    receiver: dict[str, Any] = {}
    exec(shown("python"), receiver)
    content, now = body(make_delivery()), int(time.time())
    signature = sign(read_secrets(receiver["SECRET"]), message_id(make_delivery()), now, content)
    headers = {"webhook-id": message_id(make_delivery()), "webhook-timestamp": str(now), "webhook-signature": signature}
    assert [receiver["receive"](content, headers) for _ in range(2)] == [204, 204]
    assert capsys.readouterr().out == f"{UUID(int=7)} completed\n"
    assert receiver["receive"](content + b" ", headers) == 401


def test_the_message_shown_has_the_members_of_those_sent() -> None:
    def members(document: Any) -> Any:
        return {name: members(value) for name, value in document.items()} if isinstance(document, dict) else None

    assert members(json.loads(shown("json"))) == members(json.loads(body(make_delivery())))


def test_the_schedule_told_is_the_one_there_is() -> None:
    def told(wait_s: float) -> str:
        return (
            f"{wait_s / HOUR_S:g} h"
            if wait_s >= HOUR_S
            else f"{wait_s / 60:g} min"
            if wait_s >= 60
            else f"{wait_s:g} s"
        )

    *waits, last = map(told, WAITS_S)
    assert f"after {', '.join(waits)} and {last}" in PAGE
