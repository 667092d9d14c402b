"""Bodies of requests: read under the memory budget and with limits, unpacked, then as JSON or as a form.

Public: Form, Upload, Held, Incoming, read_body, parse_json, parse_form.
"""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from starlette.types import Receive

from posthouse.dialects.depth import is_too_deep
from posthouse.doors.api.answers import Problem
from posthouse.doors.api.forms import Form, Upload, parse_urlencoded
from posthouse.doors.api.multipart import parse_multipart
from posthouse.doors.budget import BodyBudget
from posthouse.mail.content_type import parse_content_type

__all__ = ["Form", "Held", "Incoming", "Upload", "parse_form", "parse_json", "read_body"]

MOST_DEPTH = 100
_STEP_BYTES = 1024 * 1024  # unpacked at once; others are served in between
_WBITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_RAW_DEFLATE = -15
_URLENCODED, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_decode = msgspec.json.Decoder().decode


@dataclass(slots=True)
class Held:
    """What one call has of the memory for bodies, until it is answered."""

    budget: BodyBudget
    octets: int = 0

    def begin(self) -> None:
        """Past three quarters of the budget new bodies are asked to come back; what is in arrival goes on.
        Raises Problem (503)."""
        if not self.budget.admits_new:
            raise _busy()

    def take(self, octets: int) -> None:
        """Raises Problem (503) past all of it."""
        self.count(octets)
        if self.budget.is_exceeded:
            raise _busy()

    def make(self, octets: int) -> None:
        """What a call makes of its body counts too. Raises Problem: 503 as `take`, 413 where this call alone
        is more than all of the budget."""
        self.count(octets)
        if self.octets > self.budget.limit_bytes:
            text = "The letters of this call are too large together; make several calls of it"
            raise Problem(413, "letters-too-large", text)
        if self.budget.is_exceeded:
            raise _busy()

    def count(self, octets: int) -> None:
        self.octets += octets
        self.budget.held_bytes += octets

    def give_back(self) -> None:
        self.budget.held_bytes -= self.octets
        self.octets = 0


def _busy() -> Problem:
    text = "Too much mail at once; try again in a minute"
    return Problem(503, "busy", text, retry_s=30.0)


class Incoming(NamedTuple):
    """A body that is still to come. `length` and `encoding`: its two header fields, "" for none."""

    receive: Receive
    length: str
    encoding: str


async def read_body(incoming: Incoming, most_bytes: int, held: Held) -> bytes:
    """The whole body as it was meant. Raises Problem (400, 413, 415, 503), also when the client leaves."""
    encoding = incoming.encoding.strip().lower()
    if encoding not in ("", "identity", *_WBITS):
        text = f"The Content-Encoding {encoding[:100]} is not known here; use gzip, or none"
        raise Problem(415, "bad-encoding", text, field="Content-Encoding")
    length = incoming.length
    if length.isdecimal() and int(length[:20]) > most_bytes:  # before a client that asks sends it (Expect)
        raise _too_large(most_bytes)
    held.begin()
    body = await _received(incoming.receive, most_bytes, held)
    return await _inflated(body, _WBITS[encoding], most_bytes, held) if encoding in _WBITS else body


async def _received(receive: Receive, most_bytes: int, held: Held) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "client-left", "The request ended before its body")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most_bytes:
            raise _too_large(most_bytes)
        held.take(len(chunk))
        chunks.append(chunk)
        if not message.get("more_body"):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _inflated(body: bytes, wbits: int, most_bytes: int, held: Held) -> bytes:
    """The body unpacked step by step, never more than may come plainly (S12)."""
    if wbits == _WBITS["deflate"] and not _has_zlib_header(body):
        wbits = _RAW_DEFLATE  # RFC 9110 8.4.1.2: some clients leave the wrapper out
    stream = zlib.decompressobj(wbits)
    pieces: list[bytes] = []
    size = 0
    while not stream.eof:
        try:
            piece = stream.decompress(body, _STEP_BYTES)
        except zlib.error as error:
            raise _not_packed() from error
        body = stream.unconsumed_tail
        size += len(piece)
        if size > most_bytes:
            raise _too_large(most_bytes)
        if not piece and not stream.eof:
            raise _not_packed()  # it ends too soon
        held.take(len(piece))
        pieces.append(piece)
        if len(piece) == _STEP_BYTES:
            await asyncio.sleep(0)
    if stream.unused_data:
        raise _not_packed()
    return b"".join(pieces)


def _has_zlib_header(body: bytes) -> bool:
    """RFC 1950 2.2."""
    return len(body) > 1 and body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0


def _not_packed() -> Problem:
    text = "The body is not what its Content-Encoding says"
    return Problem(400, "bad-encoding", text, field="Content-Encoding")


def _too_large(most_bytes: int) -> Problem:
    return Problem(413, "too-large", f"The request is larger than {most_bytes} bytes")


def parse_json(body: bytes) -> Any:
    """Values of at most `MOST_DEPTH` levels; of members with one name the last counts. Raises Problem (400,
    `bad-json`)."""
    try:
        value = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _bad_json(str(error)) from error
    is_nested = isinstance(value, dict | list)
    if is_nested and body.count(b"{") + body.count(b"[") > MOST_DEPTH and is_too_deep(value, MOST_DEPTH):
        raise _bad_json(f"it is nested deeper than {MOST_DEPTH} levels")
    if b"\\u0000" in body and _has_nul(value):
        raise _bad_json("a text has the character U+0000")  # no store takes it
    return value


def _has_nul(value: Any) -> bool:
    """Does not go deeper than `MOST_DEPTH`."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in name or _has_nul(inner) for name, inner in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))


def _bad_json(why: str) -> Problem:
    return Problem(400, "bad-json", f"The body is not JSON: {why}")


def parse_form(body: bytes, content_type: str) -> Form:
    """urlencoded or multipart/form-data. Raises Problem (400 `bad-form`, 415 `bad-type`)."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in (_URLENCODED, ""):
        return parse_urlencoded(body)
    if kind == _MULTIPART:
        _, parameters = parse_content_type(content_type.encode("latin-1", "replace"))
        return parse_multipart(body, parameters.get("boundary", ""))
    raise Problem(415, "bad-type", f"The body should be a form, not {kind[:100]}")
