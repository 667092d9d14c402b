"""The MIME parts of a letter as offsets, and which of them are texts that we may change (RFC 2045, 2046).

Nothing is copied or decoded. Whatever two mail programs could read differently is left alone: doubled
Content-Type fields, a header line that is no field, unknown encodings. So is what a change would break or
falsify: signed, encrypted, reported and attached content.

Public names: TextPart, Node, text_parts, top_type, parse_content_type, read_tree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from posthouse.mail.content_type import parameters, parse_content_type
from posthouse.mail.letter import BadLetter, Letter, parse

__all__ = ["Node", "TextPart", "parse_content_type", "read_tree", "text_parts", "top_type"]

DEPTH_MAX = 20
PARTS_MAX = 1000
BOUNDARY_MAX = 200  # RFC 2046 5.1.1 says 70

# RFC 1847, 3156, 6522: a changed octet breaks the signature or falsifies the report. RFC 2046 5.1.5: the
# parts of a digest are whole letters of others.
_CLOSED = frozenset({"multipart/signed", "multipart/encrypted", "multipart/report", "multipart/digest"})
_TRANSFERS = {
    "7bit": "7bit",
    "8bit": "8bit",
    "binary": "8bit",
    "quoted-printable": "quoted-printable",
    "base64": "base64",
}
_match_line_rest = re.compile(rb"(--)?[ \t]*+(?:\r\n|\Z)").match
_match_word = re.compile(rb"[^\s;(]++").match


class TooMuch(ValueError):
    """More parts or levels than we look at; the letter is left alone."""


@dataclass(slots=True)
class TextPart:
    """Offsets count in `letter.raw`. `head_start:head_end` are the part's own fields without the empty line
    (of the top level: the letter's header), `start:end` is its encoded body without a boundary's CRLF.

    `kind`: "html", "plain", or "other" for the rest of text/*. `charset`: as declared, lower case, "" if not.
    `transfer`: "7bit", "8bit", "quoted-printable" or "base64"; undeclared octets above 127 make "8bit".
    """

    head_start: int
    head_end: int
    start: int
    end: int
    kind: str
    charset: str
    transfer: str


@dataclass(slots=True)
class Node:
    """One part of the tree. `type` "": not readable, leave it alone. `transfer` "": unknown or contradictory.

    `disposition` "" when there is none; `is_named`: it has a filename. `children` only of an open multipart.
    """

    head_start: int
    head_end: int
    start: int
    end: int
    type: str
    parameters: dict[str, str]
    transfer: str
    disposition: str = ""
    is_named: bool = False
    children: list[Node] = field(default_factory=list)

    @property
    def is_attached(self) -> bool:
        """RFC 2183 2.8: an unknown disposition counts as an attachment."""
        return self.disposition not in ("", "inline") or (self.disposition == "inline" and self.is_named)


def text_parts(letter: Letter) -> list[TextPart]:
    """The texts that personalisation may touch, in order; [] past 20 levels or 1,000 parts."""
    try:
        tree = read_tree(letter)
    except TooMuch:
        return []
    found: list[TextPart] = []
    _collect(letter.raw, tree, found)
    return found


def top_type(letter: Letter) -> tuple[str, dict[str, str]]:
    """The letter's own type: ("multipart/mixed", {"boundary": "…"}).

    RFC 2045 5.2: without the field it is ("text/plain", {}). Doubled or malformed fields give ("", {}).
    """
    return _type_of(letter)


def read_tree(letter: Letter, closed: frozenset[str] = _CLOSED) -> Node:
    """The letter as a tree of parts; those of the types `closed` stay whole. Raises TooMuch."""
    raw = letter.raw
    top = _node(letter, 0, letter.header_end, letter.body_at, len(raw))
    budget = [PARTS_MAX]
    _grow(raw, top, budget, 1, closed)
    return top


def _grow(raw: bytes, node: Node, budget: list[int], depth: int, closed: frozenset[str]) -> None:
    """Give `node` its children and theirs; `budget[0]` is how many parts may still come."""
    boundary = node.parameters.get("boundary", "").rstrip(" ")
    if not node.type.startswith("multipart/") or node.type in closed or node.is_attached:
        return
    # RFC 2045 6.4: an encoded multipart is forbidden, and readers differ
    if (
        node.transfer not in ("7bit", "8bit")
        or not 0 < len(boundary) <= BOUNDARY_MAX
        or not boundary.isascii()
    ):
        return
    if depth >= DEPTH_MAX:
        raise TooMuch(f"more than {DEPTH_MAX} levels of parts")
    for start, end in _spans(raw, boundary.encode(), node.start, node.end, budget):
        child = _part(raw, start, end)
        node.children.append(child)
        _grow(raw, child, budget, depth + 1, closed)


def _spans(raw: bytes, boundary: bytes, start: int, end: int, budget: list[int]) -> list[tuple[int, int]]:
    """The places between the delimiter lines of `raw[start:end]`; one pass, the last may lack its end."""
    mark = b"--" + boundary
    spans: list[tuple[int, int]] = []
    opened = -1
    at = start if raw.startswith(mark, start, end) else _next_line(raw, mark, start, end)
    while at >= 0:
        rest = _match_line_rest(raw, at + len(mark), end)
        if rest is None:  # `--boundaryX` is a line of text
            at = _next_line(raw, mark, at, end)
            continue
        if opened >= 0:
            budget[0] -= 1
            if budget[0] < 0:
                raise TooMuch(f"more than {PARTS_MAX} parts")
            if at - 2 > opened:
                spans.append((opened, at - 2))
        if rest[1]:
            return spans
        opened = rest.end()
        at = _next_line(raw, mark, opened - 2, end)
    if 0 <= opened < end:
        spans.append((opened, end))
    return spans


def _next_line(raw: bytes, mark: bytes, at: int, end: int) -> int:
    """The offset of the next line that begins with `mark`, or -1."""
    found = raw.find(b"\r\n" + mark, at, end)
    return found + 2 if found >= 0 else -1


def _part(raw: bytes, start: int, end: int) -> Node:
    """`raw[start:end]` is one part: its fields, an empty line, its body."""
    if raw.startswith(b"\r\n", start, end):
        head_end, body = start, start + 2
    else:
        head_end = raw.find(b"\r\n\r\n", start, end) + 2
        head_end, body = (head_end, head_end + 2) if head_end > 1 else (end, end)
    try:
        letter = parse(raw[start:head_end])
    except BadLetter:
        return Node(start, head_end, body, end, "", {}, "")
    if not letter.is_whole or letter.header_end < head_end - start:  # some line is no field
        return Node(start, head_end, body, end, "", {}, "")
    return _node(letter, start, head_end, body, end)


def _node(letter: Letter, head_start: int, head_end: int, start: int, end: int) -> Node:
    kind, found = _type_of(letter)
    node = Node(head_start, head_end, start, end, kind, found, _transfer_of(letter))
    dispositions = {parameters(value) for value in letter.all(b"content-disposition")}
    for word, names in dispositions:
        node.is_named |= "filename" in names
        if node.disposition in ("", "inline"):
            node.disposition = word or "unreadable"
    return node


def _type_of(letter: Letter) -> tuple[str, dict[str, str]]:
    values = letter.all(b"content-type")
    if len(values) > 1:
        return "", {}
    return parse_content_type(values[0]) if values else ("text/plain", {})


def _transfer_of(letter: Letter) -> str:
    """RFC 2045 6.1: "7bit" without the field. "" for an unknown word or two different ones."""
    words = {_first_word(value) for value in letter.all(b"content-transfer-encoding")} or {"7bit"}
    return _TRANSFERS.get(words.pop(), "") if len(words) == 1 else ""


def _first_word(value: bytes) -> str:
    match = _match_word(value)
    return match[0].decode("latin-1").lower() if match else ""


def _collect(raw: bytes, node: Node, found: list[TextPart]) -> None:
    for child in node.children:
        _collect(raw, child, found)
    if not node.type.startswith("text/") or not node.transfer or node.is_attached:
        return
    kind = {"text/html": "html", "text/plain": "plain"}.get(node.type, "other")
    charset = node.parameters.get("charset", "").strip().lower()
    transfer = node.transfer
    if transfer == "7bit" and not raw[node.start : node.end].isascii():
        transfer = "8bit"
    found.append(TextPart(node.head_start, node.head_end, node.start, node.end, kind, charset, transfer))
