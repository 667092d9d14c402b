"""The parts of a letter that hold something: texts, pictures, files, each with its name and its octets.

For people and programs that look into a stored letter; what leaves is never made of this.

Public: Leaf, leaves_of, first_text, file_names.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from posthouse.mail.content_type import parse_content_type
from posthouse.mail.letter import BadLetter, Letter, parse
from posthouse.mail.parts import Node, TooMuch, read_tree
from posthouse.mail.words import codec_of, decode_words


@dataclass(frozen=True, slots=True)
class Leaf:
    """`type` "" when it cannot be read. `charset` as declared. `content_id` without its brackets.
    `is_inline`: shown in its place. `content`: decoded."""

    type: str
    charset: str
    name: str
    content_id: str
    is_inline: bool
    content: bytes

    @property
    def text(self) -> str | None:
        """A text part as text; None for others."""
        if not self.type.startswith("text/"):
            return None
        return self.content.decode(codec_of(self.charset) or "utf-8", "replace")


_SEALED = frozenset({"multipart/encrypted"})


def leaves_of(raw: bytes) -> list[Leaf]:
    """All leaves from the top, those of signed letters and reports too; one for a letter that cannot be taken
    apart. Raises BadLetter."""
    letter = parse(raw, most_bytes=len(raw) + 1, most_fields=1_000_000)
    try:
        tree = read_tree(letter, _SEALED)
    except TooMuch:
        return [_leaf(raw, Node(0, letter.header_end, letter.body_at, len(raw), "", {}, ""))]
    found: list[Leaf] = []
    _collect(raw, tree, found)
    return found


def first_text(leaves: Sequence[Leaf], kind: str) -> str | None:
    """The first that is shown in its place of `kind`, such as text/html; None: there is none."""
    return next((leaf.text for leaf in leaves if leaf.type == kind and leaf.is_inline), None)


def file_names(letter: Letter) -> list[str]:
    """What the files of a letter are called, none decoded; [] for one that cannot be taken apart."""
    try:
        tree = read_tree(letter, _SEALED)
    except TooMuch:
        return []
    found: list[str] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        waiting += reversed(node.children)
        name = "" if node.children else _name(node, _head(letter.raw[node.head_start : node.head_end]))
        if name:
            found.append(name)
    return found


def _collect(raw: bytes, node: Node, found: list[Leaf]) -> None:
    for child in node.children:
        _collect(raw, child, found)
    if not node.children:
        found.append(_leaf(raw, node))


def _leaf(raw: bytes, node: Node) -> Leaf:
    head = _head(raw[node.head_start : node.head_end])
    return Leaf(
        type=node.type,
        charset=node.parameters.get("charset", ""),
        name=_name(node, head),
        content_id=decode_words(head.first(b"content-id") or b"").strip("<> ") if head else "",
        is_inline=not node.is_attached,
        content=_decoded(raw[node.start : node.end], node.transfer),
    )


def _head(octets: bytes) -> Letter | None:
    try:
        return parse(octets)
    except BadLetter:
        return None


def _name(node: Node, head: Letter | None) -> str:
    # read by the rules of Content-Type: a disposition has the same parameters (RFC 2183 2)
    _, found = parse_content_type(b"x/" + ((head.first(b"content-disposition") if head else None) or b"x"))
    name = found.get("filename", "") or node.parameters.get("name", "")
    return decode_words(name.encode("utf-8", "replace"))


def _decoded(octets: bytes, transfer: str) -> bytes:
    """As mail programs do it: what is malformed is read as far as it goes."""
    if transfer == "base64":
        clean = octets.translate(None, b" \t\r\n")
        try:
            return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))
        except ValueError:
            return octets
    return binascii.a2b_qp(octets) if transfer == "quoted-printable" else octets
