"""Settings of a domain as people write them."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import fields

from posthouse.desk import domain_settings
from posthouse.desk.domain_settings import authorised, changed, shown, unauthorised
from posthouse.model.account import DEFAULTS, DomainSettings
from posthouse.model.errors import Refused

GOOD = [
    ("track_opens=yes", True),
    ("track_opens=OFF", False),
    ("track-clicks=html", "html"),
    ("track_clicks=yes", "all"),
    ("track_clicks=no", "off"),
    ("TRACKING_URL = https://t.example.com/x/", "https://t.example.com/x"),
    ("archive_url=http://u:p@h.test:8080/in?a=b", "http://u:p@h.test:8080/in?a=b"),
    ("schedule_days=0.5", 0.5),
    ("hourly_messages=0", 0),
    ("daily_messages=100000", 100000),
    ("from_policy=Domain", "domain"),
    ("return_path=KEEP", "keep"),
    ("ip_pool=news", "news"),
    ("is_sandbox=1", True),
    ("authorised=B@x.test, a@x.test,a@X.test", ("a@x.test", "b@x.test")),
    ("keeps_fields=true", True),
]


@pytest.mark.parametrize(("pair", "value"), GOOD, ids=[row[0] for row in GOOD])
def test_a_setting_is_read(pair: str, value: object) -> None:
    key = pair.partition("=")[0].strip().lower().replace("-", "_")
    made = changed(DEFAULTS, [pair])
    assert getattr(made, key) == value
    assert changed(made, [f"{key}="]) == DEFAULTS, "nothing behind the sign: the default"
    assert changed(DEFAULTS, [f"{key}={shown(made)[key]}"]) == made, "what is shown can be written"


BAD = [
    ("x=1", "'x=1' is no setting of a domain; write key=value, keys are: track_opens, track_clicks"),
    ("track_opens", "is no setting of a domain"),
    ("=", "is no setting of a domain"),
    ("track_opens=maybe", "track_opens cannot be 'maybe'; allowed: yes, no"),
    ("track_clicks=text", "allowed: off, html, all"),
    ("tracking_url=ftp://x.test", "allowed: an http or https URL"),
    ("tracking_url=https://x.test/?a", "allowed: an http or https URL without a query"),
    ("tracking_url=https://u@x.test/", "allowed: an http"),
    ('tracking_url=https://x.test/"', "allowed: an http"),
    ("tracking_url=https://", "allowed: an http"),
    ("tracking_url=https://[x", "allowed: an http"),
    ("archive_url=https://x.test:0/", "allowed: an http"),
    ("archive_url=https://x.test:99999/", "allowed: an http"),
    ("archive_url=https://x.test/#a", "allowed: an http"),
    ("archive_url=https://x.test/a b", "allowed: an http"),
    ("schedule_days=0", "allowed: a number of days above 0, at most 366"),
    ("schedule_days=nan", "allowed: a number of days"),
    ("schedule_days=367", "allowed: a number of days"),
    ("hourly_messages=-1", "allowed: a whole number of recipients"),
    ("hourly_messages=1e9", "allowed: a whole number"),
    ("daily_messages=" + "9" * 5000, "allowed: a whole number"),
    ("authorised=joe", "allowed: addresses"),
    ("ip_pool=a\x07b", "allowed: a pool's name"),
]


@pytest.mark.parametrize(("pair", "part"), BAD, ids=[row[0][:40] for row in BAD])
def test_a_wrong_setting_is_explained(pair: str, part: str) -> None:
    with pytest.raises(Refused, match=re.escape(part)):
        changed(DEFAULTS, ["track_opens=yes", pair])


def test_every_field_can_be_set() -> None:
    names = [field.name for field in fields(DomainSettings)]
    names.remove("remembered")  # only a service's calls say it
    assert list(domain_settings.KINDS) == names
    assert list(shown(DEFAULTS)) == names


def test_authorised_recipients_come_and_go() -> None:
    two = authorised(authorised(DEFAULTS, "Joe@X.test"), " ann@x.test ")
    assert two.authorised == ("ann@x.test", "joe@x.test")
    assert authorised(two, "JOE@x.test") == two
    assert unauthorised(two, "joe@X.TEST").authorised == ("ann@x.test",)
    with pytest.raises(Refused, match=r"eve@x\.test is not an authorised recipient here"):
        unauthorised(two, "eve@x.test")
    with pytest.raises(Refused, match="not an address"):
        authorised(DEFAULTS, "joe")
