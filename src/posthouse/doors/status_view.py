"""The numbers behind the status page: this worker's counters and the queue of the whole store."""

from __future__ import annotations

from collections.abc import Callable

from posthouse import __version__
from posthouse.config import Settings, public_url
from posthouse.doors.http import Status
from posthouse.model.clock import Clock
from posthouse.observe import Counters
from posthouse.store import queue
from posthouse.store.engine import Store


class WorkerStatus:
    """What `doors.http` asks. Queue numbers are read at most every two seconds."""

    _FRESH_S = 2.0

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        counters: Counters,
        in_memory: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._counters = counters
        self._in_memory = in_memory
        self._began = clock.monotonic()
        self._queue: tuple[tuple[str, int], ...] = ()
        self._queue_at = -self._FRESH_S

    async def trouble(self) -> str:
        return self._store.trouble if self._store.is_away else ""

    async def status(self) -> Status:
        await self._refresh()
        settings = self._settings
        smtp = [("SMTP, STARTTLS", str(endpoint)) for endpoint in settings.smtp.listen]
        smtps = [("SMTP, TLS", str(endpoint)) for endpoint in settings.smtp.listen_tls]
        http = [("HTTP", str(endpoint)) for endpoint in settings.http.listen]
        https = [("HTTPS", str(endpoint)) for endpoint in settings.http.listen_tls]
        return Status(
            version=__version__,
            hostname=settings.smtp.hostname,
            region=settings.region,
            uptime_s=self._clock.monotonic() - self._began,
            store=public_url(settings.store.url),
            trouble=await self.trouble(),
            ports=(*smtp, *smtps, *http, *https),
            since_start=tuple(
                (name, int(self._counters.total(name)))
                for name in ("accepted", "delivered", "deferred", "failed")
            ),
            queue=self._queue,
            notes=("Every message is captured here; nothing leaves this machine.",)
            if settings.delivery.capture
            else (),
        )

    async def metrics(self) -> str:
        await self._refresh()
        for state, number in self._queue:
            self._counters.put("queue", number, (("state", state),))
        self._counters.put("deliveries_in_memory", self._in_memory())
        self._counters.put("store_away", int(self._store.is_away))
        return self._counters.prometheus()

    async def _refresh(self) -> None:
        now = self._clock.monotonic()
        if self._store.is_away or now - self._queue_at < self._FRESH_S:
            return
        self._queue_at = now
        try:
            counts = await self._store.read(queue.open_counts)
        except Exception:  # the page shows the last numbers and the trouble
            return
        self._queue = tuple((str(state), number) for state, number in counts.items())
