"""The TLS policies of receivers, put together as the settings say and with the store behind them.

Public: trust_from, StoreShelf, Shelf.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from posthouse.config import Settings
from posthouse.model.clock import Clock
from posthouse.model.trust import StsPolicy
from posthouse.net.dns import reaches_ipv6
from posthouse.net.lookup import Lookup
from posthouse.net.policyhost import PolicyHosts
from posthouse.net.roots import trusting_context
from posthouse.net.stspolicies import StsPolicies
from posthouse.net.trust import Trust
from posthouse.store import trust
from posthouse.store.engine import Store, each


class Shelf(Protocol):
    """Where MTA-STS policies are kept."""

    def load(self, domain: str) -> Awaitable[StsPolicy | None]: ...

    def save(self, policy: StsPolicy) -> Awaitable[object]: ...


class StoreShelf:
    """The shelf of a worker: its store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self, domain: str) -> StsPolicy | None:
        """Raises TryLater."""
        found: StsPolicy | None = await self._store.read(trust.find_policy, domain)
        return found

    async def save(self, policy: StsPolicy) -> None:
        """Raises TryLater."""
        await self._store.write(each(trust.keep_policy), (policy,))


def trust_from(settings: Settings, lookup: Lookup, clock: Clock, shelf: Shelf) -> Trust | None:
    """None when neither MTA-STS nor DANE is to be kept. Raises SettingsError for a bad `delivery.tls_ca`."""
    delivery = settings.delivery
    uses_dane = delivery.dane and settings.dns.validates
    if not (delivery.mta_sts or uses_dane):
        return None
    sts = None
    if delivery.mta_sts:
        hosts = PolicyHosts(
            lookup,
            trusting_context(delivery.tls_ca),
            allows_private=delivery.private_networks == "allow",
            wants_ipv6=reaches_ipv6(),
            port=delivery.mta_sts_port,
        )
        sts = StsPolicies(lookup=lookup, hosts=hosts, load=shelf.load, save=shelf.save, clock=clock)
    return Trust(lookup, clock, sts, uses_dane=uses_dane)
