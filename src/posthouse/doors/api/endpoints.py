"""The calls that a service knows, and which one a request means.

A path is looked up segment by segment: a fixed word comes before a parameter, and where that leads nowhere
the parameter is tried. Segments are decoded one by one, so `%2F` in an address stays in its segment.

Public: Endpoint, Endpoints, Handler.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

import msgspec
from starlette.responses import Response

from posthouse.doors.api.answers import Answer
from posthouse.doors.api.forms import Form

if TYPE_CHECKING:
    from posthouse.doors.api.call import Call

_MOST_KEPT, _LONGEST_KEPT = 1024, 200  # matches that are kept; octets of their paths
Handler = Callable[["Call"], Awaitable[Answer | Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`path` has parameters in braces. A parameter `domain` must name a domain of the caller's account (and
    of the caller's own credential, where that is for one domain): it is looked up before the handler runs.

    `action`: the permission that the credential must have (`rules.permissions`), "" for none. Credentials for
    one domain may only do what names a domain in its path, or `is_for_domains`. `is_sending`: mail, which
    counts towards the account's limits and not towards those of calls. `wants_domain` False: the parameter
    `domain` is not looked up (a domain that may not be there yet). `key_of_form`: where no header shows a
    key, the one that a small form shows, as `Service.secret` gives it.
    """

    method: str
    path: str
    action: str
    handler: Handler
    is_for_domains: bool = False
    is_sending: bool = False
    wants_domain: bool = True
    is_open: bool = False
    key_of_form: Callable[[Form], str | None] | None = None


@dataclass(slots=True)
class _Node:
    words: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    methods: dict[str, tuple[Endpoint, tuple[str, ...]]] = field(default_factory=dict)


class Match(msgspec.Struct, frozen=True):
    """`endpoint` None: the path is known, the method not."""

    endpoint: Endpoint | None
    parameters: dict[str, str]
    allowed: tuple[str, ...]


class Endpoints:
    """All calls of a service. Raises ValueError when two are the same."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self.all = tuple(endpoints)
        self._root = _Node()
        # HOT: programs call the same few addresses again and again
        self._find_again = lru_cache(maxsize=_MOST_KEPT)(self._find)
        for endpoint in self.all:
            self._add(endpoint)

    def _add(self, endpoint: Endpoint) -> None:
        node = self._root
        names: list[str] = []
        for segment in endpoint.path.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.words.setdefault(segment, _Node())
        if endpoint.method in node.methods:
            raise ValueError(f"{endpoint.method} {endpoint.path} is there twice")
        node.methods[endpoint.method] = endpoint, tuple(names)

    def find(self, method: str, raw_path: bytes) -> Match | None:
        """The call that a request means; None: there is no such path. Empty segments count as none, for many
        programs put a base URL with a slash at its end before their paths; but not where something is
        deleted: `DELETE …/` with the name left out must not mean all names. The match is not the caller's
        own: it is not to be changed."""
        find = self._find_again if len(raw_path) <= _LONGEST_KEPT else self._find
        return find(method, raw_path)

    def _find(self, method: str, raw_path: bytes) -> Match | None:
        segments = _segments(raw_path)
        if segments is None:
            return None
        if method != "DELETE":
            segments = [each for each in segments if each]
        found = _walk(self._root, segments, 0, [], method)
        if found is None:
            return None
        node, values = found
        if method not in node.methods:
            return Match(None, {}, tuple(sorted(node.methods)))
        endpoint, names = node.methods[method]
        return Match(endpoint, dict(zip(names, values, strict=True)), ())


def _segments(raw_path: bytes) -> list[str] | None:
    """None: it names nothing, because it is not UTF-8 or has the character U+0000, which no store takes."""
    try:
        written = raw_path.lstrip(b"/").split(b"/")
        # HOT: hardly a path has anything to unquote
        found = [(unquote_to_bytes(each) if b"%" in each else each).decode() for each in written]
    except UnicodeDecodeError:
        return None
    return None if any("\0" in each for each in found) else found


def _walk(
    node: _Node, segments: list[str], place: int, values: list[str], method: str
) -> tuple[_Node, list[str]] | None:
    """The node where the path ends; one that knows the method is preferred."""
    if place == len(segments):
        return (node, values) if node.methods else None
    segment = segments[place]
    spare = None
    if segment in node.words:
        spare = _walk(node.words[segment], segments, place + 1, values, method)
        if spare is not None and method in spare[0].methods:
            return spare
    if segment and node.parameter is not None:
        found = _walk(node.parameter, segments, place + 1, [*values, segment], method)
        if found is not None and (spare is None or method in found[0].methods):
            return found
    return spare
