"""OTL-2, S15, WH-4: the fetch of an MTA-STS policy over real HTTPS, and everything that must end it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from posthouse.internet.policies import Served
from posthouse.internet.scripts import Tls
from posthouse.internet.world import World
from posthouse.model.clock import FakeClock
from posthouse.net.lookup import Lookup
from posthouse.net.policyhost import LONGEST_POLICY, FetchTrouble, PolicyHosts

ZONE = """
mta-sts.a.test A 127.0.0.1
mta-sts.private.test A 10.0.0.1
mta-sts.mapped.test AAAA ::ffff:127.0.0.1
mta-sts.alias.test CNAME mta-sts.a.test
"""
TEXT = "version: STSv1\nmode: none\nmax_age: 60\n"


@asynccontextmanager
async def internet(*, allows_private: bool = True) -> AsyncIterator[tuple[World, PolicyHosts]]:
    """A world with a policy host, and what fetches from it."""
    async with World(ZONE) as world:
        lookup = Lookup([world.dns_server], FakeClock())
        context = ssl.create_default_context(cadata=world.authority_pem.decode())
        context.hostname_checks_common_name = False
        hosts = PolicyHosts(lookup, context, allows_private=allows_private, port=world.policies.port)
        try:
            yield world, hosts
        finally:
            await hosts.close()
            await lookup.close()


@pytest.mark.parametrize("domain", ["a.test", "alias.test"])
@pytest.mark.parametrize("kind", ["text/plain", "Text/Plain; charset=utf-8"])
async def test_a_policy_comes_as_it_is(domain: str, kind: str) -> None:
    async with internet() as (world, hosts):
        world.policies.served[domain] = Served(TEXT, content_type=kind)
        assert await hosts.fetch(domain) == TEXT.encode()
        assert world.policies.asked == [domain]


@pytest.mark.parametrize(
    ("served", "result", "why"),
    [
        (Served(TEXT, status=404), "sts-policy-fetch-error", "answered 404"),
        (
            Served("", status=302, location="https://elsewhere.test/"),
            "sts-policy-fetch-error",
            "answered 302",
        ),
        (Served(TEXT, status=206), "sts-policy-fetch-error", "answered 206"),
        (Served(TEXT, content_type="text/html"), "sts-policy-fetch-error", "text/plain"),
        (Served(TEXT + "x" * LONGEST_POLICY), "sts-policy-fetch-error", "longer than"),
        (Served(TEXT, tls=Tls.EXPIRED), "sts-webpki-invalid", "not valid"),
        (Served(TEXT, tls=Tls.WRONG_NAME), "sts-webpki-invalid", "not valid"),
        (Served(TEXT, tls=Tls.SELF_SIGNED), "sts-webpki-invalid", "not valid"),
    ],
    ids=lambda value: "" if isinstance(value, str) else f"{value.status} {value.content_type} {value.tls}",
)
async def test_anything_else_is_no_policy(served: Served, result: str, why: str) -> None:
    async with internet() as (world, hosts):
        world.policies.served["a.test"] = served
        with pytest.raises(FetchTrouble) as caught:
            await hosts.fetch("a.test")
        assert caught.value.result == result
        assert why in caught.value.reason


async def test_a_host_that_hangs_ends_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posthouse.net.policyhost._TOTAL_S", 0.2)
    async with internet() as (world, hosts):
        world.policies.served["a.test"] = Served(TEXT, hangs=True)
        with pytest.raises(FetchTrouble, match="in time"):
            await hosts.fetch("a.test")


@pytest.mark.parametrize("domain", ["a.test", "private.test", "mapped.test", "alias.test"])
async def test_S15_private_addresses_are_not_reached(domain: str) -> None:
    async with internet(allows_private=False) as (world, hosts):
        world.policies.served[domain] = Served(TEXT)
        with pytest.raises(FetchTrouble, match="private"):
            await hosts.fetch(domain)
        assert world.policies.asked == []


async def test_a_name_without_address() -> None:
    async with internet() as (_, hosts):
        with pytest.raises(FetchTrouble, match="no address"):
            await hosts.fetch("nowhere.test")
