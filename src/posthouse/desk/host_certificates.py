"""Keeps the TLS contexts of tracking hosts as the store has them, within a second, away from the loop.

Only what changed is read and opened. What cannot be opened is one line in the log: its host shows the usual
pair, and no other host notices. Once a day it is said which certificates end soon.

Public: HostCertificates, WARN_S.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from posthouse.desk.installation import Installation
from posthouse.desk.tracking_certificates import WARN_DAYS, seal_owner
from posthouse.model.clock import Clock
from posthouse.model.errors import SettingsError
from posthouse.net.host_tls import host_context
from posthouse.store import web_certificates
from posthouse.store.web_certificates import WebCertificate

PAUSE_S = 0.5
WARN_S = 60.0
_DAY_S = 86400.0

log = logging.getLogger(__name__)

Show = Callable[[Mapping[str, ssl.SSLContext]], None]


class Reader(Protocol):
    """The part of `store.engine.Store` that is needed."""

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any: ...


class HostCertificates:
    """Those of one worker. `version`: the identity version that it has seen; `show` takes the contexts by
    host; `shared_hosts` never have one of their own."""

    def __init__(
        self,
        store: Reader,
        clock: Clock,
        installation: Installation,
        version: Callable[[], int],
        show: Show,
        shared_hosts: frozenset[str] = frozenset(),
    ) -> None:
        self._store = store
        self._clock = clock
        self._installation = installation
        self._version = version
        self._show = show
        self._shared_hosts = shared_hosts
        self._seen = -1
        self._marks: dict[str, tuple[float, float]] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._told: dict[str, float] = {}

    async def refresh(self) -> bool:
        """Follow the store if it changed; True when it did. Raises what the store raises."""
        version = self._version()
        if version == self._seen:
            return False
        marks = await self._store.read(web_certificates.marks)
        changed = [host for host, mark in marks.items() if self._marks.get(host) != mark]
        fresh = await self._store.read(web_certificates.load, changed) if changed else []
        opened = await asyncio.to_thread(self._opened, fresh) if fresh else {}
        kept = {host: held for host, held in self._contexts.items() if host in marks and host not in changed}
        self._contexts = kept | opened
        self._seen, self._marks = version, marks
        self._show(self._contexts)
        return True

    def _opened(self, fresh: Sequence[WebCertificate]) -> dict[str, ssl.SSLContext]:
        contexts: dict[str, ssl.SSLContext] = {}
        for item in fresh:
            if item.host in self._shared_hosts:
                continue
            try:
                key = self._installation.open(item.private, seal_owner(item.account_id, item.host))
                contexts[item.host] = host_context(item.chain.encode(), key)
            except (SettingsError, OSError, ValueError) as error:  # an SSLError is an OSError
                log.warning("%s shows the usual certificate, its own cannot be used: %s", item.host, error)
        return contexts

    async def warn(self) -> None:
        """Say which certificates end within 14 days or have ended, each once a day."""
        now = self._clock.now()
        self._told = {host: at for host, at in self._told.items() if host in self._marks}
        for host, (_, expires_at) in self._marks.items():
            is_due = now - self._told.get(host, float("-inf")) >= _DAY_S
            if is_due and expires_at < now + WARN_DAYS * _DAY_S:
                self._told[host] = now
                ends = dt.datetime.fromtimestamp(expires_at, dt.UTC).date()
                log.warning("the certificate of %s ends on %s: `posthouse domain certificate`", host, ends)

    async def follow(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Refresh for ever. Trouble with the store is logged once and outlived."""
        is_troubled = False
        while True:
            await sleep(PAUSE_S)
            try:
                await self.refresh()
            except Exception as error:  # the rim of this job: old certificates are better than none
                if not is_troubled:
                    log.warning("the certificates of hosts cannot be refreshed: %s", error)
                is_troubled = True
            else:
                is_troubled = False
