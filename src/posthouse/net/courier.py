"""Carries letters to the hosts of a site: over a connection that is open already, else over a new one.

On an open connection a letter costs one future and no task; the pool lends the connection used last. A new
connection is tried host after host, address after address (RFC 5321 5.1), within bounds that end each
attempt (MX-2); `opener` knows how.

Public: Courier, CourierSettings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from posthouse.model.clock import Clock
from posthouse.model.errors import TryLater
from posthouse.model.message import Outgoing, Phase, Site, SmtpResult
from posthouse.net.connection import Connection
from posthouse.net.lookup import DnsTrouble
from posthouse.net.opener import CourierSettings, Opener, is_session, summary
from posthouse.net.pool import Key, Pool
from posthouse.net.tlspolicy import NO_TRUST, Demand, DomainTrust, HostPolicy, TlsWish, word_of
from posthouse.net.tlsresult import Attempt, not_allowed
from posthouse.net.trust import HostPolicies, Trust
from posthouse.smtp.steps import Finished
from posthouse.smtp.transcript import bounded

__all__ = ["Courier", "CourierSettings"]


def _always() -> bool:
    return True


class Courier:
    """One per worker; belongs to the event loop that it is used in."""

    def __init__(self, settings: CourierSettings, clock: Clock, trust: Trust | None = None) -> None:
        self._settings = settings
        self._opener = Opener(settings, clock, self)
        self._trust = trust
        self._pool = Pool()
        self._all: set[Connection] = set()
        self._is_closed = False
        self._empty: asyncio.Future[None] | None = None

    async def send(
        self,
        site: Site,
        source: str,
        outgoing: Outgoing,
        *,
        messages_per_connection: int = 100,
        idle_s: float | None = None,
        may_finish: Callable[[], bool] = _always,
    ) -> SmtpResult:
        """One attempt for one recipient. Never raises for what hosts do; the result says it all.

        `source` is the local address, "" for any. `idle_s`: how long its connection then waits for the next
        letter, None as the settings say. `may_finish` is asked just before the content leaves, or each
        of its chunks; on False the connection is dropped, nothing was delivered, and the result's code is 0.
        """
        domain = outgoing.recipient.rpartition("@")[2]
        known = NO_TRUST
        if self._trust is not None and not site.is_route:
            found = self._trust.peek(domain) or await self._find_trust(self._trust, domain)
            if isinstance(found, SmtpResult):
                return found
            known = found
        wish = TlsWish.of(outgoing)
        key = (site.name, source, word_of(wish, known, is_relaxed=outgoing.tls_optional))
        connection = self._pool.take(key)
        stale = ""
        if connection is not None:
            finished = await self._talk(connection, outgoing, may_finish, messages_per_connection, idle_s)
            if not finished.is_stale:
                return finished.result
            # the host ended the kept connection, as is its right, and answered nothing of the letter; or it
            # did not understand BDAT
            stale = finished.result.transcript
        attempt = Attempt(domain, [stale] if stale else [])
        demand = Demand(wish, known, is_relaxed=outgoing.tls_optional, is_route=site.is_route)
        for _ in range(2):  # the second time by DATA, when the first host did not understand BDAT
            finished = await self._send_fresh(
                site, key, demand, outgoing, may_finish, messages_per_connection, idle_s, attempt
            )
            if not finished.is_stale:
                break
        result = finished.result
        result.checks = tuple(attempt.checks)
        if self._trust is not None and any(check.result for check in attempt.checks):
            self._trust.suspect(domain)
        return _with_history(result, attempt.history)

    async def _find_trust(self, trust: Trust, domain: str) -> DomainTrust | SmtpResult:
        """What the domain promises about TLS; or why nobody can say: then nothing goes (RFC 7672 2.1.3)."""
        if domain.startswith("["):  # an address makes no promises
            return NO_TRUST
        try:
            return await trust.find(domain)
        except DnsTrouble as trouble:
            return SmtpResult(Phase.DNS, trouble.code, trouble.enhanced, trouble.text)
        except TryLater as error:
            text = f"Whether {domain} demands TLS is not known now: {error.text}"
            return SmtpResult(Phase.LOCAL, 451, "4.3.0", text)

    async def _send_fresh(
        self,
        site: Site,
        key: Key,
        demand: Demand,
        outgoing: Outgoing,
        may_finish: Callable[[], bool],
        letters_max: int,
        idle_s: float | None,
        attempt: Attempt,
    ) -> Finished:
        if self._is_closed:
            return Finished(SmtpResult(Phase.LOCAL, 0, "4.3.2", "Not sent: the service is going down"))
        trust = self._trust
        policies = trust.policies(demand, site) if trust is not None else HostPolicies(demand, {})
        try:
            opened = await self._open(site, key, policies, attempt)
        finally:
            policies.close()
        if opened is None:
            return Finished(summary(site, key[1], attempt.failures, demand.wish))
        finished = await self._talk(opened, outgoing, may_finish, letters_max, idle_s)
        attempt.history.append(finished.result.transcript)
        return finished

    async def _talk(
        self,
        connection: Connection,
        outgoing: Outgoing,
        may_finish: Callable[[], bool],
        letters_max: int,
        idle_s: float | None,
    ) -> Finished:
        """One letter over a connection that is ours now."""
        if idle_s is not None:
            connection.idle_s = idle_s
        try:
            finished = await connection.send(outgoing, may_finish, letters_max)
        except asyncio.CancelledError:
            connection.abort()
            raise
        if finished.is_chunk_trouble:
            self._opener.note_chunk_trouble(connection)
        return finished

    async def _open(
        self, site: Site, key: Key, policies: HostPolicies, attempt: Attempt
    ) -> Connection | None:
        """A new connection, place after place within the bounds; None: all failed, see `attempt`."""
        tried, forbidden = 0, set[str]()
        for place in self._opener.places(_allowed(site, policies, key[1], attempt), key[1]):
            name = place.host.name
            if name in forbidden:
                continue
            policy = await policies.find(name)
            if _forbids(policy):
                forbidden.add(name)
                _note_forbidden(policy, name, key[1], attempt)
                continue
            opened = await self._opener.open(place, key, policy, attempt)
            if isinstance(opened, Connection):
                return opened
            attempt.failures.append(opened)
            tried += 1
            sessions = sum(map(is_session, attempt.failures))
            if tried >= self._settings.max_addresses or sessions >= self._settings.max_sessions:
                break
        return None

    def idle_count(self, site: Site) -> int:
        """Connections to this site that wait for a letter."""
        return self._pool.count(site.name)

    def close_site(self, site_name: str) -> None:
        """Say good-bye to a site: idle connections now, busy ones behind their letter."""
        for connection in [c for c in self._all if c.key[0] == site_name]:
            connection.quit()

    async def close(self) -> None:
        """Say good-bye to all and take no more letters; who has not gone after `quit_s` is dropped."""
        self._is_closed = True
        for connection in list(self._all):
            connection.quit()
        await self._wait_until_empty(self._settings.timeouts.quit_s)
        for connection in list(self._all):
            connection.abort()
        await self._wait_until_empty(1.0)

    async def _wait_until_empty(self, seconds: float) -> None:
        if self._all:
            self._empty = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._empty], timeout=seconds)
            self._empty = None

    # --- what connections tell their owner ------------------------------------------------------------

    def connection_begun(self, connection: Connection) -> None:
        self._all.add(connection)

    def connection_idle(self, connection: Connection) -> None:
        self._pool.put(connection)

    def connection_gone(self, connection: Connection) -> None:
        self._all.discard(connection)
        self._pool.drop(connection)
        if self._empty and not self._all and not self._empty.done():
            self._empty.set_result(None)


def _allowed(site: Site, policies: HostPolicies, source: str, attempt: Attempt) -> Site:
    """The site without the hosts of which is known at once that their policy forbids to ask them."""
    hosts = []
    for host in site.hosts:
        policy = policies.peek(host.name)
        if policy is not None and _forbids(policy):
            _note_forbidden(policy, host.name, source, attempt)
        else:
            hosts.append(host)
    return site if len(hosts) == len(site.hosts) else replace(site, hosts=tuple(hosts))


def _forbids(policy: HostPolicy) -> bool:
    """A policy that is only tested forbids nothing."""
    return bool(policy.refusal) and policy.then is None


def _note_forbidden(policy: HostPolicy, host: str, source: str, attempt: Attempt) -> None:
    """A host that may not be asked is a failure of this attempt."""
    failure, checks = not_allowed(policy, host, source)
    attempt.failures.append(failure)
    attempt.history.append(failure.transcript)
    attempt.checks += checks


def _with_history(result: SmtpResult, transcripts: list[str]) -> SmtpResult:
    if len(transcripts) > 1:
        result.transcript = bounded("\n".join(transcripts))
    return result
