"""The octets of a letter as they are written: behind 354 with doubled dots, or behind BDAT as they are.

Either way every line ends with CRLF, the last one too: without BINARYMIME the content of BDAT is text as well
(RFC 3030 2). A letter with a bare CR, a bare LF or a NUL is not written. Intake and rendering see to it that
there is none; it is asked again because a bare line end is what lets a letter smuggle a second one into a
lax host (S2).

Public: dotted, chunks, Chunk, CHUNK_BYTES.
"""

from __future__ import annotations

import re

from posthouse.smtp.dots import dot_stuffed, has_bare_line_end

CHUNK_BYTES = 4 * 1024 * 1024  # a usual letter is one chunk; decision 059
_SMALL = 131_072  # octets of a body that is written in one piece with its head

# a line that begins with a dot, or an LF without its CR; a bare CR: all searched at memchr's speed
_DOT_OR_BARE_LF = re.compile(rb"\n(?:\.|(?<!\r\n))")
_BARE_LF = re.compile(rb"\n(?<!\r\n)")
_BARE_CR = re.compile(rb"\r(?!\n)")

Chunk = list[bytes | memoryview]


def dotted(head: bytes, body: bytes) -> list[bytes] | None:
    """The letter for DATA, its dots doubled and with its end of data, in a few pieces; None: see above."""
    pieces = _pieces(head, body)
    stuffed = [_stuffed(piece) for piece in pieces]
    safe = [piece for piece in stuffed if piece is not None]
    if not head.endswith(b"\r\n") or len(safe) < len(pieces):
        return None
    safe.append(b".\r\n" if pieces[-1].endswith(b"\r\n") else b"\r\n.\r\n")
    return safe


def chunks(head: bytes, body: bytes) -> list[Chunk] | None:
    """The letter for BDAT: chunks of about CHUNK_BYTES, the last of which commits; None: see above."""
    pieces = _pieces(head, body)
    if not head.endswith(b"\r\n") or any(map(_is_unsafe, pieces)):
        return None
    end = [] if pieces[-1].endswith(b"\r\n") else [b"\r\n"]
    if len(head) + len(body) <= CHUNK_BYTES:
        return [[*pieces, *end]]
    view = memoryview(body)  # cut without a copy
    first = max(0, CHUNK_BYTES - len(head))
    cut: list[Chunk] = [[head, view[:first]]]
    cut += [[view[at : at + CHUNK_BYTES]] for at in range(first, len(body), CHUNK_BYTES)]
    cut[-1] += end
    return cut


def _pieces(head: bytes, body: bytes) -> list[bytes]:
    # small ones as one piece: a copy is cheaper than looking twice
    return [head + body] if len(body) <= _SMALL else [head, body]


def _is_unsafe(data: bytes) -> bool:
    return bool(_BARE_CR.search(data)) or b"\0" in data or bool(_BARE_LF.search(data))


def _stuffed(data: bytes) -> bytes | None:
    if _BARE_CR.search(data) or b"\0" in data:
        return None
    if not data.startswith(b".") and not _DOT_OR_BARE_LF.search(data):
        return data
    return None if has_bare_line_end(data) else dot_stuffed(data)
