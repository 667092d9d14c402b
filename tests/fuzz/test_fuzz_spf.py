"""SPF: whatever records say, a check ends, asks a bounded number of questions and gives a result (SPF-1)."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.rules.dns import Found, Unanswered
from posthouse.rules.spf import MOST_LOOKUPS, Result, check_host, costs
from posthouse.rules.spf_macros import check_domain_spec, expand
from posthouse.rules.spf_record import BadSpf, parse_spf

NAMES = ["a.test", "b.test", "c.test"]
MOST_QUESTIONS = 1 + MOST_LOOKUPS * 11 + 11  # each term one and ten hosts; the client's names once
LETTERS = dict.fromkeys("slodipvh", "one.two-three") | {"i": "192.0.2.9"}

SPECS = st.sampled_from([*NAMES, "%{d}", "%{ir}.a.test", "%{p}.b.test", "%{l3r+-}.c.test", "%{S9}", "x", "%"])
TERMS = st.one_of(
    st.builds("{}{}:{}".format, st.sampled_from(["", "+", "-", "~", "?"]),
              st.sampled_from(["include", "a", "mx", "ptr", "exists"]), SPECS),
    st.builds("redirect={}".format, SPECS),
    st.sampled_from(["a", "mx", "ptr", "all", "-all", "ip4:192.0.2.0/24", "ip6:::/0", "a/8//8", "exp=x"]),
    st.text("%{}dirp:/=.+-0129 \t\0é", max_size=12),
)  # fmt: skip
RECORDS = st.lists(TERMS, max_size=30).map(lambda terms: " ".join(["v=spf1", *terms]))
ZONES = st.fixed_dictionaries({name: st.lists(RECORDS, max_size=2) for name in NAMES})


class Hostile:
    """Every name has fifteen hosts, every address fifteen names; the TXT records are the zone's."""

    def __init__(self, zone: dict[str, list[str]], fails: bool = False) -> None:
        self.zone = zone
        self.fails = fails
        self.questions = 0

    async def ask(self, name: str, kind: str) -> Found:
        self.questions += 1
        if self.fails and self.questions % 3 == 0:
            raise Unanswered("no answer in time")
        if kind == "TXT":
            return Found(rows=tuple((0, text) for text in self.zone.get(name, [])))
        if kind == "MX":
            return Found(rows=tuple((n, f"n{n}.{name}") for n in range(10)))
        if kind == "PTR":
            return Found(rows=tuple((0, f"n{n}.a.test.") for n in range(15)))
        return Found(rows=((0, "198.51.100.1" if kind == "A" else "2001:db8::1"),))


@given(ZONES, st.sampled_from(["192.0.2.9", "2001:db8::9", "198.51.100.1"]), st.booleans())
def test_a_check_ends_with_a_result_after_bounded_questions(
    zone: dict[str, list[str]], ip: str, fails: bool
) -> None:
    dns = Hostile(zone, fails)
    verdict = asyncio.run(check_host(dns.ask, ip, "a.test", "me@a.test", "h.test"))
    assert isinstance(verdict.result, Result)
    assert dns.questions <= MOST_QUESTIONS
    assert verdict.lookups <= MOST_LOOKUPS + 1
    assert len(verdict.trace) <= 100
    counted = Hostile(zone, fails)
    asyncio.run(costs(counted.ask, "a.test"))
    assert counted.questions <= 50


@pytest.mark.parametrize(
    "term",
    ["include:a.test", "redirect=a.test", "exists:%{p}.%{l9r}.a.test", "mx", "ptr", "ip4:192.0.2.1", "all",
     "%{" * 20, "a:" + "x." * 100, "exists:" + "%{d}" * 60 + ".a.test"],
)  # fmt: skip
def test_ten_thousand_terms_end_soon(term: str) -> None:
    dns = Hostile({"a.test": ["v=spf1 " + f"{term} " * 10_000]})
    verdict = asyncio.run(check_host(dns.ask, "192.0.2.9", "a.test"))
    assert isinstance(verdict.result, Result)
    assert dns.questions <= MOST_QUESTIONS


@given(st.text("%{}lsodiphvSLrR0129.-+,/_=axé\0 ", max_size=40))
def test_what_is_sound_expands_to_a_name_that_is_short_enough(text: str) -> None:
    try:
        check_domain_spec(text)
    except ValueError:
        return
    assert len(expand(text, LETTERS)) <= 253


@given(st.text(max_size=80))
def test_any_text_is_a_record_or_a_wrong_one(text: str) -> None:
    try:
        parse_spf(f"v=spf1 {text}")
    except BadSpf as error:
        assert len(str(error)) < 200
