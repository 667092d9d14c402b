"""The pretended internet of `posthouse dev --internet`, in a process of its own.

`started_world` runs this module in a fresh interpreter; the child prints one JSON line with the settings
that lead to it and stays until its standard input ends, so it never outlives who started it.

Public: started_world, guide_text.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from posthouse.model.errors import SettingsError

_RETRY_S = [5, 15, 60]  # a person is watching
_LEAVE_S = 5.0


@contextmanager
def started_world(*, wanted: bool) -> Iterator[Mapping[str, Any]]:
    """Settings that lead to a freshly started world; empty ones when none is wanted."""
    if not wanted:
        yield {}
        return
    child = subprocess.Popen(
        [sys.executable, "-m", "posthouse.cli.world"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the supervisor, which drains first
    )
    assert child.stdin and child.stdout
    try:
        line = child.stdout.readline()
        if not line:
            raise SettingsError("the pretended internet could not be started; its own words are above")
        yield json.loads(line)
    finally:
        child.stdin.close()
        child.stdout.close()
        try:
            child.wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            child.kill()


def guide_text() -> str:
    """Which domains and mailbox names there are, and what they do."""
    from posthouse.internet.world import World

    domains, mailboxes = World.guide()
    parts = ["Domains of the pretended internet:", *_lines(domains)]
    return "\n".join([*parts, "", "Mailbox names that work at any of them:", *_lines(mailboxes)])


def _lines(pairs: list[tuple[str, str]]) -> list[str]:
    width = max(len(name) for name, _ in pairs)
    return [f"  {name.ljust(width)}  {help_}" for name, help_ in pairs]


async def _serve() -> None:
    from posthouse.internet.world import World

    async with World.default() as world:
        places = {
            "dns": {"servers": [world.dns_server]},
            "delivery": {"port": world.port, "private_networks": "allow", "retry_s": _RETRY_S},
        }
        print(json.dumps(places), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
