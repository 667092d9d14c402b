"""What reached the fake internet: every copy with its exact bytes, every session with its lines.

A copy is noted (and the ledger told, `on_arrival`) before its `250` is written, as a careful server would
fsync first; `on_answered` is told once the reply has been written. `violations` collects what a client
did against the protocol; a test of a well-behaved client ends with `assert not recorder.violations`.

Public: `Arrival`, `Session`, `Recorder`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_LINES_KEPT = 500


@dataclass(slots=True)
class Arrival:
    """One copy. `content` is unstuffed and exact; `sender` and `recipients` are what stood between the
    angle brackets, the parameters what followed. `answered` is the reply to the content, "" before it."""

    number: int
    session: int
    host: str
    address: str
    peer: str
    hello: str
    tls: str
    sender: str
    sender_params: str
    recipients: tuple[str, ...]
    recipient_params: tuple[str, ...]
    content: bytes
    verb: str
    at: float
    answered: str = ""

    @property
    def is_tls(self) -> bool:
        return bool(self.tls)


@dataclass(slots=True)
class Session:
    """One connection. `lines` holds commands (`C: `) and replies (`S: `), the first 500; `end` is "" while it
    is open, then quit, closed, dropped or lost."""

    number: int
    host: str
    address: str
    peer: str
    opened_at: float
    tls: str = ""
    end: str = ""
    arrivals: int = 0
    lines: list[str] = field(default_factory=list)

    def note(self, line: str) -> None:
        if len(self.lines) < _LINES_KEPT:
            self.lines.append(line[:600])

    def text(self) -> str:
        """The transcript, for the message of a failed test."""
        return "\n".join([f"session {self.number} at {self.host} from {self.peer} ({self.end})", *self.lines])


class Recorder:
    """Keeps the last `keep` copies and sessions; `total` and `opened` count all."""

    def __init__(
        self,
        *,
        on_arrival: Callable[[Arrival], None] | None = None,
        on_answered: Callable[[Arrival], None] | None = None,
        keep: int = 10_000,
    ) -> None:
        self.arrivals: deque[Arrival] = deque(maxlen=keep)
        self.sessions: deque[Session] = deque(maxlen=keep)
        self.violations: deque[str] = deque(maxlen=1_000)
        self.total = 0
        self.opened = 0
        self._on_arrival = on_arrival
        self._on_answered = on_answered
        self._changed: set[asyncio.Future[None]] = set()

    def open(self, host: str, address: str, peer: str, now: float) -> Session:
        self.opened += 1
        session = Session(self.opened, host, address, peer, now)
        self.sessions.append(session)
        return session

    def arrived(self, arrival: Arrival) -> None:
        """Note a copy; what the ledger raises ends the connection, as a full disk would."""
        if self._on_arrival is not None:
            self._on_arrival(arrival)
        self.total += 1
        self.arrivals.append(arrival)
        self._wake()

    def answered(self, arrival: Arrival, reply: str) -> None:
        arrival.answered = reply
        if self._on_answered is not None:
            self._on_answered(arrival)
        self._wake()

    def ended(self, session: Session, how: str) -> None:
        session.end = session.end or how
        self._wake()

    def to(self, recipient: str) -> list[Arrival]:
        """The copies for one recipient, in the order of arrival."""
        return [arrival for arrival in self.arrivals if recipient in arrival.recipients]

    async def until(self, is_enough: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Wait until `is_enough()` after some change. Raises AssertionError with the transcripts."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + timeout_s
        while not is_enough():
            changed: asyncio.Future[None] = loop.create_future()
            self._changed.add(changed)
            try:
                await asyncio.wait_for(changed, max(0.0, ends_at - loop.time()))
            except TimeoutError:
                raise AssertionError(self.story("not in time")) from None
            finally:
                self._changed.discard(changed)

    async def copies(self, count: int, timeout_s: float = 10.0) -> list[Arrival]:
        """Wait for `count` answered copies in all and return them."""
        await self.until(lambda: len(self._answered()) >= count, timeout_s)
        return self._answered()

    def story(self, title: str) -> str:
        """Title, counts and the last transcripts."""
        last = [session.text() for session in list(self.sessions)[-5:]]
        head = f"{title}: {self.total} copies, {self.opened} sessions, violations: {list(self.violations)}"
        return "\n".join([head, *last])

    def _answered(self) -> list[Arrival]:
        return [arrival for arrival in self.arrivals if arrival.answered]

    def _wake(self) -> None:
        for changed in self._changed:
            if not changed.done():
                changed.set_result(None)
