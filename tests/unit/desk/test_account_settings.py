"""Settings of an account as people write them."""

from __future__ import annotations

import pytest
from msgspec.structs import fields

from posthouse.desk.account_settings import KINDS, applied, changed, shown
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
    ("track_opens=no", False),
    ("track_clicks=yes", "all"),
    ("footer_html=<p>a = b</p>", "<p>a = b</p>"),
    ("unsubscribe_tag=[unsub]", "[unsub]"),
    ("forward_complaints_to=a@b.test, c@d.test", "a@b.test, c@d.test"),
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
    ("track_clicks=some", "allowed: off, html, all"),
    ("footer=yes", "footer_html or footer_text needs a text before footer is on"),
    ("frame=yes", "frame_html needs <% body %>"),
    ("forward_complaints=yes", "forward_complaints_to needs an address first"),
    ("forward_complaints_to=nobody", "forward_complaints_to has 'nobody', which is no address"),
    ("forward_complaints_to=grüße@b.test", "addresses in ASCII only"),
    ("utm_source=" + "x" * 501, "utm_source is not one line of at most 500 characters"),
    ("unsubscribe_tag=a\nb", "unsubscribe_tag is not one line"),
    ("footer_text=" + "x" * 20_001, "footer_text has more than 20000 characters"),
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


def test_programs_say_values_and_hear_the_same() -> None:
    made = applied(ACCOUNT_DEFAULTS, {"footer": True, "footer_text": " Bye \n"})
    assert (made.footer, made.footer_text) == (True, " Bye \n")
    with pytest.raises(Refused, match="frame_html needs"):
        applied(made, {"frame": True, "frame_html": "<b>"})


def test_every_setting_has_a_kind() -> None:
    """But the one that has commands of its own."""
    assert {field.name for field in fields(AccountSettings)} - {"is_suspended"} == set(KINDS)
    assert list(shown(ACCOUNT_DEFAULTS)) == list(KINDS)
