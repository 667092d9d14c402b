"""Each `X-Mailgun-…` header with good and bad values (contract MG-01 to MG-24, C-06, C-08)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from posthouse.dialects.dialect import Context, Header, Wishes
from posthouse.dialects.mailgun import DIALECT
from posthouse.dialects.mailgun.table import ROWS
from posthouse.model.errors import Refused
from posthouse.model.options import Seen

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 UTC
CONTEXT = Context(
    now=NOW,
    recipients=("bob@example.com", "Ann+x@example.com"),
    domain="shop.test",
    is_own=True,
    owns_ip=lambda ip: ip in ("192.0.2.1", "2001:db8::1"),
    owns_pool=lambda name: name in ("fast", "5f0c"),
    owns_key=lambda domain, selector: (domain, selector) == ("second.test", "s1"),
)


def headers(*fields: tuple[str, str | bytes]) -> list[Header]:
    return [
        Header(
            f"x-mailgun-{name}".lower(),
            f"X-Mailgun-{name}",
            b" " + (value if isinstance(value, bytes) else value.encode()),
        )
        for name, value in fields
    ]


def read(*fields: tuple[str, str | bytes], context: Context = CONTEXT) -> Wishes:
    return DIALECT.read(headers(*fields), context)


def warnings(wishes: Wishes) -> list[str]:
    return [seen.effect for seen in wishes.seen if seen.is_warning]


# id: (header, value, options)
GOOD: dict[str, tuple[str, str, dict[str, Any]]] = {
    "MG-02 no": ("Dkim", "no", {"dkim": False}),
    "MG-02 yes": ("Dkim", "yes", {"dkim": True}),
    "MG-02 in capitals": ("Dkim", "False", {"dkim": False}),
    "MG-03 yes": ("Drop-Message", "yes", {"test_mode": "drop"}),
    "MG-03 true": ("Drop-Message", "True", {"test_mode": "drop"}),
    "MG-03 no": ("Drop-Message", "no", {}),
    "MG-04 yes": ("Track", "yes", {"track_opens": True, "track_clicks": "all"}),
    "MG-04 no": ("Track", "no", {"track_opens": False, "track_clicks": "off"}),
    "MG-04 htmlonly": ("Track", "htmlonly", {"track_opens": True, "track_clicks": "html"}),
    "MG-05 yes": ("Track-Clicks", "yes", {"track_clicks": "all"}),
    "MG-05 no": ("Track-Clicks", "no", {"track_clicks": "off"}),
    "MG-05 htmlonly": ("Track-Clicks", "HtmlOnly", {"track_clicks": "html"}),
    "MG-06 yes": ("Track-Opens", "yes", {"track_opens": True}),
    "MG-06 no": ("Track-Opens", "no", {"track_opens": False}),
    "MG-07 yes": ("Track-Pixel-Location-Top", "yes", {"pixel": "top"}),
    "MG-07 htmlonly": ("Track-Pixel-Location-Top", "htmlonly", {"pixel": "top"}),
    "MG-07 no": ("Track-Pixel-Location-Top", "no", {"pixel": "bottom"}),
    "MG-08 IPv4": ("Sending-Ip", "192.0.2.1", {"ip": "192.0.2.1"}),
    "MG-08 IPv6 is shortened": ("Sending-Ip", "2001:DB8:0::1", {"ip": "2001:db8::1"}),
    "MG-09 name": ("Sending-Ip-Pool", "fast", {"ip_pool": "fast"}),
    "MG-09 an address, as in older mail": ("Sending-Ip-Pool", "192.0.2.1", {"ip": "192.0.2.1"}),
    "MG-10 yes": ("Require-TLS", "true", {"require_tls": True}),
    "MG-10 no": ("Require-TLS", "no", {"require_tls": False}),
    "MG-11 yes": ("Skip-Verification", "yes", {"skip_verification": True}),
    "MG-11 no": ("Skip-Verification", "false", {"skip_verification": False}),
    "MG-12 comma": ("Secondary-DKIM", "second.test,s1", {"dkim_second": ("second.test", "s1")}),
    "MG-12 slash": ("Secondary-DKIM", "Second.Test/S1", {"dkim_second": ("second.test", "s1")}),
    "MG-12 with a space": ("Secondary-DKIM", "second.test, s1", {"dkim_second": ("second.test", "s1")}),
    "MG-14 date": ("Deliver-By", "Wed, 15 Nov 2023 12:00:00 +0100", {"deliver_at": 1_700_046_000.0}),
    "MG-14 GMT": ("Deliver-By", "Wed, 15 Nov 2023 11:00:00 GMT", {"deliver_at": 1_700_046_000.0}),
    "MG-14 UTC": ("Deliver-By", "15 Nov 2023 11:00 UTC", {"deliver_at": 1_700_046_000.0}),
    "MG-14 EST": ("Deliver-By", "Wed, 15 Nov 2023 06:00:00 EST", {"deliver_at": 1_700_046_000.0}),
    "MG-14 the manual's sign": (
        "Deliver-By",
        "Wed, 15 Nov 2023 11:00:00 0000",
        {"deliver_at": 1_700_046_000.0},
    ),
    "MG-14 comment": ("Deliver-By", "Wed, 15 Nov 2023 11:00:00 +0000 (UTC)", {"deliver_at": 1_700_046_000.0}),
    "MG-14 two-digit year": ("Deliver-By", "15 Nov 23 11:00:00 -0000", {"deliver_at": 1_700_046_000.0}),
    "MG-14 Unix time": ("Deliver-By", "1700046000", {"deliver_at": 1_700_046_000.0}),
    "MG-14 past": ("Deliver-By", "Fri, 14 Oct 2011 12:00:00 0000", {}),
    "MG-14 the last moment": ("Deliver-By", str(int(NOW + 7 * 86400)), {"deliver_at": NOW + 7 * 86400}),
    "MG-15 both": ("Deliver-Within", "1h30m", {"deliver_within_s": 5400.0}),
    "MG-15 minutes": ("Deliver-Within", "30m", {"deliver_within_s": 1800.0}),
    "MG-15 shortest": ("Deliver-Within", "5m", {"deliver_within_s": 300.0}),
    "MG-15 longest": ("Deliver-Within", "24h", {"deliver_within_s": 86400.0}),
    "MG-15 many minutes": ("Deliver-Within", "90m", {"deliver_within_s": 5400.0}),
    "MG-16 24h": ("Delivery-Time-Optimize-Period", "24h", {"optimise_period_s": 86400.0}),
    "MG-16 72h": ("Delivery-Time-Optimize-Period", "72h", {"optimise_period_s": 259200.0}),
    "MG-17 24 hours": ("Time-Zone-Localize", "16:00", {"local_time": "16:00"}),
    "MG-17 midnight": ("Time-Zone-Localize", "00:00", {"local_time": "00:00"}),
    "MG-17 PM": ("Time-Zone-Localize", "04:00PM", {"local_time": "16:00"}),
    "MG-17 noon": ("Time-Zone-Localize", "12:30pm", {"local_time": "12:30"}),
    "MG-17 12 AM": ("Time-Zone-Localize", "12:30 AM", {"local_time": "00:30"}),
    "MG-17 one digit": ("Time-Zone-Localize", "9:05", {"local_time": "09:05"}),
    "MG-22 object": ("Variables", '{"id": 7, "a": ["x"]}', {"metadata": {"id": 7, "a": ["x"]}}),
    "MG-23 https": ("Archive-To", "https://a.test/in?x=1", {"archive_url": "https://a.test/in?x=1"}),
    "MG-23 http": ("Archive-To", "http://a.test:8080/", {"archive_url": "http://a.test:8080/"}),
    "Native-Send yes": ("Native-Send", "yes", {"keeps_return_path": True}),
    "Native-Send no": ("Native-Send", "no", {}),
}


@pytest.mark.parametrize(("name", "value", "expected"), GOOD.values(), ids=GOOD)
def test_good_values(name: str, value: str, expected: dict[str, Any]) -> None:
    wishes = read((name, value))
    assert wishes.values == expected
    assert dict.fromkeys(expected, f"X-Mailgun-{name}") == wishes.sources
    [seen] = wishes.seen
    assert (seen.header, seen.value, seen.is_warning) == (f"X-Mailgun-{name}", value, False)
    assert seen.effect and not seen.effect.endswith(".")


# id: (header, value, part of the warning); nothing is set, nothing refused
IGNORED: dict[str, tuple[str, str, str]] = {
    "MG-02": ("Dkim", "maybe", "ignored: use yes, no, true or false"),
    "MG-02 htmlonly": ("Dkim", "htmlonly", "ignored: use"),
    "MG-02 a number": ("Dkim", "1", "ignored: use"),
    "MG-03": ("Drop-Message", "Pass", "ignored: use"),
    "MG-04": ("Track", "on, please", "ignored: use yes, no, true, false or htmlonly"),
    "MG-05": ("Track-Clicks", "html", "ignored: use"),
    "MG-06 htmlonly": ("Track-Opens", "htmlonly", "ignored: use"),
    "MG-07": ("Track-Pixel-Location-Top", "bottom", "ignored: use"),
    "MG-10": ("Require-TLS", "always", "ignored: use"),
    "MG-11": ("Skip-Verification", "-", "ignored: use"),
    "MG-12 empty": ("Secondary-DKIM", "", "ignored: it has no value"),
    "MG-14 empty": ("Deliver-By", "", "ignored: it has no value"),
    "MG-22 no JSON": ("Variables", "{", "ignored: not a JSON object"),
    "MG-22 a list": ("Variables", "[1]", "ignored: not a JSON object"),
    "MG-22 empty": ("Variables", "", "ignored: not a JSON object"),
    "MG-23 another scheme": ("Archive-To", "ftp://a.test/", "ignored: use an http or https URL"),
    "MG-23 no host": ("Archive-To", "https:///x", "ignored: use an http"),
    "MG-23 bad host": ("Archive-To", "http://[x/", "ignored: use an http"),
    "MG-23 bad port": ("Archive-To", "http://a.test:99999/", "ignored: use an http"),
    "MG-23 a space": ("Archive-To", "http://a.test/ b", "ignored: use an http"),
    "MG-20 alone": ("Template-Version", "v2", "not used: there is no X-Mailgun-Template-Name"),
    "MG-21 alone": ("Template-Variables", '{"a": 1}', "not used: there is no"),
    "Template-Text alone": ("Template-Text", "yes", "not used: there is no"),
    "MG-24 another prefix": ("Suppress-Headers", "Subject", "only names that begin with X-Mailgun-"),
    "unknown": ("Nonsense", "x", "removed: not a known option"),
}


@pytest.mark.parametrize(("name", "value", "effect"), IGNORED.values(), ids=IGNORED)
def test_values_that_are_ignored_with_a_warning(name: str, value: str, effect: str) -> None:
    wishes = read((name, value))
    assert (wishes.values, wishes.template, wishes.keep) == ({}, None, set())
    [seen] = wishes.seen
    assert seen.is_warning and effect in seen.effect


# id: (header, value, the reply's text)
REFUSED: dict[str, tuple[str, str, str]] = {
    "MG-08 not owned": (
        "Sending-Ip",
        "192.0.2.9",
        "Rejected: IP 192.0.2.9 can't be used to send the message",
    ),
    "MG-08 no address": ("Sending-Ip", "x", "Rejected: IP x can't be used to send the message"),
    "MG-09 unknown": ("Sending-Ip-Pool", "slow", "Rejected: IP pool slow can't be used to send the message"),
    "MG-12 unknown": ("Secondary-DKIM", "a.test,s1", "a.test,s1 is not a valid secondary dkim domain name"),
    "MG-12 no selector": ("Secondary-DKIM", "second.test", "is not a valid secondary dkim domain name"),
    "MG-12 bad domain": ("Secondary-DKIM", "a b,s1", "is not a valid secondary dkim domain name"),
    "MG-13 alone": ("Secondary-DKIM-Public", "b.test/s2", "o:secondary-dkim-public needs o:secondary-dkim"),
    "MG-14 no date": ("Deliver-By", "tomorrow", "tomorrow is not an RFC-2822 compliant date"),
    "MG-14 no zone": ("Deliver-By", "Wed, 15 Nov 2023 11:00:00", "is not an RFC-2822 compliant date"),
    "MG-14 unknown zone": ("Deliver-By", "15 Nov 2023 11:00 CET", "is not an RFC-2822 compliant date"),
    "MG-14 no such day": ("Deliver-By", "31 Nov 2023 11:00:00 +0000", "is not an RFC-2822 compliant date"),
    "MG-14 no such zone": ("Deliver-By", "15 Nov 2023 11:00:00 +9900", "is not an RFC-2822 compliant date"),
    "MG-14 ISO 8601": ("Deliver-By", "2023-11-15T11:00:00Z", "is not an RFC-2822 compliant date"),
    "MG-14 too late": (
        "Deliver-By",
        "Wed, 22 Nov 2023 12:00:00 +0000",
        "o:deliverytime can't be more than 7 days in the future",
    ),
    "MG-14 far too late": ("Deliver-By", "999999999999999", "o:deliverytime can't be more than 7 days"),
    "MG-15 too short": ("Deliver-Within", "4m", "invalid o:deliver-within value: must be between 5m and 24h"),
    "MG-15 too long": ("Deliver-Within", "24h1m", "must be between 5m and 24h"),
    "MG-15 no unit": ("Deliver-Within", "30", "must be between 5m and 24h"),
    "MG-15 wrong order": ("Deliver-Within", "30m1h", "must be between 5m and 24h"),
    "MG-16 too short": ("Delivery-Time-Optimize-Period", "23h", "must be between 24h and 72h"),
    "MG-16 too long": ("Delivery-Time-Optimize-Period", "73h", "must be between 24h and 72h"),
    "MG-16 no unit": ("Delivery-Time-Optimize-Period", "24", "must be between 24h and 72h"),
    "MG-17 25 hours": (
        "Time-Zone-Localize",
        "25:00",
        "25:00 invalid 24 hour time(value of 'o:time-zone-localize')",
    ),
    "MG-17 13 PM": (
        "Time-Zone-Localize",
        "13:00PM",
        "13:00PM is not a valid time to send (value of 'o:time-zone-localize')",
    ),
    "MG-17 words": (
        "Time-Zone-Localize",
        "noon",
        "noon is not a valid time to send (value of 'o:time-zone-localize')",
    ),
    "MG-18 no JSON": ("Recipient-Variables", "{", "'recipient-variables' parameter is not a valid JSON"),
    "MG-18 empty": ("Recipient-Variables", "", "'recipient-variables' parameter is not a valid JSON"),
    "MG-18 a list": ("Recipient-Variables", "[]", "'recipient-variables' parameter is not a valid JSON"),
    "MG-18 no object inside": (
        "Recipient-Variables",
        '{"bob@example.com": "Bob"}',
        "'recipient-variables' parameter is not a valid JSON",
    ),
    "MG-21 no JSON": ("Template-Variables", "x", "'t:variables' parameter is not a valid JSON"),
}


@pytest.mark.parametrize(("name", "value", "text"), REFUSED.values(), ids=REFUSED)
def test_values_that_refuse_the_letter(name: str, value: str, text: str) -> None:
    with pytest.raises(Refused) as caught:
        read((name, value))
    assert (caught.value.code, caught.value.enhanced) == (554, "5.6.0")
    assert text in caught.value.text
    assert caught.value.text.isascii() and caught.value.text.isprintable()


ORDERS = (1, -1)


@pytest.mark.parametrize("step", ORDERS, ids=["wider first", "narrower first"])
def test_mg_04_narrower_headers_beat_track_whatever_the_order(step: int) -> None:
    fields = [("Track", "yes"), ("Track-Clicks", "no"), ("Track-Opens", "no")][::step]
    assert read(*fields).values == {"track_opens": False, "track_clicks": "off"}
    fields = [("Track", "no"), ("Track-Clicks", "htmlonly")][::step]
    assert read(*fields).values == {"track_opens": False, "track_clicks": "html"}


def test_mg_04_a_narrower_header_without_meaning_leaves_the_wider_one() -> None:
    wishes = read(("Track", "no"), ("Track-Opens", "what"))
    assert wishes.values == {"track_opens": False, "track_clicks": "off"}
    assert len(warnings(wishes)) == 1


def test_the_last_of_several_single_valued_headers_counts() -> None:
    wishes = read(("Dkim", "no"), ("Track-Opens", "yes"), ("Dkim", "yes"))
    assert wishes.values == {"dkim": True, "track_opens": True}
    assert [seen.is_warning for seen in wishes.seen] == [True, False, False]
    assert "repeated" in wishes.seen[0].effect


@pytest.mark.parametrize("step", ORDERS)
def test_mg_09_an_address_beats_a_pool(step: int) -> None:
    wishes = read(*[("Sending-Ip", "192.0.2.1"), ("Sending-Ip-Pool", "fast")][::step])
    assert wishes.values == {"ip": "192.0.2.1"}
    assert warnings(wishes) == ["not used: X-Mailgun-Sending-Ip decides"]


@pytest.mark.parametrize("step", ORDERS)
def test_mg_13_the_alias_goes_with_the_second_key(step: int) -> None:
    wishes = read(
        *[("Secondary-DKIM", "second.test,s1"), ("Secondary-DKIM-Public", "Bücher.test/pub")][::step]
    )
    assert wishes.values == {
        "dkim_second": ("second.test", "s1"),
        "dkim_second_public": ("xn--bcher-kva.test", "pub"),
    }


def test_mg_14_the_horizon_is_the_domains() -> None:
    context = Context(now=NOW, recipients=(), domain="a.test", is_own=True, schedule_days=3)
    with pytest.raises(Refused, match="can't be more than 3 days in the future"):
        read(("Deliver-By", str(int(NOW + 4 * 86400))), context=context)


# -- tags ------------------------------------------------------------


def test_mg_01_tags_are_kept_in_their_first_spelling() -> None:
    wishes = read(("Tag", "News, all"), ("Tag", "spring"), ("Tag", "SPRING"))
    assert wishes.values == {"tags": ("News, all", "spring")}
    assert wishes.keep == {"x-mailgun-tag"}
    assert not warnings(wishes)


def test_mg_01_ten_tags_at_most() -> None:
    wishes = read(*[("Tag", f"t{number}") for number in range(12)])
    assert wishes.values["tags"] == tuple(f"t{number}" for number in range(10))
    assert warnings(wishes) == ["ignored: a message has 10 tags at most"] * 2


@pytest.mark.parametrize(
    ("value", "tag"),
    [("é" * 3, "eee"), ("x" * 129, "x" * 128), ("日本", "u65e5u672c"), ("=?utf-8?q?caf=C3=A9?=", "cafe")],
    ids=["accents go", "cut", "another script", "encoded word"],
)
def test_mg_01_odd_tags_never_cost_the_mail(value: str, tag: str) -> None:
    wishes = read(("Tag", value))
    assert wishes.values == {"tags": (tag,)}
    assert wishes.seen[0].is_warning


def test_mg_01_an_empty_tag_is_none() -> None:
    wishes = read(("Tag", "  "))
    assert wishes.values == {} and warnings(wishes) == ["ignored: it has no value"]


# -- recipient variables ------------------------------------------------------------

BATCH = {"bob@example.com": {"id": 1}, "ANN+x@Example.com": {"id": 2}, "other@example.com": {"id": 3}}


def test_mg_18_values_by_recipient() -> None:
    wishes = read(("Recipient-Variables", json.dumps(BATCH)))
    assert wishes.values == {"to_each": True, "percent": True}
    assert wishes.variables == {"bob@example.com": {"id": 1}, "ann+x@example.com": {"id": 2}}
    assert wishes.keep == set() and not warnings(wishes)


def test_mg_18_an_empty_object_makes_a_batch_too() -> None:
    wishes = read(("Recipient-Variables", "{}"))
    assert wishes.variables == {} and wishes.values == {"to_each": True, "percent": True}
    assert not warnings(wishes)


def test_mg_18_recipients_without_values_are_told() -> None:
    wishes = read(("Recipient-Variables", '{"bob@example.com": null}'))
    assert wishes.variables == {"bob@example.com": {}}
    assert warnings(wishes) == ["a copy for each recipient; no values for 1 of 2, their tags stay"]


def test_mg_18_an_international_domain_in_either_form() -> None:
    context = Context(now=NOW, recipients=("jo@xn--bcher-kva.test",), domain="a.test", is_own=False)
    wishes = read(("Recipient-Variables", '{"Jo@Bücher.test": {"a": 1}, "ü": {}}'), context=context)
    assert wishes.variables == {"jo@xn--bcher-kva.test": {"a": 1}}


# -- user variables ------------------------------------------------------------


def test_mg_22_one_header_stays_as_it_came() -> None:
    wishes = read(("Variables", '{"a": 1}'))
    assert wishes.keep == {"x-mailgun-variables"}


def test_mg_22_several_become_one_and_later_values_win() -> None:
    wishes = read(("Variables", '{"a": 1, "b": 1}'), ("Variables", '{"b": "ü"}'))
    assert wishes.values["metadata"] == {"a": 1, "b": "ü"}
    assert wishes.values["add_fields"] == (("X-Mailgun-Variables", '{"a": 1, "b": "\\u00fc"}'),)
    assert wishes.keep == set()


def test_mg_22_a_broken_one_beside_a_good_one() -> None:
    wishes = read(("Variables", '{"a": 1}'), ("Variables", "{broken"))
    assert wishes.values["metadata"] == {"a": 1}
    assert wishes.values["add_fields"] == (("X-Mailgun-Variables", '{"a": 1}'),)
    assert len(warnings(wishes)) == 1


def test_mg_22_events_get_4_kb_of_it_and_a_template_all() -> None:
    data = {"a": 1, "long": "x" * 5000, "b": 2}
    wishes = read(("Variables", json.dumps(data)), ("Template-Name", "t"))
    assert wishes.values["metadata"] == {"a": 1, "b": 2}
    assert wishes.values["template_vars"] == data
    assert warnings(wishes) == ["over 4 KB: missing in events: long"]
    assert "template_vars" not in read(("Variables", json.dumps(data))).values


# -- templates ------------------------------------------------------------


def test_mg_19_20_21_a_template_with_version_and_values() -> None:
    wishes = read(
        ("Template-Name", "Welcome"),
        ("Template-Version", "V2"),
        ("Template-Text", "yes"),
        ("Template-Variables", '{"a": {"b": [1]}}'),
    )
    assert wishes.template
    assert (wishes.template.name, wishes.template.version) == ("Welcome", "v2")
    assert wishes.template.wants_text
    assert wishes.values == {"template_vars": {"a": {"b": [1]}}}
    assert not warnings(wishes)


def test_mg_19_whatever_is_wrong_with_the_template_refuses_the_letter() -> None:
    wishes = read(("Template-Name", "welcome"))
    assert wishes.template and not wishes.template.wants_text and not wishes.template.version
    refused = wishes.template.trouble('template "welcome" not found')
    assert isinstance(refused, Refused)
    assert str(refused) == '554 5.6.0 template "welcome" not found'


def test_template_text_with_a_bad_word() -> None:
    wishes = read(("Template-Name", "welcome"), ("Template-Text", "please"))
    assert wishes.template and not wishes.template.wants_text and len(warnings(wishes)) == 1


# -- suppressed headers ------------------------------------------------------------


def test_mg_24_names_repeats_and_lists() -> None:
    wishes = read(
        ("Suppress-Headers", "X-Mailgun-Sid"),
        ("Suppress-Headers", "x-mailgun-tag, X-Mailgun-Batch-Id"),
        ("Tag", "a"),
        ("Variables", '{"a": 1}'),
    )
    assert wishes.values["drop_fields"] == ("x-mailgun-sid", "x-mailgun-tag", "x-mailgun-batch-id")
    assert wishes.keep == {"x-mailgun-variables"}
    assert not warnings(wishes)


@pytest.mark.parametrize("step", ORDERS)
def test_mg_24_all(step: int) -> None:
    fields = [("Suppress-Headers", "all"), ("Tag", "a"), ("Variables", '{"a": 1}'), ("Variables", '{"b": 1}')]
    wishes = read(*fields[::step])
    assert wishes.keep == set() and "add_fields" not in wishes.values
    assert {"x-mailgun-sid", "x-mailgun-tag", "x-mailgun-variables"} <= set(wishes.values["drop_fields"])
    assert wishes.values["tags"] == ("a",) and wishes.values["metadata"] == {"a": 1, "b": 1}


def test_mg_24_the_number_of_names_is_bounded() -> None:
    fields = [("Suppress-Headers", f"X-Mailgun-A{number}, all") for number in range(500)]
    assert 100 <= len(read(*fields).values["drop_fields"]) <= 110


def test_mg_24_an_empty_one() -> None:
    assert warnings(read(("Suppress-Headers", " , "))) == ["ignored: it has no value"]


# -- what is said ------------------------------------------------------------


def test_headers_of_received_mail_are_removed_without_a_warning() -> None:
    wishes = read(("Spf", "Pass"), ("Sid", "x"), ("Incoming", "Yes"))
    assert [seen.is_warning for seen in wishes.seen] == [False] * 3
    assert wishes.values == {} and wishes.keep == set()


def test_every_header_is_seen_in_order_and_cut() -> None:
    wishes = read(("Variables", json.dumps({"a": "x" * 600})), ("Dkim", "no"), ("Foo", "bar"))
    assert [seen.header for seen in wishes.seen] == ["X-Mailgun-Variables", "X-Mailgun-Dkim", "X-Mailgun-Foo"]
    assert len(wishes.seen[0].value) == 500
    assert wishes.seen[1] == Seen("X-Mailgun-Dkim", "no", "sent without a DKIM signature")


PAGE = (Path(__file__).parents[3] / "docs" / "dialects-mailgun.md").read_text()
OTHERS = ("Tag", "Recipient-Variables", "Variables", "Suppress-Headers")
TEMPLATES = ("Template-Name", "Template-Version", "Template-Variables", "Template-Text")


@pytest.mark.parametrize(
    "name", [*(row.header for row in ROWS), *(f"X-Mailgun-{name}" for name in OTHERS + TEMPLATES)]
)
def test_the_manual_has_a_line_for_every_header(name: str) -> None:
    assert f"| `{name}` |" in PAGE


def test_its_own_letters_are_personalised_without_a_header() -> None:
    assert DIALECT.defaults == {"percent": True}
    assert read(("Dkim", "no")).values == {"dkim": False}
