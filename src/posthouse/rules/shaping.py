"""How much each receiving site may be asked to bear, and what its replies lead to: data, and who of the
workers may use how much of it.

The built-in data (`data/shaping.toml`, `data/automations.toml`) and an operator's file over them have one
form: [default], [route], [[site]] and [[automation]]. What the numbers do in `window`, what automations do in
`automations`. `share` divides a limit among the live workers without talk: the shares always add up.

Public: Limits, SiteRule, ShapingTable, load_shaping, rule_for, limits_for, share, BUILT_IN.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posthouse.model.errors import SettingsError
from posthouse.model.message import Site
from posthouse.rules.automations import Automation, joined, parse_automation
from posthouse.rules.site_limits import Limits, changed

__all__ = [
    "BUILT_IN",
    "Limits",
    "ShapingTable",
    "SiteRule",
    "limits_for",
    "load_shaping",
    "rule_for",
    "share",
]

_TABLES = ("default", "route", "site", "automation")
_MOST_BYTES = 256 * 1024
_MOST_TABLES = 2000


@dataclass(frozen=True, slots=True)
class SiteRule:
    """Limits for the sites whose best MX hosts have a name that is, or ends in a dot and, one of `suffixes`.
    `origin` says where the numbers stand: "built in: [[site]] gmail"."""

    name: str
    suffixes: tuple[str, ...]
    limits: Limits
    origin: str

    def covers(self, names: Iterable[str]) -> bool:
        return any(_is_under(name, suffix) for name in names for suffix in self.suffixes)


@dataclass(frozen=True, slots=True)
class ShapingTable:
    """`default` and `route` for every site, and for static routes; of `sites` and `automations` the first
    that applies wins."""

    default: SiteRule
    route: SiteRule
    sites: tuple[SiteRule, ...]
    automations: tuple[Automation, ...]


@dataclass(slots=True)
class _Draft:
    """A [[site]] as it stands in a file: its numbers are completed when every file was read."""

    name: str
    suffixes: tuple[str, ...]
    given: Mapping[str, Any]
    where: str
    origin: str


@dataclass(slots=True)
class _Layers:
    """What the files read so far say together."""

    default: Limits = field(default_factory=Limits)
    route: Limits = field(default_factory=Limits)
    origins: dict[str, str] = field(default_factory=dict)
    sites: list[_Draft] = field(default_factory=list)
    automations: tuple[Automation, ...] = ()

    def add(self, path: Path, raw: Mapping[str, Any], place: str) -> None:
        """One more file over the others; `place` is what people are told where it is."""
        for name in ("default", "route"):
            given = raw.get(name, {})
            if not isinstance(given, dict):
                raise SettingsError(f"{path}: {name} must be one table, [{name}]")
            setattr(self, name, changed(getattr(self, name), given, f"{path}: [{name}]"))
            if given or name not in self.origins:
                self.origins[name] = f"{place}: [{name}]"
        self.sites = [self._site(entry, path, place) for entry in _tables(raw, "site", path)] + self.sites
        over = [_automation(entry, path) for entry in _tables(raw, "automation", path)]
        self.automations = joined(over, self.automations)

    def _site(self, entry: Mapping[str, Any], path: Path, place: str) -> _Draft:
        """A site that only has a name changes numbers of the known one of that name."""
        name = str(entry.get("name", "?"))
        where, origin = f"{path}: [[site]] {name!r}", f"{place}: [[site]] {name}"
        given = {key: value for key, value in entry.items() if key not in ("name", "mx")}
        known = next((draft for draft in self.sites if draft.name == name), None)
        if "mx" not in entry and known is not None:
            return _Draft(name, known.suffixes, {**known.given, **given}, where, origin)
        suffixes = entry.get("mx")
        if not isinstance(suffixes, list) or not suffixes or not all(isinstance(s, str) for s in suffixes):
            raise SettingsError(
                f"{where}: mx must be a list of host name endings, or name that of a site that is built in"
            )
        return _Draft(name, tuple(s.lower().strip(".") for s in suffixes), given, where, origin)

    def table(self) -> ShapingTable:
        default = SiteRule("default", (), self.default, self.origins["default"])
        route = SiteRule("route", (), self.route, self.origins["route"])
        sites = [
            SiteRule(d.name, d.suffixes, changed(self.default, d.given, d.where), d.origin)
            for d in self.sites
        ]
        return ShapingTable(default, route, tuple(sites), self.automations)


def load_shaping(*paths: Path) -> ShapingTable:
    """The built-in table with the operator's files over it, the last path the strongest.

    Raises SettingsError: file, table, key and what is wrong.
    """
    layers = _Layers()
    for path in _DATA:
        layers.add(path, _read(path), "built in")
    for path in paths:
        layers.add(path, _read(path), str(path))
    return layers.table()


def rule_for(site: Site, table: ShapingTable | None = None) -> SiteRule:
    """The rule of a site: a static route's, a known provider's by the names of its best MX hosts, or the
    default."""
    table = table or BUILT_IN
    if site.is_route:
        return table.route
    best = [host.name.lower() for host in site.hosts if host.preference == site.hosts[0].preference]
    return next((rule for rule in table.sites if rule.covers(best)), table.default)


def limits_for(site: Site, table: ShapingTable | None = None) -> Limits:
    """The limits of a site; see `rule_for`."""
    return rule_for(site, table).limits


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
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise SettingsError(f"{path}: larger than {_MOST_BYTES} bytes")
        raw = tomllib.loads(content.decode())
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error
    unknown = sorted(set(raw) - set(_TABLES))
    if unknown:
        raise SettingsError(f"{path}: unknown table {unknown[0]!r}; allowed are {', '.join(_TABLES)}")
    return raw


def _tables(raw: Mapping[str, Any], name: str, path: Path) -> list[Mapping[str, Any]]:
    entries = raw.get(name, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SettingsError(f"{path}: {name} must be written [[{name}]]")
    if len(entries) > _MOST_TABLES:
        raise SettingsError(f"{path}: more than {_MOST_TABLES} [[{name}]] tables")
    return entries


def _automation(entry: Mapping[str, Any], path: Path) -> Automation:
    try:
        return parse_automation(entry)
    except (ValueError, TypeError) as error:
        name = entry.get("name", "?")
        raise SettingsError(f"{path}: [[automation]] {name!r}: {error}") from error


_DATA = tuple(Path(__file__).with_name("data") / name for name in ("shaping.toml", "automations.toml"))
BUILT_IN = load_shaping()
