"""The bodies of forms that come to an unsubscribe address: RFC 8058 allows both forms of encoding.

Public: read_form, Fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.requests import Request

MOST_BYTES = 16_384
_MOST_FIELDS = 100
_BOUNDARY = re.compile(r'boundary="?([0-9A-Za-z\'()+_,./:=? -]{1,70})"?', re.ASCII)
_NAME = re.compile(rb'(?i)(?:^|[;\s])name="([^"\r\n]{0,100})"|(?:^|[;\s])name=([^\s;"]{1,100})')

Fields = Mapping[str, list[str]]


async def read_form(request: Request) -> Fields:
    """The fields; {} for a body that is no form, too long, or has more fields than ours."""
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > MOST_BYTES:
            return {}
    kind = request.headers.get("content-type", "")[:300]
    if kind.lower().startswith("multipart/form-data"):
        found = _BOUNDARY.search(kind)
        return _multipart(content, found[1].rstrip().encode()) if found else {}
    try:
        return parse_qs(
            content.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        return {}


def _multipart(content: bytes, boundary: bytes) -> Fields:
    """RFC 7578, without files: they would be too long."""
    fields: dict[str, list[str]] = {}
    parts = (b"\r\n" + content).split(b"\r\n--" + boundary)[1:]
    if len(parts) > _MOST_FIELDS:
        return {}
    for part in parts:
        head, gap, value = part.partition(b"\r\n\r\n")
        found = _NAME.search(head)
        if gap and found:
            name = (found[1] if found[1] is not None else found[2]).decode("utf-8", "replace")
            fields.setdefault(name, []).append(value.decode("utf-8", "replace"))
    return fields
