"""What `Trust` remembers, for how long, and when it asks again."""

from __future__ import annotations

from posthouse.internet.dns import FakeDns
from posthouse.model.clock import FakeClock
from posthouse.model.message import Host, Site
from posthouse.model.trust import ENFORCE, StsPolicy
from posthouse.net.lookup import Lookup
from posthouse.net.stspolicies import StsFound
from posthouse.net.tlspolicy import Demand, TlsWish
from posthouse.net.trust import KNOWN_S, UNSURE_S, Trust

ZONE = """
a.test MX 10 mx.a.test
mx.a.test A 203.0.114.1
_25._tcp.mx.a.test TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
"""
SITE = Site("mx.a.test", (Host("mx.a.test", 10, ("203.0.114.1",), 25),))


class Policies:
    """In place of `StsPolicies`."""

    def __init__(self, found: StsFound) -> None:
        self.found = found
        self.asked = 0
        self.renewed: list[str] = []

    async def find(self, domain: str) -> StsFound:
        self.asked += 1
        return self.found

    def renew(self, domain: str, kept: StsPolicy) -> None:
        self.renewed.append(domain)

    def changed(self, domain: str) -> None:
        raise AssertionError("Trust puts its own in place of this")

    async def close(self) -> None:
        return None


def policy(clock: FakeClock, seconds: float) -> StsFound:
    return StsFound(StsPolicy("a.test", "1", ENFORCE, ("mx.a.test",), clock.now(), clock.now() + seconds))


async def kept_for(found_seconds: float, reason: str = "") -> float:
    """How long a domain is known whose policy lasts so long (0: it has none, or `reason` why not)."""
    clock = FakeClock()
    policies = Policies(policy(clock, found_seconds) if found_seconds else StsFound(reason=reason))
    trust = Trust(Lookup([], clock), clock, policies, uses_dane=False)  # type: ignore[arg-type]
    await trust.find("a.test")
    seconds = 0.0
    while trust.peek("a.test") is not None:
        clock.advance(50)
        seconds += 50
    return seconds


async def test_how_long_a_domain_is_known() -> None:
    assert await kept_for(1e6) == KNOWN_S
    assert await kept_for(100) == 100
    assert await kept_for(1) == 100, "LEAST_S, seen in steps of 50 s"
    assert await kept_for(0) == KNOWN_S
    assert await kept_for(0, "no answer") == UNSURE_S


async def test_a_changed_policy_is_asked_for_again_and_a_suspected_one_renewed() -> None:
    clock = FakeClock()
    policies = Policies(policy(clock, 1e6))
    trust = Trust(Lookup([], clock), clock, policies, uses_dane=False)  # type: ignore[arg-type]
    for _ in range(3):
        await trust.find("a.test")
    assert policies.asked == 1
    trust.suspect("a.test")
    trust.suspect("unknown.test")
    assert policies.renewed == ["a.test"]
    policies.changed("a.test")
    assert trust.peek("a.test") is None


async def test_a_secure_mx_is_as_long_known_as_its_records_live() -> None:
    clock = FakeClock()
    dns = FakeDns(ZONE)
    dns.secure |= {"a.test", ".a.test"}
    await dns.start()
    lookup = Lookup([dns.address], clock, validates=True)
    trust = Trust(lookup, clock, None, uses_dane=True)
    try:
        found = await trust.find("a.test")
        assert found.is_mx_secure
        policies = trust.policies(Demand(TlsWish.IF_OFFERED, found), SITE)
        assert policies.peek("mx.a.test") is None
        assert (await policies.find("mx.a.test")).label == "DANE"
        clock.advance(299)
        assert trust.peek("a.test") is not None
        clock.advance(2)
        assert trust.peek("a.test") is None
    finally:
        await trust.close()
        await lookup.close()
        await dns.close()


async def test_without_a_trusted_resolver_dane_is_never_used() -> None:
    clock = FakeClock()
    trust = Trust(Lookup([], clock, validates=False), clock, None, uses_dane=True)
    assert not trust.uses_dane
    assert not (await trust.find("a.test")).is_mx_secure
