"""What DNS has to say about an address that we send from (MX-6, BR-1, SPF-2)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from posthouse.desk.reverse import OK, WARNING, WRONG, Facts, check_addresses, judge, judge_pair, look_up
from posthouse.net.lookup import Answer, temporary

IP, IP6, HELLO = "8.8.4.4", "2001:4860:4860::8844", "out1.example.com"
SPF = ("v=spf1 a -all",)
GOOD = Facts({HELLO: (IP,)}, (IP,), SPF)

CASES = {
    "all well": (IP, GOOD, [OK, OK, OK], f"{IP} has the name {HELLO}"),
    "IPv6 in another notation": (
        IP6,
        Facts({HELLO: ()}, ("2001:4860:4860:0:0:0:0:8844",), SPF),
        [OK, OK, OK],
        f"{HELLO} leads to {IP6}",
    ),
    "no PTR": (IP, Facts({}, (IP,), SPF), [WRONG, OK, OK], f"set it to {HELLO}"),
    "the provider's name that leads back": (
        IP,
        Facts({"host-4.isp.example": (IP,)}, (IP,), SPF),
        [WARNING, OK, OK],
        f"has the name host-4.isp.example, but we greet as {HELLO}",
    ),
    "a name that leads elsewhere": (
        IP,
        Facts({"old.example": ("8.8.8.8",)}, (IP,), SPF),
        [WRONG, OK, OK],
        "which does not lead back to it",
    ),
    "the greeting's name leads elsewhere": (
        IP,
        Facts({HELLO: ()}, ("8.8.8.8",), SPF),
        [OK, WRONG, OK],
        f"{HELLO} leads to 8.8.8.8: publish {HELLO}. A {IP}",
    ),
    "the greeting's name has no address": (
        IP6,
        Facts({HELLO: ()}, (), SPF),
        [OK, WRONG, OK],
        f"{HELLO} has no such record: publish {HELLO}. AAAA {IP6}",
    ),
    "no SPF": (IP, Facts({HELLO: ()}, (IP,), ("other",)), [OK, OK, WARNING], 'TXT "v=spf1 a -all"'),
    "two SPF": (IP, Facts({HELLO: ()}, (IP,), SPF * 2), [OK, OK, WRONG], "2 SPF records"),
    "nobody can say": (IP, Facts({}, (), (), "no answer in time"), [WARNING], "no answer in time"),
    "behind a translator": ("10.0.0.7", GOOD, [WARNING], "is not a public address"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_dns_says_is_a_sentence(name: str) -> None:
    address, facts, states, sentence = CASES[name]
    found = judge(address, HELLO, facts)
    assert [verdict.state for verdict in found] == states
    assert any(sentence in verdict.text for verdict in found), found
    back, forward = judge_pair(address, HELLO, facts)
    assert [back, forward] == (found[:2] if len(found) > 1 else found * 2)


class FakeLookup:
    """`rows` by (name, kind); other names have nothing, `broken` ones cannot be asked."""

    def __init__(self, rows: Mapping[tuple[str, str], tuple[str, ...]], broken: str = "") -> None:
        self._rows = rows
        self._broken = broken
        self.is_closed = False

    async def ask(self, name: str, kind: str) -> Answer:
        if name == self._broken:
            raise temporary("no answer in time", "dns-timeout")
        rows = tuple((0, text) for text in self._rows.get((name, kind), ()))
        return Answer(bool(rows), rows, name, False, 0.0)

    async def close(self) -> None:
        self.is_closed = True


@pytest.mark.asyncio
async def test_names_are_followed_there_and_back() -> None:
    lookup = FakeLookup(
        {
            ("4.4.8.8.in-addr.arpa", "PTR"): ("host.isp.example",),
            ("host.isp.example", "A"): (IP,),
            (HELLO, "A"): (IP,),
            (HELLO, "TXT"): SPF,
        }
    )
    assert await look_up(lookup, IP, HELLO) == Facts({"host.isp.example": [IP]}, [IP], list(SPF))  # type: ignore[arg-type]
    found = await check_addresses(lookup, {IP: HELLO, "10.0.0.7": HELLO})  # type: ignore[arg-type]
    assert [verdict.state for verdict in found] == [WARNING, OK, OK, WARNING]
    assert lookup.is_closed


@pytest.mark.asyncio
async def test_a_name_server_that_is_away_is_no_error_of_ours() -> None:
    (found,) = await check_addresses(FakeLookup({}, broken=HELLO), {IP: HELLO})  # type: ignore[arg-type]
    assert (found.state, found.text) == (WARNING, f"{IP} could not be looked up: no answer in time")
