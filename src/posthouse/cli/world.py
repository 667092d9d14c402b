"""The pretended internet of `posthouse dev --internet`, in a process of its own.

`started_world` runs this module in a fresh interpreter; the child prints one JSON line with the settings
that lead to it and stays until its standard input ends, so it never outlives who started it.

Public: started_world, guide_text, HOSTNAME, ZONE_FILE, ARRIVED.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posthouse.model.errors import SettingsError

if TYPE_CHECKING:
    from posthouse.internet.recorder import Arrival
    from posthouse.internet.world import World

HOSTNAME = "mail.posthouse.test"
ZONE_FILE, ARRIVED = "zone.txt", "arrived"
_RETRY_S, _RECHECK_S = [5, 15, 60], [3]  # a person is watching
_LOOK_S = 0.5
_ZONE_MOST = 1024 * 1024
_KEPT = 100
_LEAVE_S = 5.0


@contextmanager
def started_world(directory: Path, *, wanted: bool) -> Iterator[Mapping[str, Any]]:
    """Settings that lead to a freshly started world; empty ones when none is wanted. It serves the records of
    `zone.txt` in the directory too, and leaves what arrives there in `arrived`."""
    if not wanted:
        yield {}
        return
    child = subprocess.Popen(  # noqa: S603 (this interpreter, our own module)
        [sys.executable, "-m", "posthouse.cli.world", str(directory)],
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


async def _serve(directory: Path) -> None:
    from posthouse.internet.recorder import Recorder
    from posthouse.internet.world import World

    recorder = Recorder(on_arrival=partial(_keep, directory / ARRIVED))
    async with World.default(recorder=recorder) as world:
        places = {
            "smtp": {"hostname": HOSTNAME},
            "dns": {"servers": [world.dns_server]},
            "domains": {"recheck_s": _RECHECK_S},
            "delivery": {"port": world.port, "private_networks": "allow", "retry_s": _RETRY_S},
        }
        print(json.dumps(places), flush=True)
        following = asyncio.create_task(_follow(world, directory / ZONE_FILE))
        await asyncio.to_thread(sys.stdin.read)
        following.cancel()


def _keep(folder: Path, arrival: Arrival) -> None:
    """A copy as the receiving host got it, for people to look at; the last hundred stay."""
    folder.mkdir(exist_ok=True)
    (folder / f"{arrival.number:06}.eml").write_bytes(arrival.content)
    (folder / f"{arrival.number - _KEPT:06}.eml").unlink(missing_ok=True)


async def _follow(world: World, file: Path) -> None:
    """Serve the records that somebody wrote into the file, from half a second after it was saved."""
    seen: str | None = None
    while True:
        text = _text_of(file)
        if text != seen:
            _load(world, file, text)
        seen = text
        await asyncio.sleep(_LOOK_S)


def _text_of(file: Path) -> str:
    return file.read_text(errors="replace")[:_ZONE_MOST] if file.exists() else ""


def _load(world: World, file: Path, text: str) -> None:
    import dns.exception

    from posthouse.internet.places import DOMAINS, settled

    try:
        world.dns.load(f"{settled(DOMAINS)[0]}\n{HOSTNAME} A 127.0.0.1\n{text}")
    except (dns.exception.DNSException, ValueError) as error:
        print(f"posthouse: {file.name} is no zone text, what it said before stays: {error}", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
