"""How long a receiving host may take, and the one timer of a connection that holds it to that.

Public: Timeouts, Deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from posthouse.smtp.steps import Step

_SLACK_S = 0.002  # timers may fire a tick early


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a host may take, in seconds: RFC 5321 4.5.3.2 (MX-7). Never shorten `final_s` without need:
    whoever gives up before the host has answered the content makes duplicates (4.5.3.2.6)."""

    connect_s: float = 30.0
    greeting_s: float = 300.0
    hello_s: float = 300.0
    starttls_s: float = 120.0
    handshake_s: float = 60.0
    mail_s: float = 300.0
    rcpt_s: float = 300.0
    data_s: float = 120.0
    block_s: float = 180.0
    final_s: float = 600.0
    tidy_s: float = 60.0
    quit_s: float = 5.0

    def by_step(self, idle_s: float) -> dict[Step, float]:
        """What each step may take."""
        return {
            Step.GREETING: self.greeting_s,
            Step.EHLO: self.hello_s,
            Step.HELO: self.hello_s,
            Step.STARTTLS: self.starttls_s,
            Step.HANDSHAKE: self.handshake_s
            + 5.0,  # the handshake has its own limit; this is the net below it
            Step.IDLE: idle_s,
            Step.MAIL: self.mail_s,
            Step.RCPT: self.rcpt_s,
            Step.DATA: self.data_s,
            Step.CONTENT: self.data_s,
            Step.CHUNK: self.block_s,
            Step.FINAL: self.final_s,
            Step.LONE_DOT: self.tidy_s,
            Step.RSET: self.tidy_s,
            Step.QUIT: self.quit_s,
            Step.CLOSED: self.quit_s,
        }


class Deadline:
    """One timer for all time-outs of a connection: it is moved only when the deadline comes nearer, else it
    looks, when it fires, whether the deadline has moved away. `on_time` is called when it has not."""

    __slots__ = ("_at", "_loop", "_on_time", "_timer", "_timer_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_time: Callable[[], None]) -> None:
        self._loop = loop
        self._on_time = on_time
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = self._at = 0.0

    def expect(self, seconds: float) -> None:
        """What is waited for now must come within `seconds`."""
        self._at = at = self._loop.time() + seconds
        if self._timer is None or self._timer_at > at:
            if self._timer:
                self._timer.cancel()
            self._timer_at = at
            self._timer = self._loop.call_later(seconds, self._fire)

    def cancel(self) -> None:
        """Nothing is waited for any more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        left = self._at - self._loop.time()
        if left > _SLACK_S:
            self.expect(left)
        else:
            self._on_time()
