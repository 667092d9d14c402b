"""A receiver of webhooks on 127.0.0.1: takes every post, counts posts and events, prints one JSON line when
it is told to stop.

    python -m bench.hooksink -p PORT

A post is taken to hold as many events as its JSON array has items, one when it is an object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections import Counter

import uvloop

from bench.load import cpu_seconds

_TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class HookSink:
    """What came so far; `kinds` by the word under `event`."""

    def __init__(self) -> None:
        self.posts = 0
        self.events = 0
        self.kinds: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept open as long as the other side likes."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self._take(await reader.readexactly(_length(head)))
                writer.write(_TAKEN)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass  # told to stop, or the other side left
        finally:
            writer.close()

    def _take(self, body: bytes) -> None:
        found = json.loads(body)
        items = found if isinstance(found, list) else [found]
        self.posts += 1
        self.events += len(items)
        self.kinds.update(str(item.get("event", "")) for item in items)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def run(port: int) -> dict[str, object]:
    sink, stopped = HookSink(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await asyncio.start_server(sink.serve, "127.0.0.1", port, limit=1 << 20)
    print("listening", flush=True)
    await stopped.wait()
    server.close()
    return {
        "posts": sink.posts,
        "events": sink.events,
        "kinds": dict(sink.kinds),
        "cpu_s": round(cpu_seconds(), 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="a receiver of webhooks")
    parser.add_argument("-p", "--port", type=int, required=True)
    print(json.dumps(uvloop.run(run(parser.parse_args().port))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
