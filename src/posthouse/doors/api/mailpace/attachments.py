"""Files of a call: what the service asks of each, and which it takes.

Public: read_files.
"""

from __future__ import annotations

import binascii
import mimetypes
from collections.abc import Sequence
from typing import Any

from posthouse.dialects.mailpace.files import takes
from posthouse.doors.api.mailpace.answers import BAD_FILE, INVALID, UNDEFINED
from posthouse.doors.api.mailpace.errors import Errors
from posthouse.mail.build import Part


def read_files(value: Any, taken: Sequence[str], errors: Errors) -> list[Part]:
    """The value of `attachments`; `taken`: the domain's setting `attachment_types`."""
    if value is None or value == "":
        return []
    if not isinstance(value, list):
        errors.add("attachments", INVALID)
        return []
    return [part for each in value if (part := _read_file(each, taken, errors)) is not None]


def _read_file(value: Any, taken: Sequence[str], errors: Errors) -> Part | None:
    if not isinstance(value, dict):
        errors.add("attachments", INVALID)
        return None
    name = errors.text("attachments.name", value.get("name"))
    content = _decoded(value.get("content"), errors)
    type = errors.text("attachments.content_type", value.get("content_type")).strip()
    id = errors.text("attachments.cid", value.get("cid"))
    if not name:
        errors.add("attachments.name", UNDEFINED)
    elif not takes(name, taken):
        errors.add("attachments.name", BAD_FILE)
    if not name or content is None:
        return None
    type = type or mimetypes.guess_type(name, strict=False)[0] or "application/octet-stream"
    id = _content_id(id)
    return Part(content, type, name, id, is_inline=bool(id))


def _decoded(value: Any, errors: Errors) -> bytes | None:
    if not isinstance(value, str):
        errors.add("attachments.content", UNDEFINED if value is None else INVALID)
        return None
    # clients break the lines: Symfony at 76 characters, the gem for Rails at 60
    octets = value.encode("utf-8", "replace").translate(None, b" \t\r\n")
    try:
        return binascii.a2b_base64(octets, strict_mode=True) if octets else b""
    except binascii.Error:
        errors.add("attachments.content", INVALID)
        return None


def _content_id(value: str) -> str:
    """`<logo.png>` (the docs), `cid:logo.png` (older docs, Symfony) or just `logo.png`."""
    id = value.strip().removeprefix("<").removesuffix(">").strip()
    return id[4:].strip() if id[:4].lower() == "cid:" else id
