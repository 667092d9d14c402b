"""Bodies of requests: read under the memory budget and with limits, then as JSON or as a form.

Public: Form, Upload, read_body, parse_json, parse_form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive

from posthouse.doors.api.answers import Problem

MOST_FIELDS = 10_000
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a form, or a field that came with a file name or type of its own."""

    name: str
    filename: str
    type: str
    content: bytes


@dataclass(slots=True)
class Form:
    """Fields and files in the order in which they came; a name may occur several times."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    files: list[Upload] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        """The last value of a field."""
        return next((value for key, value in reversed(self.fields) if key == name), default)

    def all(self, name: str) -> list[str]:
        """All values of a field, also of `name[]`."""
        return [value for key, value in self.fields if key in (name, f"{name}[]")]

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self.fields)


async def read_body(receive: Receive, most_bytes: int) -> bytes:
    """The whole body. Raises Problem (413), and when the client leaves."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "client-left", "The request ended before its body")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most_bytes:
            raise Problem(413, "too-large", f"The request is larger than {most_bytes} bytes")
        chunks.append(chunk)
        if not message.get("more_body"):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def parse_json(body: bytes) -> Any:
    """Raises Problem (400, `bad-json`)."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "bad-json", f"The body is not JSON: {error}") from error


def parse_form(body: bytes, content_type: str) -> Form:
    """urlencoded or multipart/form-data. Raises Problem (400 `bad-form`, 415 `bad-type`)."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", ""):
        raise Problem(415, "bad-type", f"The body should be a form, not {kind[:100]}")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise Problem(400, "bad-form", f"The form cannot be read: {error}") from error
    return Form(fields=pairs)
