"""Settings of an account as people write them."""

from __future__ import annotations

import pytest
from msgspec.structs import fields

from posthouse.desk.account_settings import KINDS, changed, shown
from posthouse.model.account import ACCOUNT_DEFAULTS, AccountSettings
from posthouse.model.errors import Refused

GOOD = [
    ("minute_messages=600", 600),
    ("daily_messages=0", 0),
    ("Daily-Messages = 50000", 50000),
    ("monthly_messages=1000000000", 10**9),
    ("starts_at=200", 200),
    ("over_limit=QUEUE", "queue"),
    ("over_limit=refuse", "refuse"),
]


@pytest.mark.parametrize(("pair", "value"), GOOD, ids=[row[0] for row in GOOD])
def test_a_setting_is_read(pair: str, value: object) -> None:
    key = pair.partition("=")[0].strip().lower().replace("-", "_")
    made = changed(ACCOUNT_DEFAULTS, [pair])
    assert getattr(made, key) == value
    assert changed(made, [f"{key}="]) == ACCOUNT_DEFAULTS, "nothing behind the sign: the default"
    assert changed(ACCOUNT_DEFAULTS, [f"{key}={shown(made)[key]}"]) == made, "what is shown can be written"


BAD = [
    ("x=1", "'x=1' is no setting of an account; write key=value, keys are: minute_messages, daily_"),
    ("is_suspended=yes", "is no setting of an account"),
    ("daily_messages", "is no setting of an account"),
    ("daily_messages=-1", "allowed: a whole number of recipients, 0 for no limit"),
    ("daily_messages=1e3", "allowed: a whole number"),
    ("daily_messages=１", "allowed: a whole number"),
    ("daily_messages=1000000001", "allowed: a whole number"),
    ("over_limit=drop", "over_limit cannot be 'drop'; allowed: refuse, queue"),
]


@pytest.mark.parametrize(("pair", "text"), BAD, ids=[row[0] for row in BAD])
def test_a_wrong_setting_is_explained(pair: str, text: str) -> None:
    with pytest.raises(Refused) as refused:
        changed(ACCOUNT_DEFAULTS, [pair])
    assert text in refused.value.text


def test_an_account_cannot_start_above_what_it_grows_to() -> None:
    with pytest.raises(Refused, match=r"starts_at \(11\) is above daily_messages \(10\)"):
        changed(AccountSettings(daily_messages=10), ["starts_at=11"])
    assert changed(ACCOUNT_DEFAULTS, ["starts_at=11"]).starts_at == 11


def test_every_setting_has_a_kind() -> None:
    """But the one that has commands of its own."""
    assert {field.name for field in fields(AccountSettings)} - {"is_suspended"} == set(KINDS)
    assert list(shown(ACCOUNT_DEFAULTS)) == list(KINDS)
