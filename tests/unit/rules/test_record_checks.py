"""Each needed record against what DNS has, and the sentence for people (D-01)."""

from __future__ import annotations

import pytest

from posthouse.rules.checks import Check, State, unknown
from posthouse.rules.dmarc_check import judge_dmarc, names_above
from posthouse.rules.dns import NOTHING, Found, Unanswered
from posthouse.rules.record_checks import (
    SpfSeen,
    judge_alias,
    judge_mx,
    judge_replies,
    judge_spf,
    likely_places,
    place_hint,
)
from posthouse.rules.records import Record, Use
from posthouse.rules.spf import Result, Verdict

OK, WRONG, MISSING = State.OK, State.WRONG, State.MISSING
DMARC = Record(Use.DMARC, "DMARC", "TXT", "_dmarc.a.test", "v=DMARC1; p=none")
MX = Record(Use.RETURN_MX, "return path", "MX", "return.a.test", "10 mail.h.test.")
ALIAS = Record(Use.TRACKING, "links", "CNAME", "email.a.test", "mail.h.test.")
SPF = Record(Use.SPF, "SPF", "TXT", "a.test", "v=spf1 a:mail.h.test ~all")
DKIM = Record(Use.DKIM, "DKIM", "TXT", "ph1._domainkey.a.test", "v=DKIM1; k=rsa; p=AbC", is_required=True)


def texts(*found: str) -> Found:
    return Found(bool(found), tuple((0, text) for text in found))


def said(check: Check, state: State, part: str) -> None:
    assert (check.state, part in check.text) == (state, True), check
    assert len(check.found) <= 200


DMARC_CASES: dict[str, tuple[list[str], State, str]] = {
    "as it should be": (["v=DMARC1; p=none"], OK, "The record is there."),
    "stricter": (["v=DMARC1;p=reject;rua=mailto:a@b.test"], OK, "The record is there."),
    "blanks around the equals sign": (["v = DMARC1 ; p = none"], OK, "is there"),
    "other texts beside it": (["hello", "v=DMARC1; p=none"], OK, "is there"),
    "reports but no policy": (["v=DMARC1; rua=mailto:a@b.test"], OK, "is there"),
    "a percentage": (["v=DMARC1; p=none; pct=50"], OK, "pct= means nothing any more"),
    "an address that is none": (["v=DMARC1; p=none; rua=a@b.test"], OK, "begins with mailto:"),
    "nothing": ([], MISSING, "There is no DMARC record at _dmarc.a.test yet"),
    "two records": (["v=DMARC1; p=none", "v=DMARC1; p=reject"], WRONG, "There are 2 DMARC records"),
    "no policy": (["v=DMARC1"], WRONG, "has no policy"),
    "a policy that is none": (["v=DMARC1; p=monitor"], WRONG, "p=monitor is no policy"),
    "small letters": (["v=dmarc1; p=none"], WRONG, "begins with exactly v=DMARC1"),
    "quotation marks": (['"v=DMARC1; p=none"'], WRONG, "no quotation marks"),
}


@pytest.mark.parametrize("case", DMARC_CASES, ids=str)
def test_D_01_dmarc(case: str) -> None:
    found, state, part = DMARC_CASES[case]
    said(judge_dmarc(DMARC, texts(*found), "a.test", {}), state, part)


@pytest.mark.parametrize(
    ("domain", "names"),
    [
        ("a.test", []),
        ("news.a.test", ["_dmarc.a.test"]),
        ("a.b.c.d.e.f.g.h.i.test", [f"_dmarc.{'.'.join('defghi'[n:])}.test" for n in range(6)]),
    ],
)
def test_the_walk_up_the_tree_is_short(domain: str, names: list[str]) -> None:
    """RFC 9989 4.10: at most eight questions, the domain's own included."""
    assert names_above(domain) == names


def test_the_record_of_the_organisation_holds_below_it() -> None:
    check = judge_dmarc(DMARC, NOTHING, "news.a.test", {"_dmarc.a.test": texts("v=DMARC1; p=reject")})
    said(check, OK, "The record of a.test holds for this domain too")
    suffix = {"_dmarc.co.test": texts("v=DMARC1; p=reject; psd=y")}
    assert judge_dmarc(DMARC, NOTHING, "a.co.test", suffix).state is MISSING


MX_CASES: dict[str, tuple[Found, State, str]] = {
    "as it should be": (Found(rows=((10, "mail.h.test"),)), OK, "is there"),
    "another preference": (Found(rows=((5, "mail.h.test"),)), OK, "is there"),
    "nothing": (Found(), MISSING, "There is no MX record at return.a.test yet"),
    "somewhere else": (Found(rows=((10, "mx.b.test"),)), WRONG, "points to mx.b.test instead of mail.h.test"),
    "somewhere else as well": (
        Found(rows=((10, "mail.h.test"), (20, "mx.b.test"))),
        WRONG,
        "may go to mx.b.test as well",
    ),
    "null MX": (Found(rows=((0, ""),)), WRONG, "takes no mail (null MX)"),
    "the zone behind the value": (
        Found(rows=((10, "mail.h.test.a.test"),)),
        WRONG,
        "put a dot behind mail.h.test",
    ),
    "an alias": (Found(False, (), "x.b.test", True), MISSING, "is an alias (CNAME) of x.b.test"),
}


@pytest.mark.parametrize("case", MX_CASES, ids=str)
def test_D_01_return_path(case: str) -> None:
    found, state, part = MX_CASES[case]
    said(judge_mx(MX, found, "a.test"), state, part)


OURS = {"mail.h.test": ["192.0.2.1", "2001:db8::1"]}
ALIAS_CASES: dict[str, tuple[list[str], list[str], State, str]] = {
    "as it should be": (["Mail.h.test."], [], OK, "is there"),
    "nothing": ([], [], MISSING, "There is no CNAME record at email.a.test yet"),
    "somewhere else": (["b.test."], [], WRONG, "leads to b.test instead of mail.h.test"),
    "the zone behind the value": (["mail.h.test.a.test."], [], WRONG, "put a dot behind mail.h.test"),
    "flattened": ([], ["192.0.2.1"], OK, "by addresses (a flattened CNAME)"),
    "addresses of another": ([], ["198.51.100.1"], WRONG, "Address records stand in the way"),
}


@pytest.mark.parametrize("case", ALIAS_CASES, ids=str)
def test_D_01_tracking_host(case: str) -> None:
    found, own, state, part = ALIAS_CASES[case]
    said(judge_alias(ALIAS, texts(*found), "a.test", {**OURS, "email.a.test": own}), state, part)


PASSES = {"192.0.2.1": Verdict(Result.PASS, "a.test", "a:mail.h.test", 3)}
TERMS = ["a:mail.h.test"]


def spf(found: Found, verdict: Verdict | None = None, costs: tuple[tuple[str, int], ...] = ()) -> Check:
    verdicts = {"192.0.2.1": verdict} if verdict else PASSES
    return judge_spf(SPF, found, "a.test", SpfSeen(verdicts, TERMS, costs))


def test_D_01_spf_that_lets_us_pass() -> None:
    said(spf(texts("v=spf1 a:mail.h.test ~all")), OK, 'passes by "a:mail.h.test", with 3 of 10 look-ups')
    everybody = Verdict(Result.PASS, "a.test", "+all")
    said(spf(texts("v=spf1 +all"), everybody), OK, "lets everybody pass")


@pytest.mark.parametrize(
    ("verdict", "parts"),
    [
        (
            Verdict(Result.SOFTFAIL, "a.test", "~all"),
            ['does not let 192.0.2.1 pass (softfail by "~all")', "v=spf1 mx a:mail.h.test ~all"],
        ),
        (Verdict(Result.NEUTRAL, "a.test"), ["does not let 192.0.2.1 pass (neutral)"]),
        (Verdict(Result.PERMERROR, "a.test", why="it is odd"), ["cannot use the SPF record: it is odd"]),
        (
            Verdict(Result.PERMERROR, "a.test", lookups=11, why="too many"),
            ["needs 14 look-ups and receivers stop at 10", "include:b.test takes 9, mx takes 5"],
        ),
    ],
    ids=["softfail", "neutral", "broken", "too many look-ups"],
)
def test_D_01_spf_that_does_not(verdict: Verdict, parts: list[str]) -> None:
    check = spf(texts("v=spf1 mx ~all"), verdict, (("mx", 5), ("include:b.test", 9)))
    for part in parts:
        said(check, WRONG, part)


def test_D_01_two_spf_records_are_joined_for_the_customer() -> None:
    check = spf(texts("v=spf1 include:b.test ~all", "v=spf1 mx -all"))
    said(check, WRONG, "There are 2 SPF records")
    said(check, WRONG, "Join them into one: v=spf1 include:b.test mx a:mail.h.test ~all")


def test_D_01_spf_that_is_not_there() -> None:
    said(spf(Found(rows=((0, "other"),))), MISSING, "There is no SPF record at a.test yet")
    said(spf(NOTHING), MISSING, "There is no domain a.test in DNS")
    said(spf(texts('"v=spf1 mx ~all"')), WRONG, "begins with exactly v=spf1")
    said(spf(Found(True, (), "cdn.b.test", True)), MISSING, "a.test itself is an alias (CNAME) of cdn.b.test")


def test_D_01_a_domain_that_takes_no_mail_gets_a_warning() -> None:
    check = judge_replies("a.test", Found(rows=((0, ""),)))
    assert check is not None
    said(check, WRONG, "5.7.27")
    assert not check.record.is_required
    assert judge_replies("a.test", Found()) is None
    assert judge_replies("a.test", Found(rows=((10, "mx.a.test"),))) is None


def test_nobody_could_say_is_never_missing() -> None:
    check = unknown(DKIM, Unanswered("DNS lookup of x failed: SERVFAIL"))
    said(check, State.UNKNOWN, "which says nothing about the record: DNS lookup of x failed: SERVFAIL.")
    assert not check.is_there


PLACES = [
    (
        DKIM,
        "ph1._domainkey.a.test.a.test",
        DKIM.value,
        "the panel adds the zone by itself. Enter ph1._domainkey",
    ),
    (DKIM, "ph1.a.test", DKIM.value, "It is at ph1.a.test instead of ph1._domainkey.a.test"),
    (DKIM, "ph2._domainkey.a.test", DKIM.value, "It is at ph2._domainkey.a.test instead"),
    (DKIM, "ph1.a.test", "v=DKIM1; p=other", ""),
    (DMARC, "a.test", "v=DMARC1; p=none", "It is at a.test instead of _dmarc.a.test"),
    (DMARC, "dmarc.a.test", "v=DMARC1; p=none", "Enter _dmarc as the name"),
    (SPF, "a.test.a.test", "v=spf1 mx", "It is at a.test.a.test: the panel adds the zone by itself. Enter @"),
    (MX, "return.a.test.a.test", "mail.h.test", "Enter return as the name"),
    (ALIAS, "email.a.test.a.test", "mail.h.test.", "Enter email as the name"),
]


@pytest.mark.parametrize(("record", "place", "value", "part"), PLACES)
def test_D_01_a_record_at_another_place_is_found(record: Record, place: str, value: str, part: str) -> None:
    assert place in likely_places(record, "a.test", ["ph1", "ph2"])
    hint = place_hint(record, "a.test", {place: texts(value)})
    assert (part in hint) if part else (hint == "")
