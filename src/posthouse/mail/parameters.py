"""Parameters of Content-Type and Content-Disposition written strictly (RFC 2045 5.1, RFC 2183, RFC 2231).

A value that is no token is quoted; one beyond ASCII, or too long for a line, is written in the extended form
of RFC 2231, in several pieces where one would be too long.

Public: with_parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

_LINE = 76
_LONGEST_QUOTED = 200  # one long line, since not every mail program joins the pieces of RFC 2231 3
_PIECE = 60
_is_token = re.compile(r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]+\Z").match
_find_pieces = re.compile(rf"(?:%[0-9A-F]{{2}}|[^%]){{1,{_PIECE // 3}}}").findall
_ATTRIBUTE_CHARS = "!#$&+-.^_`{|}~"  # RFC 2231 7: without `*`, `'` and `%`


def with_parameters(opening: str, parameters: Iterable[tuple[str, str]]) -> bytes:
    """`Content-Disposition: attachment` and its parameters -> the whole field with CRLF, folded.

    The values are without line breaks and other controls: whoever calls has seen to that.
    """
    lines = [opening]
    for name, value in parameters:
        for text in _written(name, value):
            lines[-1] += ";"
            if len(lines[-1]) + 1 + len(text) <= _LINE:
                lines[-1] += " " + text
            else:
                lines.append(" " + text)
    return ("\r\n".join(lines) + "\r\n").encode()


def _written(name: str, value: str) -> list[str]:
    if value.isascii() and len(value) <= _LONGEST_QUOTED:
        if _is_token(value):
            return [f"{name}={value}"]
        return ['{}="{}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))]
    encoded = quote(value, safe=_ATTRIBUTE_CHARS, errors="replace")
    if len(encoded) <= _LONGEST_QUOTED:
        return [f"{name}*=utf-8''{encoded}"]
    pieces = _find_pieces(encoded)
    pieces[0] = "utf-8''" + pieces[0]
    return [f"{name}*{number}*={piece}" for number, piece in enumerate(pieces)]
