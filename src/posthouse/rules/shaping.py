"""How many conversations a receiving site may be asked for, and how fast; pure state driven by `now`.

`Limits` are data (`data/shaping.toml`, an operator's file over it). `Window` finds out what a site really
bears: it starts small, grows by one with each success while it is full, halves at connection trouble and
lets the whole site rest after three troubles in a row; after a rest one single conversation probes.
`Bucket` is a rate. `share` divides a limit among the live workers without talk: the shares always add up.

What goes wrong without this: a dead host would be tried by every worker with everything that waits for it,
and a host that says "421 too many connections" would hear the same again at once.

Public: Limits, ShapingTable, load_shaping, limits_for, Window, Bucket, share.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posthouse.model.errors import SettingsError
from posthouse.model.message import Site

RESTS_S = (15.0, 60.0, 300.0, 900.0, 1800.0)
_TROUBLES_TO_REST = 3
_STEADY_SUCCESSES = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """What one site may be asked to bear, by all workers together. `messages_per_second` 0: no limit."""

    connections: int = 10
    first_connections: int = 5
    messages_per_connection: int = 100
    messages_per_second: float = 0.0
    idle_s: float = 5.0


@dataclass(frozen=True, slots=True)
class ShapingTable:
    """`sites`: (suffixes of MX host names, limits), the first that applies wins."""

    default: Limits
    route: Limits
    sites: tuple[tuple[tuple[str, ...], Limits], ...]


def load_shaping(*paths: Path) -> ShapingTable:
    """The built-in table with the operator's files over it, the last path the strongest.

    Raises SettingsError: file, table, key and what is wrong.
    """
    default, route = Limits(), Limits()
    sites: list[tuple[tuple[str, ...], Mapping[str, Any], str]] = []
    for path in (_DATA, *paths):
        raw = _read(path)
        default = _changed(default, raw.get("default", {}), f"{path}: [default]")
        route = _changed(route, raw.get("route", {}), f"{path}: [route]")
        sites = [_site(entry, path) for entry in raw.get("site", [])] + sites
    return ShapingTable(
        default, route, tuple((suffixes, _changed(default, given, where)) for suffixes, given, where in sites)
    )


def limits_for(site: Site, table: ShapingTable | None = None) -> Limits:
    """The limits of a site: a static route's, a known provider's by the names of its best MX hosts, or the
    default."""
    table = table or BUILT_IN
    if site.is_route:
        return table.route
    best = [host.name.lower() for host in site.hosts if host.preference == site.hosts[0].preference]
    for suffixes, limits in table.sites:
        if any(_is_under(name, suffix) for name in best for suffix in suffixes):
            return limits
    return table.default


class Window:
    """How many conversations one site may have with this worker now. `most`: the worker's share of the
    limit (default: all of it).

    Instants are of any clock that does not step, always the same one. Nothing ends a rest early.
    """

    __slots__ = ("_is_probing", "_level", "_most", "_steady", "_streak", "_width", "rests_until")

    def __init__(self, limits: Limits, most: int | None = None) -> None:
        self._most = limits.connections if most is None else most
        self._width = max(1, limits.first_connections)
        self._streak = self._steady = self._level = 0
        self._is_probing = False
        self.rests_until = float("-inf")

    def allowed(self, now: float) -> int:
        """Conversations that may run at the same time; 0 while the site rests."""
        return 0 if now < self.rests_until else min(self._width, self._most)

    @property
    def most(self) -> int:
        """The worker's share as it stands."""
        return self._most

    def set_most(self, most: int) -> None:
        """The share changed: a worker came or went."""
        self._most = most

    def success(self, now: float, *, was_saturated: bool) -> None:
        """A conversation worked (whatever the reply said). Grows only when the window was the limit."""
        self._streak = 0
        if now < self.rests_until:  # begun before the trouble: says nothing about the site now
            return
        self._is_probing = False
        self._steady += 1
        if self._steady >= _STEADY_SUCCESSES:
            self._level = 0
        if was_saturated and self._width < self._most:
            self._width += 1

    def trouble(self, now: float) -> None:
        """The connection failed, or the site asked for a rest (421, rate replies)."""
        if now < self.rests_until:  # ten conversations that die together are one trouble, not ten
            return
        self._steady = 0
        self._streak += 1
        self._width = max(1, min(self._width, max(self._most, 1)) // 2)
        if self._is_probing or self._streak >= _TROUBLES_TO_REST:
            self._rest(now)

    def _rest(self, now: float) -> None:
        self.rests_until = now + RESTS_S[min(self._level, len(RESTS_S) - 1)]
        self._level += 1
        self._streak = 0
        self._width = 1
        self._is_probing = True


class Bucket:
    """A rate: `take` grants at most `per_second` a second on average, with a burst of one second's worth."""

    __slots__ = ("_at", "_burst", "_left", "_per_second")

    def __init__(self, per_second: float, now: float) -> None:
        self._per_second = per_second
        self._burst = max(1.0, per_second)
        self._left = self._burst
        self._at = now

    def take(self, now: float) -> bool:
        """One more now? A clock that goes backwards earns nothing and costs nothing."""
        self._fill(now)
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True

    def wait_s(self, now: float) -> float:
        """Seconds until `take` may grant again; 0 when it would now."""
        self._fill(now)
        return max(0.0, (1.0 - self._left) / self._per_second)

    def _fill(self, now: float) -> None:
        if now > self._at:
            # the last bit of a float must not make the caller wait twice for the same token
            self._left = min(self._burst, self._left + (now - self._at) * self._per_second + 1e-9)
            self._at = now


def share(limit: int, site: str, workers: Sequence[str], me: str) -> int:
    """This worker's part of a site's limit. The parts of all `workers` add up to `limit`; a limit of one
    belongs to exactly one of them; a worker that is not in the list gets nothing.

    Workers are ranked by a hash of site and name (rendezvous), so what is left over falls to different
    workers for different sites.
    """
    if me not in workers:
        return 0
    ranked = sorted(set(workers), key=lambda worker: (_weight(site, worker), worker))
    whole, rest = divmod(max(limit, 0), len(ranked))
    return whole + (1 if ranked.index(me) < rest else 0)


def _weight(site: str, worker: str) -> bytes:
    return hashlib.blake2b(f"{site}|{worker}".encode(), digest_size=8).digest()


def _is_under(name: str, suffix: str) -> bool:
    return name == suffix or name.endswith("." + suffix)


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error
    unknown = sorted(set(raw) - {"default", "route", "site"})
    if unknown:
        raise SettingsError(f"{path}: unknown table {unknown[0]!r}; allowed are default, route and site")
    return raw


def _site(entry: Mapping[str, Any], path: Path) -> tuple[tuple[str, ...], Mapping[str, Any], str]:
    where = f"{path}: [[site]] {entry.get('name', '?')!r}"
    suffixes = entry.get("mx")
    if not isinstance(suffixes, list) or not suffixes or not all(isinstance(name, str) for name in suffixes):
        raise SettingsError(f"{where}: mx must be a list of host name endings")
    given = {key: value for key, value in entry.items() if key not in ("name", "mx")}
    return tuple(name.lower().strip(".") for name in suffixes), given, where


_LEAST = {
    "connections": 1,
    "first_connections": 1,
    "messages_per_connection": 1,
    "messages_per_second": 0,
    "idle_s": 0,
}


def _changed(limits: Limits, given: Mapping[str, Any], where: str) -> Limits:
    for key, value in given.items():
        least = _LEAST.get(key)
        if least is None:
            raise SettingsError(f"{where}: unknown key {key!r}; allowed are {', '.join(_LEAST)}")
        kinds = (int, float) if key in ("messages_per_second", "idle_s") else (int,)
        if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= 1_000_000:
            raise SettingsError(f"{where}: {key} must be a number from {least} to 1000000")
    return dataclasses.replace(limits, **given)


_DATA = Path(__file__).with_name("data") / "shaping.toml"
BUILT_IN = load_shaping()
