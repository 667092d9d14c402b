"""The style sheets and scripts of the dashboard, all from this package: nothing is asked of any other host.

A file's address carries a digest of it, so browsers keep it for good and a new version is asked for at once.

Public: address_of_file, static_route.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Vary": "Accept-Encoding",
}


@dataclass(frozen=True, slots=True)
class _File:
    kind: str
    content: bytes
    packed: bytes
    digest: str


@cache
def _files() -> dict[str, _File]:
    found = {}
    for each in files("posthouse.doors.web").joinpath("static").iterdir():
        kind = _TYPES.get(each.name.rpartition(".")[2])
        if kind:
            content = each.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:12]
            found[each.name] = _File(kind, content, gzip.compress(content, 9, mtime=0), digest)
    return found


def address_of_file(name: str) -> str:
    """Where a page finds the file. Raises KeyError: there is none of that name."""
    return f"/static/{_files()[name].digest}/{name}"


def static_route() -> Route:
    """For the HTTP door's application."""
    return Route("/static/{digest}/{name}", _answer, methods=["GET"])


async def _answer(request: Request) -> Response:
    found = _files().get(request.path_params["name"])
    if found is None or found.digest != request.path_params["digest"]:
        return PlainTextResponse("Not found\n", 404)
    headers = {**_HEADERS, "Content-Type": found.kind}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, headers={**headers, "Content-Encoding": "gzip"})
    return Response(found.content, headers=headers)
