"""MX-1 to MX-5 and F30, F31 against a real DNS server on loopback: every row with its code."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvloop

from posthouse.internet.dns import DnsFault, FakeDns
from posthouse.model.clock import FakeClock, SystemClock
from posthouse.model.message import Site
from posthouse.net.dns import DnsTrouble, Resolver, Route, SiteRules, reaches_ipv6
from posthouse.net.sites import is_public, site_name

MANY = "\n".join(f"many.test. MX 10 h{n}.many.test.\nh{n}.many.test. A 203.0.114.{n}" for n in range(1, 201))
ZONE = f"""
good.test.        MX 20 mx2.good.test.
good.test.        MX 10 MX1.good.test.
mx1.good.test.    A 198.51.101.1
mx1.good.test.    AAAA 2a00:1::1
mx2.good.test.    A 198.51.101.2
also.test.        MX 5 mx1.good.test.
also.test.        MX 5 mx2.good.test.
equal.test.       MX 10 a.equal.test.
equal.test.       MX 10 b.equal.test.
equal.test.       MX 20 c.equal.test.
a.equal.test.     A 198.51.101.11
b.equal.test.     A 198.51.101.12
c.equal.test.     A 198.51.101.13
a-only.test.      A 198.51.101.20
six-only.test.    AAAA 2a00:1::20
txt.test.         TXT "v=spf1" " -all"
deep.empty.test.  TXT "the name above has nothing"
null.test.        MX 0 .
dotted.test.      MX 0 .
dotted.test.      MX 10 mx1.good.test.
alias.test.       CNAME alias2.test.
alias2.test.      CNAME good.test.
alias-a.test.     CNAME a-only.test.
dangling.test.    CNAME nowhere.test.
loop1.test.       CNAME loop2.test.
loop2.test.       CNAME loop1.test.
{chr(10).join(f"chain{n}.test. CNAME chain{n + 1}.test." for n in range(12))}
chain12.test.     MX 10 mx1.good.test.
mx-alias.test.    MX 10 www.test.
www.test.         CNAME mx1.good.test.
mx-alias2.test.   MX 10 www.test.
mx-alias2.test.   MX 20 mx2.good.test.
mx-literal.test.  MX 10 198.51.101.9.
mx-missing.test.  MX 10 gone.mx-missing.test.
mx-odd.test.      MX 10 bad\\032name.test.
half-sick.test.   MX 10 sick.test.
half-sick.test.   MX 20 mx2.good.test.
all-sick.test.    MX 10 sick.test.
sick.test.        A 198.51.101.40
a-sick.test.      A 198.51.101.41
a-sick.test.      AAAA 2a00:1::41
ours-best.test.   MX 10 mail.our.test.
ours-best.test.   MX 20 mx1.good.test.
ours-second.test. MX 10 mx1.good.test.
ours-second.test. MX 20 mail.our.test.
ours-second.test. MX 20 mx2.good.test.
ours-addr.test.   MX 10 hidden.our.test.
mail.our.test.    A 198.51.101.50
hidden.our.test.  A 198.51.101.50
ours-better-gone.test. MX 5 gone.test.
ours-better-gone.test. MX 9 mail.our.test.
private.test.     MX 10 in.private.test.
in.private.test.  A 10.0.0.1
in.private.test.  A 127.0.0.1
in.private.test.  AAAA ::ffff:192.168.0.1
part-private.test. MX 10 both.private.test.
both.private.test. A 192.168.1.1
both.private.test. A 198.51.101.60
*.wild.test.      MX 10 mx1.good.test.
big.test.         TXT "{"x" * 200}" "{"y" * 200}" "{"z" * 200}" "{"w" * 200}" "{"v" * 250}" "{"u" * 250}"
short.test.       60 MX 10 mx1.good.test.
{MANY}
"""
FAULTS = {
    "servfail.test": DnsFault.SERVFAIL,
    "refused.test": DnsFault.REFUSED,
    "silent.test": DnsFault.TIMEOUT,
    "garbage.test": DnsFault.GARBAGE,
    "forged.test": DnsFault.FORGED,
    "sick.test": DnsFault.SERVFAIL,
    "a-sick.test AAAA": DnsFault.SERVFAIL,
    "half.test A": DnsFault.SERVFAIL,
    "tc.test": DnsFault.TRUNCATED,
    "old.test": DnsFault.NO_EDNS,
}
EXTRA = """
tc.test.   MX 10 mx1.good.test.
old.test.  MX 10 mx1.good.test.
"""
RULES = SiteRules(
    port=2525, own_names=frozenset({"mail.our.test"}), own_addresses=frozenset({"198.51.101.50"})
)
Build = Callable[..., Awaitable[Resolver]]


@pytest.fixture
async def server() -> AsyncIterator[FakeDns]:
    fake = FakeDns(ZONE + EXTRA, FAULTS)
    await fake.start()
    yield fake
    await fake.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def resolver(server: FakeDns, clock: FakeClock) -> AsyncIterator[Resolver]:
    made = Resolver([server.address], clock, RULES, rng=random.Random(1), timeout_s=5)
    yield made
    await made.close()


def brief(site: Site) -> list[tuple[int, str, tuple[str, ...]]]:
    return [(host.preference, host.name, host.addresses) for host in site.hosts]


GOOD_1 = (10, "mx1.good.test", ("2a00:1::1", "198.51.101.1"))
GOOD_2 = (20, "mx2.good.test", ("198.51.101.2",))


@pytest.mark.parametrize(
    ("domain", "hosts"),
    [
        pytest.param("good.test", [GOOD_1, GOOD_2], id="MX-2 sorted by preference"),
        pytest.param("GOOD.test.", [GOOD_1, GOOD_2], id="case and final dot do not matter"),
        pytest.param("a-only.test", [(0, "a-only.test", ("198.51.101.20",))], id="MX-1 no MX: own A"),
        pytest.param("six-only.test", [(0, "six-only.test", ("2a00:1::20",))], id="MX-1 no MX: own AAAA"),
        pytest.param("alias.test", [GOOD_1, GOOD_2], id="MX-1 CNAME chain to an MX"),
        pytest.param("alias-a.test", [(0, "a-only.test", ("198.51.101.20",))], id="MX-1 CNAME to an A"),
        pytest.param("dotted.test", [GOOD_1], id="MX-4 dot beside a host is ignored"),
        pytest.param("mx-alias2.test", [GOOD_2], id="MX-3 an MX that is an alias is skipped"),
        pytest.param("half-sick.test", [GOOD_2], id="one MX without answer, the other is used"),
        pytest.param("a-sick.test", [(0, "a-sick.test", ("198.51.101.41",))], id="AAAA fails, A is enough"),
        pytest.param("ours-second.test", [GOOD_1], id="MX-3 ours and equals dropped, better kept"),
        pytest.param("part-private.test", [(10, "both.private.test", ("198.51.101.60",))], id="MX-5 part"),
        pytest.param("x.y.wild.test", [GOOD_1], id="wildcard MX"),
        pytest.param("tc.test", [GOOD_1], id="truncated: TCP"),
        pytest.param("old.test", [GOOD_1], id="server without EDNS"),
    ],
)
async def test_hosts(resolver: Resolver, domain: str, hosts: list[tuple[int, str, tuple[str, ...]]]) -> None:
    site = await resolver.site_for(domain)
    assert brief(site) == hosts
    assert {host.port for host in site.hosts} == {2525}


@pytest.mark.parametrize(
    ("domain", "code", "enhanced", "is_permanent", "reason"),
    [
        pytest.param("nowhere.test", 550, "5.1.2", True, "no-such-domain", id="MX-1 NXDOMAIN"),
        pytest.param("dangling.test", 550, "5.1.2", True, "no-such-domain", id="CNAME to nothing"),
        pytest.param("a." * 130 + "test", 550, "5.1.2", True, "bad-domain", id="longer than DNS allows"),
        pytest.param("x" * 64 + ".test", 550, "5.1.2", True, "bad-domain", id="label too long"),
        pytest.param("a..test", 550, "5.1.2", True, "bad-domain", id="empty label"),
        pytest.param("", 550, "5.1.2", True, "bad-domain", id="empty name"),
        pytest.param("grö.test", 550, "5.1.2", True, "bad-domain", id="not an A-label"),
        pytest.param("null.test", 556, "5.1.10", True, "null-mx", id="MX-4 null MX"),
        pytest.param("txt.test", 550, "5.4.4", True, "no-host", id="no MX, no address"),
        pytest.param("empty.test", 550, "5.4.4", True, "no-host", id="empty non-terminal"),
        pytest.param("loop1.test", 550, "5.4.4", True, "alias-loop", id="CNAME loop"),
        pytest.param("chain0.test", 550, "5.4.4", True, "alias-loop", id="CNAME chain too long"),
        pytest.param("mx-alias.test", 550, "5.4.4", True, "no-host", id="MX-3 only an alias"),
        pytest.param("mx-literal.test", 550, "5.4.4", True, "no-host", id="MX-3 an address as MX"),
        pytest.param("mx-missing.test", 550, "5.4.4", True, "no-host", id="MX-3 host without address"),
        pytest.param("mx-odd.test", 550, "5.4.4", True, "no-host", id="MX with a name that is no host"),
        pytest.param("ours-best.test", 554, "5.4.6", True, "loop", id="MX-3 we are the best"),
        pytest.param("ours-addr.test", 554, "5.4.6", True, "loop", id="MX-3 our address under another name"),
        pytest.param("ours-better-gone.test", 554, "5.4.6", True, "loop", id="MX-3 better one unusable"),
        pytest.param("mail.our.test", 554, "5.4.6", True, "loop", id="MX-3 no MX and the domain is ours"),
        pytest.param(
            "private.test", 550, "5.4.4", True, "private-address", id="MX-5 private, loopback, mapped"
        ),
        pytest.param("[198.51.101.9]", 550, "5.1.2", True, "literal-refused", id="MX-5 literal"),
        pytest.param("servfail.test", 451, "4.4.3", False, "dns-servfail", id="F30 SERVFAIL"),
        pytest.param("refused.test", 451, "4.4.3", False, "dns-refused", id="F30 REFUSED"),
        pytest.param("all-sick.test", 451, "4.4.3", False, "dns-servfail", id="MX-1 host lookups fail"),
    ],
)
async def test_troubles(
    resolver: Resolver, domain: str, code: int, enhanced: str, is_permanent: bool, reason: str
) -> None:
    with pytest.raises(DnsTrouble) as caught:
        await resolver.site_for(domain)
    trouble = caught.value
    assert (trouble.code, trouble.enhanced, trouble.is_permanent, trouble.reason) == (
        code,
        enhanced,
        is_permanent,
        reason,
    )
    assert trouble.text.isascii() or domain == "grö.test"
    assert resolver.cached_site(domain) is None


@pytest.mark.parametrize("domain", ["silent.test", "garbage.test", "forged.test"])
async def test_what_is_no_answer_is_waited_out(server: FakeDns, clock: FakeClock, domain: str) -> None:  # F30
    resolver = Resolver([server.address], clock, RULES, timeout_s=0.05)
    with pytest.raises(DnsTrouble) as caught:
        await resolver.site_for(domain)
    assert (caught.value.enhanced, caught.value.is_permanent, caught.value.reason) == (
        "4.4.3",
        False,
        "dns-timeout",
    )
    await resolver.close()


async def test_servfail_of_mx_never_falls_to_the_address(server: FakeDns, resolver: Resolver) -> None:  # MX-1
    server.faults["a-only.test MX"] = DnsFault.SERVFAIL
    with pytest.raises(DnsTrouble) as caught:
        await resolver.site_for("a-only.test")
    assert not caught.value.is_permanent


async def test_equals_are_shuffled_for_each_call(resolver: Resolver) -> None:  # MX-2
    await resolver.site_for("equal.test")
    orders = set()
    for _ in range(50):
        site = resolver.cached_site("equal.test")
        assert site is not None
        assert site.hosts[2].name == "c.equal.test"
        orders.add(site.hosts[0].name)
    assert orders == {"a.equal.test", "b.equal.test"}


async def test_two_hundred_hosts_are_cut_to_twenty(server: FakeDns, resolver: Resolver) -> None:  # F31
    site = await resolver.site_for("many.test")
    assert len(site.hosts) == 20
    assert len(server.asked) <= 2 + 2 * 20
    assert len({host.name for host in site.hosts}) == 20


async def test_addresses_of_a_greedy_zone_are_cut(clock: FakeClock) -> None:  # MX-2, F31
    lines = [f"greedy.test. MX {host} h{host}.greedy.test." for host in range(10)]
    lines += [f"h{host}.greedy.test. A 198.51.101.{n}" for host in range(10) for n in range(1, 200)]
    server = FakeDns("\n".join(lines))
    await server.start()
    resolver = Resolver([server.address], clock)
    site = await resolver.site_for("greedy.test")
    assert [len(host.addresses) for host in site.hosts] == [6, 6, 6, 2]
    await resolver.close()
    await server.close()


async def test_domains_with_one_mx_set_are_one_site(resolver: Resolver) -> None:
    good, also = await resolver.site_for("good.test"), await resolver.site_for("also.test")
    assert good.name == also.name == "mx1.good.test,mx2.good.test"
    many = await resolver.site_for("many.test")
    assert len(many.name) < 100
    assert site_name(["b", "a"]) == "a,b"


async def test_one_question_for_all_who_ask_at_once(server: FakeDns, resolver: Resolver) -> None:
    sites = await asyncio.gather(*[resolver.site_for("good.test") for _ in range(50)])
    assert len({site.name for site in sites}) == 1
    assert sorted(server.asked) == [
        ("good.test", "MX"),
        ("mx1.good.test", "A"),
        ("mx1.good.test", "AAAA"),
        ("mx2.good.test", "A"),
        ("mx2.good.test", "AAAA"),
    ]


async def test_one_caller_who_gives_up_does_not_end_it_for_the_others(resolver: Resolver) -> None:
    impatient = asyncio.create_task(resolver.site_for("good.test"))
    patient = asyncio.create_task(resolver.site_for("good.test"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).hosts
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_a_site_lives_as_long_as_its_shortest_ttl(
    server: FakeDns, resolver: Resolver, clock: FakeClock
) -> None:
    await resolver.site_for("short.test")
    clock.advance(59)
    assert resolver.cached_site("short.test") is not None
    clock.advance(2)
    assert resolver.cached_site("short.test") is None
    server.asked.clear()
    await resolver.site_for("short.test")
    assert list(server.asked) == [("short.test", "MX")]  # the addresses have 300 s


async def test_trouble_is_kept_for_five_seconds(
    server: FakeDns, resolver: Resolver, clock: FakeClock
) -> None:  # F30
    for _ in range(3):
        with pytest.raises(DnsTrouble):
            await resolver.site_for("sick.test")
    asked = len(server.asked)
    assert asked == 2  # each server twice
    del server.faults["sick.test"]
    clock.advance(5.1)
    assert (await resolver.site_for("sick.test")).hosts


async def test_nxdomain_is_kept_for_a_short_while(
    server: FakeDns, resolver: Resolver, clock: FakeClock
) -> None:
    with pytest.raises(DnsTrouble):
        await resolver.site_for("new.test")
    server.load(ZONE + "new.test. MX 10 mx1.good.test.")
    with pytest.raises(DnsTrouble):
        await resolver.site_for("new.test")
    clock.advance(61)
    assert brief(await resolver.site_for("new.test")) == [GOOD_1]


async def test_forget_asks_anew(server: FakeDns, resolver: Resolver) -> None:
    await resolver.site_for("good.test")
    server.load("good.test. MX 10 other.test.\nother.test. A 198.51.101.99")
    resolver.forget()
    assert resolver.cached_site("good.test") is None
    assert brief(await resolver.site_for("good.test")) == [(10, "other.test", ("198.51.101.99",))]


async def test_what_was_found_before_forget_is_not_kept(server: FakeDns, resolver: Resolver) -> None:
    early = asyncio.create_task(resolver.site_for("good.test"))
    await asyncio.sleep(0)
    resolver.forget()
    assert (await early).hosts
    assert resolver.cached_site("good.test") is None


async def test_aliases_are_followed_when_the_server_does_not(clock: FakeClock) -> None:
    server = FakeDns(ZONE, follows_aliases=False)
    await server.start()
    resolver = Resolver([server.address], clock)
    assert brief(await resolver.site_for("alias.test")) == [GOOD_1, GOOD_2]
    for domain in ("loop1.test", "chain0.test"):
        with pytest.raises(DnsTrouble) as caught:
            await resolver.site_for(domain)
        assert caught.value.reason == "alias-loop"
    await resolver.close()
    await server.close()


async def test_the_next_server_is_asked(server: FakeDns, clock: FakeClock) -> None:
    sick = FakeDns("", {".test": DnsFault.REFUSED})
    await sick.start()
    closed = FakeDns("")
    await closed.start()
    await closed.close()
    resolver = Resolver([closed.address, sick.address, server.address], clock)
    assert brief(await resolver.site_for("good.test")) == [GOOD_1, GOOD_2]
    await resolver.close()
    await sick.close()


async def test_no_server_at_all_is_temporary(clock: FakeClock) -> None:
    closed = FakeDns("")
    await closed.start()
    await closed.close()
    resolver = Resolver([closed.address], clock)
    with pytest.raises(DnsTrouble) as caught:
        await resolver.site_for("good.test")
    assert (caught.value.enhanced, caught.value.is_permanent) == ("4.4.3", False)
    await resolver.close()


async def test_close_ends_what_is_being_asked(server: FakeDns, clock: FakeClock) -> None:
    resolver = Resolver([server.address], clock, timeout_s=60)
    waiting = asyncio.create_task(resolver.site_for("silent.test"))
    await asyncio.sleep(0)
    await resolver.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_txt_records_are_joined(resolver: Resolver) -> None:
    assert await resolver.texts("txt.test") == ["v=spf1 -all"]
    assert await resolver.texts("good.test") == []
    assert len((await resolver.texts("big.test"))[0]) == 1300  # more than a UDP answer holds


ROUTES = (
    Route("exact.test", "192.168.7.7", 2600),
    Route(".below.test", "relay.good.test", 2601),
    Route("gone.test", "nowhere.test", 25),
    Route("local.test", "localhost", 26),
    Route("twice.test", "mx1.good.test", 27),
    Route("*", "127.0.0.1", 2602),
)


@pytest.mark.parametrize(
    ("domain", "name", "addresses"),
    [
        ("exact.test", "192.168.7.7:2600", ("192.168.7.7",)),
        ("a.exact.test", "127.0.0.1:2602", ("127.0.0.1",)),
        ("a.below.test", "relay.good.test:2601", ("198.51.101.70",)),
        ("below.test", "127.0.0.1:2602", ("127.0.0.1",)),
        ("local.test", "localhost:26", ("127.0.0.1",)),
        ("[192.0.2.1]", "127.0.0.1:2602", ("127.0.0.1",)),
        ("twice.test", "mx1.good.test:27", ("2a00:1::1", "198.51.101.1")),
    ],
)
async def test_routes_first_match_wins(
    server: FakeDns, clock: FakeClock, domain: str, name: str, addresses: tuple[str, ...]
) -> None:
    server.load(ZONE + "relay.good.test. A 198.51.101.70")
    resolver = Resolver([server.address], clock, SiteRules(routes=ROUTES))
    site = await resolver.site_for(domain)
    assert (site.name, site.hosts[0].addresses, site.is_route) == (name, addresses, True)
    assert site.hosts[0].port == int(name.rpartition(":")[2])
    await resolver.close()


async def test_a_route_that_cannot_be_resolved_is_no_reason_to_return_mail(
    server: FakeDns, clock: FakeClock
) -> None:
    resolver = Resolver([server.address], clock, SiteRules(routes=ROUTES))
    with pytest.raises(DnsTrouble) as caught:
        await resolver.site_for("gone.test")
    assert (caught.value.code, caught.value.is_permanent, caught.value.reason) == (451, False, "route-host")
    await resolver.close()


@pytest.mark.parametrize(
    ("literal", "allow_private", "expected"),
    [
        ("[198.51.101.9]", False, "198.51.101.9"),
        ("[IPv6:2a00:1::9]", False, "2a00:1::9"),
        ("[127.0.0.9]", True, "127.0.0.9"),
        ("[127.0.0.9]", False, "private-address"),
        ("[198.51.101.50]", False, "loop"),
        ("[nonsense]", False, "bad-domain"),
    ],
)
async def test_address_literals(clock: FakeClock, literal: str, allow_private: bool, expected: str) -> None:
    rules = SiteRules(
        allow_literals=True, allow_private=allow_private, own_addresses=frozenset({"198.51.101.50"})
    )
    resolver = Resolver(["127.0.0.1:1"], clock, rules)
    try:
        got = (await resolver.site_for(literal)).hosts[0].addresses[0]
    except DnsTrouble as trouble:
        got = trouble.reason
    assert got == expected


async def test_private_hosts_are_allowed_in_a_test_bed(server: FakeDns, clock: FakeClock) -> None:  # MX-5
    resolver = Resolver([server.address], clock, SiteRules(allow_private=True, wants_ipv6=False))
    (host,) = (await resolver.site_for("private.test")).hosts
    assert sorted(host.addresses) == ["10.0.0.1", "127.0.0.1"]
    assert ("in.private.test", "AAAA") not in server.asked
    await resolver.close()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("198.51.101.1", True),
        ("8.8.8.8", True),
        ("2a00:1::1", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::1", False),
        ("2001:db8::1", False),
        ("not an address", False),
    ],
)
def test_public_addresses(address: str, expected: bool) -> None:  # MX-5, S15
    assert is_public(address) is expected


def test_it_works_under_uvloop() -> None:
    async def main() -> None:
        server = FakeDns(ZONE + EXTRA, FAULTS)
        await server.start()
        resolver = Resolver([server.address], SystemClock(), RULES, timeout_s=5)
        assert brief(await resolver.site_for("good.test")) == [GOOD_1, GOOD_2]
        assert brief(await resolver.site_for("tc.test")) == [GOOD_1]
        closed = FakeDns("")
        await closed.start()
        await closed.close()
        other = Resolver([closed.address], SystemClock(), timeout_s=5)
        with pytest.raises(DnsTrouble):
            await asyncio.wait_for(other.site_for("good.test"), 4)  # refused, not timed out
        await other.close()
        await resolver.close()
        await server.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def test_the_systems_servers_are_found() -> None:
    Resolver([], FakeClock())
    assert reaches_ipv6() in (True, False)
