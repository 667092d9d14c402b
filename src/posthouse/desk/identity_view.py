"""What a worker knows about accounts, in memory: sign-in costs microseconds and asks no store.

The store counts every change of identity in one number. `follow` reads that number twice a second and
loads everything anew when it moved, so a revoked user is out within a second, also in a session that is
already open (`still_holds`). A view is replaced whole: readers on the loop never see half a change.
While the store is away the last view stays; nothing can be accepted then anyway.

Public: Identity, IdentityView.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from posthouse.desk import credentials, domains
from posthouse.desk.credentials import Known
from posthouse.desk.installation import Installation
from posthouse.mail.dkim import SigningKey
from posthouse.model.account import Credential, Domain, DomainKey, Principal
from posthouse.store import identity
from posthouse.store.engine import Connection

PAUSE_S = 0.5

log = logging.getLogger(__name__)


class Reader(Protocol):
    """The part of `store.engine.Store` that the view needs."""

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """One version of who is who, of one region. `keys` are sealed, by domain name."""

    version: int = -1
    logins: Mapping[str, Known] = field(default_factory=dict)
    domains: Mapping[str, Domain] = field(default_factory=dict)
    keys: Mapping[str, tuple[DomainKey, ...]] = field(default_factory=dict)


def load_identity(conn: Connection, region: str, known_version: int) -> Identity | None:
    """Everything in one snapshot, or None when `known_version` is still the store's."""
    version = identity.identity_version(conn)
    if version == known_version:
        return None
    # C-14: a domain of another region is unknown at this region's host
    own = {domain.id: domain for domain in identity.list_domains(conn) if domain.region == region}
    logins = {
        credential.login: Known(credential.secret_hash, _principal(own[credential.domain_id], credential))
        for credential in identity.list_credentials(conn)
        if credential.revoked_at is None and credential.domain_id in own
    }
    return Identity(
        version=version,
        logins=logins,
        domains={domain.name: domain for domain in own.values()},
        keys={domain.name: tuple(identity.keys_of(conn, domain.id)) for domain in own.values()},
    )


def _principal(domain: Domain, credential: Credential) -> Principal:
    return Principal(
        account_id=domain.account_id,
        domain_id=domain.id,
        domain=domain.name,
        region=domain.region,
        verified=domain.verified_at is not None,
        credential_id=credential.id,
        login=credential.login,
    )


class IdentityView:
    """The current `Identity` of one worker and the signing keys opened so far."""

    def __init__(self, installation: Installation, region: str) -> None:
        self._installation = installation
        self._region = region
        self._current = Identity()
        self._signing: dict[str, tuple[tuple[DomainKey, ...], list[SigningKey]]] = {}

    @property
    def version(self) -> int:
        """The store's identity version that this view shows; -1 before the first load."""
        return self._current.version

    def recognise(self, login: str, password: str) -> Principal | None:
        """See `credentials.recognise`."""
        return credentials.recognise(self._current.logins, self._installation, login, password)

    def current(self, principal: Principal) -> Principal | None:
        """The principal as of now, for a session that signed in earlier; None once it was revoked."""
        known = self._current.logins.get(principal.login)
        if known is None or known.principal.credential_id != principal.credential_id:
            return None
        return known.principal

    def domain(self, name: str) -> Domain | None:
        """A domain of this region by its A-label name."""
        return self._current.domains.get(name)

    def domains_of(self, account_id: str) -> list[Domain]:
        return [domain for domain in self._current.domains.values() if domain.account_id == account_id]

    def signing_keys(self, domain: str) -> list[SigningKey]:
        """The domain's active keys, opened at first use; empty for an unknown domain. Raises SealBroken."""
        sealed = self._current.keys.get(domain, ())
        held = self._signing.get(domain)
        if held is None or held[0] != sealed:
            held = (sealed, domains.load_signing_keys(self._installation, domain, sealed))
            self._signing[domain] = held
        return held[1]

    async def refresh(self, store: Reader) -> bool:
        """Look at the version and load what changed; True when it did. Raises what the store raises."""
        fresh = await store.read(load_identity, self._region, self._current.version)
        if fresh is None:
            return False
        self._current = fresh
        self._signing = {name: held for name, held in self._signing.items() if name in fresh.keys}
        return True

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
