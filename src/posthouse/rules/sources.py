"""Which of our addresses may carry mail to a site, and which of them does.

Public: fitting, steady_choice.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from posthouse.model.message import Site


def fitting(site: Site, sources: Sequence[str]) -> tuple[str, ...]:
    """Those of a family that the site has an address of; all where none is."""
    families = {":" in address for host in site.hosts for address in host.addresses}
    return tuple(source for source in sources if (":" in source) in families) or tuple(sources)


def steady_choice(site_name: str, sources: Sequence[str]) -> str:
    """Always the same one for a site, so that it gets to know us; "", the system's choice, for none."""
    if len(sources) < 2:
        return sources[0] if sources else ""
    return sources[zlib.crc32(site_name.encode()) % len(sources)]
