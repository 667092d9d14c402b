"""Which of our addresses may carry mail to a site, and which of them does.

Public: families_of, fitting, steady_choice.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence

from posthouse.model.message import Site


def families_of(site: Site) -> frozenset[bool]:
    """Which addresses the site has: True for IPv6, False for IPv4."""
    return frozenset([":" in address for host in site.hosts for address in host.addresses])


def fitting(families: Collection[bool], sources: Sequence[str]) -> tuple[str, ...]:
    """Those of a family that the site has an address of; all where none is."""
    return tuple(source for source in sources if (":" in source) in families) or tuple(sources)


def steady_choice(site_name: str, sources: Sequence[str]) -> str:
    """Always the same one for a site, so that it gets to know us; "", the system's choice, for none."""
    if len(sources) < 2:
        return sources[0] if sources else ""
    return sources[zlib.crc32(site_name.encode()) % len(sources)]
