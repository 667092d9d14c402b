"""check_host by table: the topics of the openspf test suite, in our own words (SPF-1, RFC 7208)."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.rules.spf import Result, check_host, costs
from posthouse.rules.spf_record import BadSpf, is_spf, joined, parse_spf
from unit.rules.zone import TIMEOUT, Zone

V4, V6 = "192.0.2.9", "2001:db8::9"
PASS, FAIL, SOFT, NEUTRAL = Result.PASS, Result.FAIL, Result.SOFTFAIL, Result.NEUTRAL
NONE, TEMP, PERM = Result.NONE, Result.TEMPERROR, Result.PERMERROR
HOSTS: dict[str, Any] = {
    "h.test A": [V4],
    "h.test AAAA": [V6],
    "near.test A": ["192.0.2.200"],
    "other.test A": ["198.51.100.1"],
    "empty.test TXT": ["nothing of note"],
}

# the record of a.test, further records, the client's address, what is said
CASES: dict[str, tuple[str, dict[str, Any], str, Result]] = {
    # 4.3 to 4.6: which record
    "no record at all": ("", {}, V4, NONE),
    "another text only": ("google-site-verification=x", {}, V4, NONE),
    "a version that only begins like ours": ("v=spf10 +all", {}, V4, NONE),
    "the version alone": ("v=spf1", {}, V4, NEUTRAL),
    "the version in capitals": ("V=SPF1 +all", {}, V4, PASS),
    "DNS does not answer": ("", {"a.test": TIMEOUT}, V4, TEMP),
    "letters beyond ASCII": ("v=spf1 +all é", {}, V4, PERM),
    "several blanks between terms": ("v=spf1   ip4:192.0.2.9   -all ", {}, V4, PASS),
    # 4.6.2: qualifiers
    "plus is what nothing means": ("v=spf1 all", {}, V4, PASS),
    "minus": ("v=spf1 -all", {}, V4, FAIL),
    "tilde": ("v=spf1 ~all", {}, V4, SOFT),
    "question mark": ("v=spf1 ?all", {}, V4, NEUTRAL),
    "nothing matches": ("v=spf1 ip4:198.51.100.1", {}, V4, NEUTRAL),
    "the first match decides": ("v=spf1 ?ip4:192.0.2.9 -all +all", {}, V4, NEUTRAL),
    "names in capitals": ("v=spf1 IP4:192.0.2.9 -ALL", {}, V4, PASS),
    # syntax: one wrong term spoils all
    "an unknown mechanism": ("v=spf1 +all ipv4:192.0.2.9", {}, V4, PERM),
    "all with something behind it": ("v=spf1 all:x.test", {}, V4, PERM),
    "a term behind the one that decides is wrong": ("v=spf1 +all a/33", {}, V4, PERM),
    "include without a domain": ("v=spf1 include", {}, V4, PERM),
    "include with an empty domain": ("v=spf1 include:", {}, V4, PERM),
    "exists without a domain": ("v=spf1 exists", {}, V4, PERM),
    "a domain that is a top-level one": ("v=spf1 a:museum +all", {}, V4, PERM),
    "a domain that is a top-level one with its dot": ("v=spf1 a:museum. +all", {}, V4, PERM),
    "a domain that ends in a number": ("v=spf1 a:192.0.2.9 +all", {}, V4, PERM),
    "a comma behind a term": ("v=spf1 a:h.test, -all", {}, V4, PERM),
    # ip4 and ip6
    "an address": ("v=spf1 ip4:192.0.2.9 -all", {}, V4, PASS),
    "a network": ("v=spf1 ip4:192.0.2.0/24 -all", {}, V4, PASS),
    "a network with bits below its prefix": ("v=spf1 ip4:192.0.2.77/24 -all", {}, V4, PASS),
    "a network that is another": ("v=spf1 ip4:198.51.100.0/24 -all", {}, V4, FAIL),
    "everybody": ("v=spf1 ip4:0.0.0.0/0 -all", {}, V4, PASS),
    "a prefix too long": ("v=spf1 ip4:192.0.2.0/33 -all", {}, V4, PERM),
    "a prefix with a nought in front": ("v=spf1 ip4:192.0.2.0/024 -all", {}, V4, PERM),
    "a mask in place of a prefix": ("v=spf1 ip4:192.0.2.0/255.255.255.0", {}, V4, PERM),
    "half an address": ("v=spf1 ip4:192.0.2 -all", {}, V4, PERM),
    "an equals sign in place of the colon": ("v=spf1 ip4=192.0.2.9 -all", {}, V4, FAIL),
    "a blank behind the colon": ("v=spf1 ip4: 192.0.2.9 -all", {}, V4, PERM),
    "an IPv6 network": ("v=spf1 ip6:2001:db8::/32 -all", {}, V6, PASS),
    "an IPv6 address for an IPv4 client": ("v=spf1 ip6:2001:db8::9 -all", {}, V4, FAIL),
    "an IPv4 client in IPv6 clothes": ("v=spf1 ip4:192.0.2.9 -all", {}, f"::ffff:{V4}", PASS),
    # a
    "the domain's own address": ("v=spf1 a -all", {"a.test A": [V4]}, V4, PASS),
    "a host": ("v=spf1 a:h.test -all", {}, V4, PASS),
    "a host with a dot at its end": ("v=spf1 a:h.test. -all", {}, V4, PASS),
    "a host by IPv6": ("v=spf1 a:h.test -all", {}, V6, PASS),
    "a host in the neighbourhood": ("v=spf1 a:near.test/24 -all", {}, V4, PASS),
    "a host that is too far": ("v=spf1 a:near.test/25 -all", {}, V4, FAIL),
    "both prefixes": ("v=spf1 a:h.test/32//64 -all", {}, "2001:db8::1:2", PASS),
    "only the IPv6 prefix": ("v=spf1 a:h.test//128 -all", {}, "2001:db8::8", FAIL),
    "a host behind an alias": ("v=spf1 a:www.test -all", {"www.test CNAME": ["h.test"]}, V4, PASS),
    "a host that nobody can tell": ("v=spf1 a:h.test -all", {"h.test A": TIMEOUT}, V4, TEMP),
    # mx
    "the domain's mail host": ("v=spf1 mx -all", {"a.test MX": ["10 h.test"]}, V4, PASS),
    "the last of ten mail hosts": (
        "v=spf1 mx -all",
        {"a.test MX": [*[f"{n} n{n}.test" for n in range(9)], "10 h.test"]},
        V4,
        PASS,
    ),
    "eleven mail hosts": ("v=spf1 mx -all", {"a.test MX": [f"{n} n{n}.test" for n in range(11)]}, V4, PERM),
    "no mail at all": ("v=spf1 mx -all", {"a.test MX": ["0 ."]}, V4, FAIL),
    "mail hosts with a prefix": ("v=spf1 mx/24 -all", {"a.test MX": ["10 near.test"]}, V4, PASS),
    # ptr
    "a name that leads there and back": (
        "v=spf1 ptr -all",
        {"9.2.0.192.in-addr.arpa PTR": ["mail.a.test."], "mail.a.test A": [V4]},
        V4,
        PASS,
    ),
    "a name that does not lead back": (
        "v=spf1 ptr -all",
        {"9.2.0.192.in-addr.arpa PTR": ["mail.a.test."], "mail.a.test A": ["198.51.100.1"]},
        V4,
        FAIL,
    ),
    "a name that only ends alike": (
        "v=spf1 ptr -all",
        {"9.2.0.192.in-addr.arpa PTR": ["nota.test."], "nota.test A": [V4]},
        V4,
        FAIL,
    ),
    "the eleventh name is not looked at": (
        "v=spf1 ptr -all",
        {
            "9.2.0.192.in-addr.arpa PTR": [*[f"n{n}.test." for n in range(10)], "mail.a.test."],
            "mail.a.test A": [V4],
        },
        V4,
        FAIL,
    ),
    "names that nobody can tell": ("v=spf1 ptr -all", {"9.2.0.192.in-addr.arpa": TIMEOUT}, V4, FAIL),
    # exists and macros
    "exists": ("v=spf1 exists:h.test -all", {}, V4, PASS),
    "exists asks for IPv4 even of IPv6": ("v=spf1 exists:h.test -all", {}, V6, PASS),
    "the client's address": ("v=spf1 exists:%{i}.l.test -all", {f"{V4}.l.test A": ["127.0.0.2"]}, V4, PASS),
    "the address turned round": (
        "v=spf1 exists:%{ir}.%{v}.l.test -all",
        {"9.2.0.192.in-addr.l.test A": ["127.0.0.2"]},
        V4,
        PASS,
    ),
    "an IPv6 address in nibbles": (
        "v=spf1 exists:%{ir}.%{v}.l.test -all",
        {".".join("9" + "0" * 23 + "8bd01002") + ".ip6.l.test A": ["127.0.0.2"]},
        V6,
        PASS,
    ),
    "parts of the local part": (
        "v=spf1 exists:%{l1r-}.%{o}.l.test -all",
        {"one.a.test.l.test A": ["127.0.0.2"]},
        V4,
        PASS,
    ),
    "the last two labels": ("v=spf1 exists:%{d2}.l.test -all", {"a.test.l.test A": ["127.0.0.2"]}, V4, PASS),
    "the greeting": ("v=spf1 exists:%{h}.l.test -all", {"helo.test.l.test A": ["127.0.0.2"]}, V4, PASS),
    "the sender, escaped": (
        "v=spf1 exists:%{S}.l.test -all",
        {"one-two%40a.test.l.test A": ["127.0.0.2"]},
        V4,
        PASS,
    ),
    "no validated name": ("v=spf1 exists:%{p}.l.test -all", {"unknown.l.test A": ["127.0.0.2"]}, V4, PASS),
    "a validated name": (
        "v=spf1 exists:%{p}.l.test -all",
        {
            "9.2.0.192.in-addr.arpa PTR": ["h.test."],
            "h.test.l.test A": ["127.0.0.2"],
        },
        V4,
        PASS,
    ),
    "percent signs": ("v=spf1 exists:%%%_%-.l.test -all", {"% %20.l.test A": ["127.0.0.2"]}, V4, PASS),
    "a percent sign alone": ("v=spf1 exists:100%.l.test +all", {}, V4, PERM),
    "a macro of explanations": ("v=spf1 exists:%{t}.l.test +all", {}, V4, PERM),
    "an unknown macro": ("v=spf1 exists:%{x}.l.test +all", {}, V4, PERM),
    "a macro that keeps nothing": ("v=spf1 exists:%{d0}.l.test +all", {}, V4, PERM),
    "a macro without its end": ("v=spf1 exists:%{d.l.test +all", {}, V4, PERM),
    # include
    "include of a pass": ("v=spf1 include:b.test -all", {"b.test TXT": ["v=spf1 ip4:192.0.2.9"]}, V4, PASS),
    "include of a fail goes on": ("v=spf1 include:b.test ~all", {"b.test TXT": ["v=spf1 -all"]}, V4, SOFT),
    "a qualifier before include": ("v=spf1 -include:b.test +all", {"b.test TXT": ["v=spf1 all"]}, V4, FAIL),
    "include of nothing": ("v=spf1 include:empty.test +all", {}, V4, PERM),
    "include of a broken one": ("v=spf1 include:b.test +all", {"b.test TXT": ["v=spf1 oops"]}, V4, PERM),
    "include of an unreachable one": ("v=spf1 include:b.test +all", {"b.test": TIMEOUT}, V4, TEMP),
    "include of itself": ("v=spf1 include:a.test -all", {}, V4, PERM),
    # redirect and exp
    "redirect": ("v=spf1 redirect=b.test", {"b.test TXT": ["v=spf1 ip4:192.0.2.9 -all"]}, V4, PASS),
    "redirect is looked at last": (
        "v=spf1 redirect=b.test ip4:192.0.2.9",
        {"b.test TXT": ["v=spf1 -all"]},
        V4,
        PASS,
    ),
    "all makes redirect useless": ("v=spf1 redirect=b.test ?all", {}, V4, NEUTRAL),
    "redirect to nothing": ("v=spf1 redirect=empty.test", {}, V4, PERM),
    "redirect twice": ("v=spf1 redirect=b.test redirect=b.test +all", {}, V4, PERM),
    "redirect in a circle": ("v=spf1 redirect=a.test", {}, V4, PERM),
    "an explanation is not ours to fetch": ("v=spf1 exp=no.test -all", {}, V4, FAIL),
    "an explanation without a domain": ("v=spf1 exp= +all", {}, V4, PERM),
    "an unknown modifier": ("v=spf1 since=%{d}x -all", {}, V4, FAIL),
    "an unknown modifier with a broken macro": ("v=spf1 since=%{ +all", {}, V4, PERM),
    # 4.6.4: limits
    "ten look-ups": ("v=spf1 " + "a:other.test " * 10 + "ip4:192.0.2.9 -all", {}, V4, PASS),
    "eleven look-ups": ("v=spf1 " + "a:other.test " * 11 + "ip4:192.0.2.9 -all", {}, V4, PERM),
    "a match before the eleventh": ("v=spf1 ip4:192.0.2.9 " + "a:other.test " * 20, {}, V4, PASS),
    "look-ups below includes count": (
        "v=spf1 include:b.test include:b.test ip4:192.0.2.9",
        {"b.test TXT": ["v=spf1 " + "a:other.test " * 5]},
        V4,
        PERM,
    ),
    "two that find nothing": ("v=spf1 a:x1.test a:x2.test ip4:192.0.2.9", {}, V4, PASS),
    "three that find nothing": ("v=spf1 a:x1.test a:x2.test a:x3.test ip4:192.0.2.9", {}, V4, PERM),
}


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_SPF_1(case: str) -> None:
    record, more, ip, result = CASES[case]
    zone = Zone({**HOSTS, **({"a.test TXT": [record, "another text"]} if record else {}), **more})
    verdict = await check_host(zone.ask, ip, "a.test", "one-two@a.test", "helo.test")
    assert verdict.result is result, verdict
    assert bool(verdict.why) == (result in (TEMP, PERM))


@pytest.mark.parametrize("domain", ["test", "a..test", "a" * 64 + ".test", ".".join(["abc"] * 70), ""])
async def test_a_name_that_is_no_domain_has_no_record(domain: str) -> None:
    zone = Zone({f"{domain} TXT": ["v=spf1 +all"]})
    assert (await check_host(zone.ask, V4, domain)).result is NONE
    assert not zone.asked


async def test_two_records_are_an_error_that_says_so() -> None:
    zone = Zone({"a.test TXT": ["v=spf1 +all", "v=spf1 -all"]})
    verdict = await check_host(zone.ask, V4, "a.test")
    assert (verdict.result, verdict.why) == (PERM, "a.test has 2 SPF records; one is allowed")


async def test_the_trace_tells_which_term_decided_and_what_it_took() -> None:
    zone = Zone(
        {
            **HOSTS,
            "a.test TXT": ["v=spf1 a:other.test include:b.test -all"],
            "b.test TXT": ["v=spf1 ip4:198.51.100.7 mx a:h.test ?all"],
            "b.test MX": ["10 other.test"],
        }
    )
    verdict = await check_host(zone.ask, V4, "a.test")
    assert (verdict.result, verdict.domain, verdict.term, verdict.lookups) == (
        PASS, "a.test", "include:b.test", 4,
    )  # fmt: skip
    assert [(step.domain, step.term, step.is_match, step.lookups) for step in verdict.trace] == [
        ("a.test", "a:other.test", False, 1),
        ("b.test", "mx", False, 3),
        ("b.test", "a:h.test", True, 4),
        ("a.test", "include:b.test", True, 4),
    ]


async def test_too_many_look_ups_are_told_from_other_errors() -> None:
    zone = Zone({**HOSTS, "a.test TXT": ["v=spf1 " + "a:other.test " * 11]})
    assert (await check_host(zone.ask, V4, "a.test")).has_too_many_lookups
    zone = Zone({"a.test TXT": ["v=spf1 oops"]})
    assert not (await check_host(zone.ask, V4, "a.test")).has_too_many_lookups


async def test_what_each_term_costs_with_all_below_it() -> None:
    zone = Zone(
        {
            "a.test TXT": ["v=spf1 mx ip4:192.0.2.1 include:b.test include:gone.test redirect=c.test"],
            "b.test TXT": ["v=spf1 a include:c.test exists:%{i}.x.test"],
            "c.test TXT": ["v=spf1 ptr -all"],
        }
    )
    assert await costs(zone.ask, "a.test") == [
        ("mx", 1), ("include:b.test", 5), ("include:gone.test", 1), ("redirect=c.test", 2),
    ]  # fmt: skip


async def test_costs_of_records_that_include_each_other_end() -> None:
    zone = Zone(
        {"a.test TXT": ["v=spf1 include:a.test include:b.test"], "b.test TXT": ["v=spf1 include:a.test"]}
    )
    assert await costs(zone.ask, "a.test") == [("include:a.test", 1), ("include:b.test", 2)]
    wide = {
        f"n{n}.test TXT": ["v=spf1 " + " ".join(f"include:n{m}.test" for m in range(40))] for n in range(40)
    }
    zone = Zone(wide)
    await costs(zone.ask, "n0.test")
    assert len(zone.asked) <= 50


@pytest.mark.parametrize(
    ("text", "terms", "result"),
    [
        ("v=spf1 include:x.test ~all", ["a:h.test"], "v=spf1 include:x.test a:h.test ~all"),
        ("v=spf1 include:x.test -ALL", ["a:h.test"], "v=spf1 include:x.test a:h.test -ALL"),
        ("v=spf1 redirect=x.test", ["a:h.test"], "v=spf1 a:h.test redirect=x.test"),
        ("v=spf1 mx", ["ip4:192.0.2.1", "a:h.test"], "v=spf1 mx ip4:192.0.2.1 a:h.test"),
        ("v=spf1 +A:h.test ?all", ["a:h.test"], "v=spf1 +A:h.test ?all"),
    ],
)
def test_our_terms_join_a_record(text: str, terms: list[str], result: str) -> None:
    assert joined(text, terms) == result


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("v=spf1", True), ("v=spf1 -all", True), ("V=spf1 x", True), ("v=spf1.1", False), (" v=spf1", False)],
)
def test_what_is_an_spf_record(text: str, is_one: bool) -> None:
    assert is_spf(text) is is_one


def test_errors_name_the_term() -> None:
    with pytest.raises(BadSpf, match='"ipv4:1" is not a term of SPF'):
        parse_spf("v=spf1 ipv4:1")
    with pytest.raises(BadSpf, match='"a:x": this is not a domain'):
        parse_spf("v=spf1 a:x")
