"""API keys as text: they say who they are of, cannot be guessed, and do not show themselves."""

import re

import pytest

from reelwork.access.keys import KeyText, make_key, parse_key


def test_a_key_survives_being_written_down() -> None:
    key = make_key()
    assert parse_key(str(key)) == key
    assert re.fullmatch(r"rw_[A-Za-z0-9]{12}_[A-Za-z0-9]{43}", str(key))


def test_no_two_are_alike() -> None:
    keys = [make_key() for _ in range(200)]
    assert len({key.key_id for key in keys}) == len({key.secret for key in keys}) == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text[:-1],
        lambda text: text + "a",
        lambda text: text.replace("rw_", "RW_"),
        lambda text: text[:-1] + "é",
        lambda text: text[:-1] + "\N{FULLWIDTH DIGIT ONE}",
        lambda text: text.replace("_", "-"),
    ],
)
def test_what_is_no_key(change) -> None:  # type: ignore[no-untyped-def]
    assert parse_key(change(str(make_key()))) is None


def test_only_the_same_secret_is_of_a_digest() -> None:
    key, other = make_key(), make_key()
    assert key.is_of(key.digest)
    assert not KeyText(key.key_id, other.secret).is_of(key.digest)
    assert re.fullmatch(r"[0-9a-f]{64}", key.digest)
    assert key.secret not in key.digest


def test_a_traceback_does_not_show_the_secret() -> None:
    key = make_key()
    assert key.secret not in repr(key)
    assert key.secret not in repr([key])
