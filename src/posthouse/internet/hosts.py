"""Receiving hosts: each listens on its own loopback address, with a script that may be changed at any time.

`Memory` is what all hosts of one world remember together: how often an act was done for a recipient, and
when a greylisted triplet was first seen. So `defer-3@…` counts its three whichever MX is asked.

Public: `Host`, `Memory`.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from posthouse.internet.certificates import Certificates
from posthouse.internet.conversation import Conversation
from posthouse.internet.recorder import Recorder
from posthouse.internet.scripts import Act, Deed, HostScript
from posthouse.model.clock import Clock

if TYPE_CHECKING:
    from posthouse.internet.wire import Wire

_MOST_REMEMBERED = 200_000


class Memory:
    """Counts and first times, bounded: when full it starts anew."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: dict[tuple[Act, str], int] = {}
        self._first_seen: dict[tuple[str, str, str], float] = {}

    def applies(self, act: Act, peer: str, sender: str, recipient: str) -> bool:
        """Is the act to be done now? Counts this time."""
        if act.deed is Deed.GREYLIST:
            triplet = (peer.rpartition(":")[0], sender, recipient)
            return self._clock.now() - self._first_seen.setdefault(triplet, self._clock.now()) < act.seconds
        if not act.first:
            return True
        if len(self._counts) > _MOST_REMEMBERED:
            self._counts.clear()
        count = self._counts[act, recipient] = self._counts.get((act, recipient), 0) + 1
        return count <= act.first


class Host:
    """A receiving host. `start` listens (or does not, if the script says so), `stop` drops everything."""

    def __init__(
        self,
        name: str,
        address: str,
        script: HostScript,
        *,
        recorder: Recorder,
        memory: Memory,
        certificates: Certificates,
        clock: Clock,
    ) -> None:
        self.name = name
        self.address = address
        self.script = script
        self.recorder = recorder
        self.certificates = certificates
        self.now = clock.now
        self.applies = memory.applies
        self.connections: set[Wire] = set()
        self._server: asyncio.Server | None = None
        self._hole: list[socket.socket] = []

    async def start(self, port: int) -> int:
        """Listen on `port` (0: any) and return the port. Raises OSError when it is taken."""
        if not self.script.listens:
            return port
        if self.script.swallows:
            self._hole = _black_hole(self.address, port)
            return int(self._hole[0].getsockname()[1])
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Conversation(self), self.address, port, backlog=512
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        for connection in list(self.connections):
            connection.end("dropped")
        for held in self._hole:
            held.close()
        self._hole = []
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None


def _black_hole(address: str, port: int) -> list[socket.socket]:
    """A listening socket whose queue is full: the kernel drops every further SYN, as a firewall would."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sockets = [listening]
    try:
        listening.bind((address, port))
        listening.listen(0)
        for _ in range(2):
            filler = socket.socket()
            filler.setblocking(False)
            sockets.append(filler)
            filler.connect_ex(listening.getsockname())
    except OSError:
        for made in sockets:
            made.close()
        raise
    return sockets
