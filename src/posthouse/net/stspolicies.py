"""Which MTA-STS policy holds for a domain: kept ones first, discovery for the rest (RFC 8461 3.3, 5.1).

A policy that is kept holds until its max_age, whatever DNS and HTTPS say meanwhile; it is renewed behind the
mail's back: when the record has a new id, and once a day, so that whoever can block a fetch must block it for
the whole max_age. Only a domain without a policy waits for discovery, and never longer than `PATIENCE_S`.

Public: StsPolicies, StsFound, NOTHING_FOUND.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from posthouse.model.clock import Clock
from posthouse.model.errors import CommitInDoubt, PosthouseError
from posthouse.model.trust import StsPolicy
from posthouse.net.cache import Entry, TimedCache
from posthouse.net.lookup import DnsTrouble, Lookup
from posthouse.net.mtasts import BadPolicy, parse_policy, parse_record
from posthouse.net.policyhost import FetchTrouble

log = structlog.get_logger()

PATIENCE_S = 10.0
RENEW_S = 86_400.0  # RFC 8461 10.2 advises to renew daily
VAIN_S = 300.0
INVALID = "sts-policy-invalid"
_MOST_RENEWALS = 200
_MOST_VAIN = 10_000

Load = Callable[[str], Awaitable[StsPolicy | None]]
Save = Callable[[StsPolicy], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class StsFound:
    """`reason` is not "" when nobody could say whether there is a newer policy; `result` besides, a result
    type of RFC 8460 4.3, when the domain announces one that could not be had."""

    policy: StsPolicy | None = None
    result: str = ""
    reason: str = ""


NOTHING_FOUND = StsFound()


class Hosts(Protocol):
    """`policyhost.PolicyHosts`."""

    async def fetch(self, domain: str) -> bytes: ...

    async def close(self) -> None: ...


class StsPolicies:
    """For one worker. `load` and `save` keep policies over restarts; `changed` is told a domain whose policy
    is another now."""

    def __init__(
        self,
        *,
        lookup: Lookup,
        hosts: Hosts,
        load: Load,
        save: Save,
        clock: Clock,
        changed: Callable[[str], None] = lambda domain: None,
    ) -> None:
        self._lookup = lookup
        self._hosts = hosts
        self._load = load
        self._save = save
        self._clock = clock
        self.changed = changed
        self._fetches: TimedCache[tuple[str, str], StsFound] = TimedCache(clock.monotonic, _MOST_VAIN)
        self._renewals: dict[str, asyncio.Task[None]] = {}
        self._discoveries: set[asyncio.Task[StsFound]] = set()

    async def find(self, domain: str) -> StsFound:
        """What holds now. Raises TryLater when the store, which would know, does not answer."""
        kept = await self._load(domain)
        if kept is not None and kept.expires_at > self._clock.now():
            self.renew(domain, kept)
            return StsFound(kept)
        task = asyncio.get_running_loop().create_task(self.discover(domain))
        self._discoveries.add(task)
        task.add_done_callback(self._discoveries.discard)
        done, _ = await asyncio.wait([task], timeout=PATIENCE_S)
        if done:
            return task.result()
        # the discovery goes on without this letter; the next one will have its result
        task.add_done_callback(lambda _: self.changed(domain))
        return StsFound(reason=f"the policy host of {domain} is slow")

    def renew(self, domain: str, kept: StsPolicy) -> None:
        """See in the background whether the domain has a new policy."""
        if domain in self._renewals or len(self._renewals) >= _MOST_RENEWALS:
            return
        task = asyncio.get_running_loop().create_task(self._renew(domain, kept))
        self._renewals[domain] = task
        task.add_done_callback(lambda _: self._renewals.pop(domain, None))

    async def _renew(self, domain: str, kept: StsPolicy) -> None:
        found = await self.discover(domain, kept)
        if found.policy is not None and found.policy != kept:
            self.changed(domain)

    async def discover(self, domain: str, kept: StsPolicy | None = None) -> StsFound:
        """Ask DNS, and the policy host where need be; `kept` is what holds if they cannot tell. A policy that
        is new is saved."""
        try:
            answer = await self._lookup.ask(f"_mta-sts.{domain}", "TXT")
        except DnsTrouble as trouble:
            return StsFound(kept, reason=trouble.text)
        policy_id = parse_record(text for _, text in answer.rows)
        now = self._clock.now()
        if not policy_id or (kept and kept.policy_id == policy_id and not _is_old(kept, now)):
            return StsFound(kept)
        found = await self._fetches.get((domain, policy_id), lambda: self._fetch(domain, policy_id))
        return found if found.policy else replace(found, policy=kept)

    async def _fetch(self, domain: str, policy_id: str) -> Entry[StsFound]:
        """One fetch for all who ask; a vain one is not repeated for a while (RFC 8461 3.3)."""
        now = self._clock.now()
        again_at = self._clock.monotonic() + VAIN_S
        try:
            policy = parse_policy(await self._hosts.fetch(domain), domain, policy_id, now)
        except FetchTrouble as trouble:
            return Entry(StsFound(None, trouble.result, trouble.reason), again_at)
        except BadPolicy as error:
            return Entry(StsFound(None, INVALID, f"the policy cannot be used: {error}"), again_at)
        await self._keep(policy)
        return Entry(StsFound(policy), 0.0)

    def forget(self) -> None:
        """What was fetched in vain is fetched again."""
        self._fetches.forget()

    async def _keep(self, policy: StsPolicy) -> None:
        try:
            await self._save(policy)
        except (PosthouseError, CommitInDoubt) as error:  # it holds for this worker all the same
            log.warning("an MTA-STS policy could not be saved", domain=policy.domain, cause=str(error))

    async def close(self) -> None:
        """Cancel what runs, and wait for its end."""
        tasks = [*self._renewals.values(), *self._discoveries]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._fetches.close()
        await self._hosts.close()


def _is_old(policy: StsPolicy, now: float) -> bool:
    """Half of a short max_age: a policy must not run out between two looks."""
    return now - policy.fetched_at >= min(RENEW_S, (policy.expires_at - policy.fetched_at) / 2)
