"""Pieces of a page that a browser asks for again and again: an unchanged one is answered with nothing.

Public: digest_of, piece.
"""

from __future__ import annotations

import hashlib
from typing import Any

from starlette.responses import Response

from posthouse.doors.web.dashboard.visit import Visit


def digest_of(*facts: Any) -> str:
    """Two answers with the same facts look the same. Leave out what only tells how late it is."""
    return hashlib.blake2b(repr(facts).encode("utf-8", "replace"), digest_size=8).hexdigest()


def piece(visit: Visit, template: str, digest: str, **values: Any) -> Response:
    """The piece, or 204 when the one that was `seen` (in the address) still holds; it gets its `digest`."""
    if visit.query("seen") == digest:
        return Response(status_code=204)
    return visit.fragment(template, digest=digest, **values)
