"""What a worker knows about accounts, in memory: sign-in costs microseconds and asks no store.

The store counts every change of identity in one number. `follow` reads that number twice a second and
loads everything anew when it moved or a credential expired, so who is revoked or expired is out within a
second, also in a session that is already open (`current`). A view is replaced whole: readers on the loop
never see half a change. While the store is away the last view stays; nothing can be accepted then anyway.

Public: IdentityView.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from posthouse.desk import domain_keys, sign_in
from posthouse.desk.identity import Identity, load_identity
from posthouse.desk.installation import Installation
from posthouse.mail.dkim import SigningKey
from posthouse.model.account import (
    ACCOUNT_DEFAULTS,
    DEFAULTS,
    AccountSettings,
    CredentialKind,
    Domain,
    DomainKey,
    DomainSettings,
    Principal,
)
from posthouse.model.clock import Clock, SystemClock
from posthouse.model.warmup import Warming
from posthouse.rules.ranges import covers
from posthouse.rules.records import RETURN_PREFIX, return_host
from posthouse.rules.tracking_hosts import host_name
from posthouse.store.groups import Group

PAUSE_S = 0.5
LOOK_PAUSE_S = 0.05
_NO_GROUPS: frozenset[int] = frozenset()

log = logging.getLogger(__name__)


class Reader(Protocol):
    """The part of `store.engine.Store` that the view needs."""

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any: ...


class IdentityView:
    """The current `Identity` of one worker and the signing keys opened so far."""

    def __init__(
        self,
        installation: Installation,
        region: str,
        shared_hosts: frozenset[str] = frozenset(),
        clock: Clock = SystemClock(),
    ) -> None:
        """`shared_hosts`: names of the installation itself, which are no domain's own."""
        self._installation = installation
        self._region = region
        self._shared_hosts = shared_hosts
        self._clock = clock
        self._current = Identity()
        self._signing: dict[str, tuple[tuple[DomainKey, ...], list[SigningKey]]] = {}
        self._reading = asyncio.Lock()
        self._looking = asyncio.Lock()
        self._looked_at = float("-inf")
        self._next_look: asyncio.Task[None] | None = None

    @property
    def version(self) -> int:
        """The store's identity version that this view shows; -1 before the first load."""
        return self._current.version

    @property
    def shared_hosts(self) -> frozenset[str]:
        """Names of the installation itself."""
        return self._shared_hosts

    # Signing in

    def recognise(self, login: str, password: str) -> Principal | None:
        """See `sign_in.recognise`."""
        return sign_in.recognise(self._current.sign_ins, self._installation, login, password)

    def kind_of(self, secret: str) -> CredentialKind | None:
        """See `sign_in.kind_of`."""
        return sign_in.kind_of(self._current.sign_ins, self._installation, secret)

    def admits(self, principal: Principal, address: str) -> bool:
        """May the credential be used from this client address?"""
        fence = self._current.fences.get(principal.credential_id)
        return fence is None or covers(fence, address)

    def current(self, principal: Principal) -> Principal | None:
        """The principal as of now, for a session that signed in earlier; None once revoked or expired."""
        return self._current.principals.get(principal.credential_id)

    # Accounts

    def account_settings(self, account_id: str) -> AccountSettings:
        """The defaults for an unknown account."""
        found = self._current.accounts.get(account_id)
        return found.settings if found else ACCOUNT_DEFAULTS

    def cap(self, account_id: str) -> int | None:
        """Recipients a day that an account has earned so far; None: not judged yet."""
        return self._current.caps.get(account_id)

    @property
    def suspended(self) -> frozenset[str]:
        """Ids of the accounts that may neither sign in nor send."""
        return self._current.suspended

    # Domains

    def domain(self, name: str) -> Domain | None:
        """A domain of this region by its A-label name."""
        return self._current.domains.get(name)

    def home_of(self, name: str) -> Domain | None:
        """The domain of that name in whatever region."""
        return self._current.everywhere.get(name)

    def domains_of(self, account_id: str) -> list[Domain]:
        return [domain for domain in self._current.domains.values() if domain.account_id == account_id]

    def domain_by_tag(self, tag: bytes) -> Domain | None:
        """The domain that a link's tag names, in either form (`mail.tokens`)."""
        return self._current.tags.get(tag)

    def link_key(self, domain: str) -> bytes:
        """The key that signs links in mail of a domain; see `Installation.link_key`."""
        return self._installation.link_key(domain)

    @property
    def return_key(self) -> bytes:
        """The key of return paths; see `Installation.return_key`."""
        return self._installation.return_key

    def return_host(self, name: str) -> str:
        """Where mail to return paths of a domain comes to us, "" while its DNS does not say so."""
        return return_host(name) if name in self._current.returning else ""

    def is_return_host(self, host: str) -> bool:
        """Is it the return host of a domain of ours, whatever DNS says?"""
        return host.startswith(RETURN_PREFIX) and host.removeprefix(RETURN_PREFIX) in self._current.everywhere

    def settings_of(self, name: str) -> DomainSettings:
        """Those of a domain of any region, the defaults for an unknown one."""
        found = self._current.everywhere.get(name)
        return found.settings if found else DEFAULTS

    def signing_keys(self, domain: str, account_id: str) -> list[SigningKey]:
        """The active keys of the account's domain, opened at first use; empty for an unknown one and for
        another account's: mail from before a domain changed hands is not signed in its new owner's name.
        Raises SealBroken."""
        owner = self._current.everywhere.get(domain)
        if owner is None or owner.account_id != account_id:
            return []
        sealed = self._current.keys.get(domain, ())
        held = self._signing.get(domain)
        if held is None or held[0] != sealed:
            held = (sealed, domain_keys.load_signing_keys(self._installation, domain, sealed))
            self._signing[domain] = held
        return held[1]

    def key_of(self, account_id: str, domain: str, selector: str) -> SigningKey | None:
        """An active key of a domain of the account, by its selector ("": any). Raises SealBroken."""
        known = self.domain(domain)
        if known is None or known.account_id != account_id:
            return None
        keys = self.signing_keys(domain, account_id)
        return next((key for key in keys if selector in ("", key.selector)), None)

    # Hosts of links

    def is_tracking_host(self, host: str) -> bool:
        """Is this Host field the name of some domain's own links? Nothing else is shown there."""
        name = host_name(host)
        return name in self._current.tracking_hosts and name not in self._shared_hosts

    def may_use_host(self, domain: Domain, host: str) -> bool:
        """May links of the domain be followed at this Host field's name? Not at the name of another account's
        links: who knows that name would trust where they lead (S17)."""
        name = host_name(host)
        owners = self._current.tracking_hosts.get(name)
        return owners is None or domain.account_id in owners or name in self._shared_hosts

    # What else an account has

    def groups_of(self, account_id: str) -> frozenset[int]:
        """Numbers of its unsubscribe groups."""
        return self._current.groups.get(account_id, _NO_GROUPS)

    def default_groups(self, account_id: str) -> tuple[int, ...]:
        """Numbers of the groups that preference pages show where a message names none."""
        return self._current.default_groups.get(account_id, ())

    def group(self, account_id: str, number: int) -> Group | None:
        """One of the account's."""
        return self._current.group_nouns.get((account_id, number))

    def owns_ip(self, account_id: str, ip: str) -> bool:
        """May its mail leave from this local address (an address literal in its shortest form)?"""
        return self._current.ips.get(ip) in ("", account_id)

    def is_anothers(self, account_id: str, ip: str) -> bool:
        """Is this local address dedicated to an account that is not this one?"""
        return self._current.ips.get(ip, "") not in ("", account_id)

    def pool_sources(self, account_id: str, name_or_id: str) -> tuple[str, ...] | None:
        """The addresses of one of its pools that it may use, maybe none; None: there is no such pool."""
        found = self._current.pools.get((account_id, name_or_id))
        if found is None:
            return None
        return tuple(address for address in found if self.owns_ip(account_id, address))

    def dedicated(self, account_id: str) -> tuple[str, ...]:
        """The local addresses that are an account's alone."""
        return self._current.dedicated.get(account_id, ())

    def warming(self, ip: str) -> Warming | None:
        """The warm-up of a local address, None for a warm one."""
        return self._current.warming.get(ip)

    def hello_of(self, ip: str) -> str:
        """The name to greet receiving hosts with from this local address, "" for the installation's."""
        return self._current.hellos.get(ip, "")

    # Keeping up

    async def refresh(self, store: Reader) -> bool:
        """Look at the version and load what changed, by itself too; True when it did. Raises what the store
        raises."""
        async with self._reading:  # or an older view might come last
            now = self._clock.now()
            known = self._current.version if now < self._current.next_expiry else -1
            fresh = await store.read(load_identity, self._region, known, now)
            if fresh is None:
                return False
            self._current = fresh
            self._signing = {name: held for name, held in self._signing.items() if name in fresh.keys}
            return True

    async def look(self, store: Reader) -> None:
        """Refresh for somebody who is unknown so far; raises what the store raises.

        Everybody who asks before a look begins shares it, and looks begin 50 ms apart: a flood of wrong
        sign-ins costs the store twenty small reads a second.
        """
        if self._next_look is None:
            self._next_look = asyncio.get_running_loop().create_task(self._look(store))
        await asyncio.shield(self._next_look)

    async def _look(self, store: Reader) -> None:
        loop = asyncio.get_running_loop()
        async with self._looking:
            await asyncio.sleep(max(0.0, self._looked_at + LOOK_PAUSE_S - loop.time()))
            self._next_look = None  # who asks from here on needs a later look
            self._looked_at = loop.time()
            await self.refresh(store)

    async def follow(self, store: Reader, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Refresh for ever. Trouble with the store is logged once and outlived."""
        is_troubled = False
        while True:
            await sleep(PAUSE_S)
            try:
                await self.refresh(store)
            except Exception as error:  # the rim of this job: an old view is better than none
                if not is_troubled:
                    log.warning("the identity view cannot be refreshed: %s", error)
                is_troubled = True
            else:
                is_troubled = False
