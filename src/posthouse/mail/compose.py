"""A letter with other texts in it: what a stored template does to the letter that names it.

The tree of parts is taken apart into the old body texts, which go, and the rest, whose octets stay:
alternatives that are no plain or HTML text (an invitation), resources of the HTML (images that it shows by
Content-ID), and attachments. Then it is put together in the usual order, mixed(alternative(plain,
related(html, …), …), …), leaving out every level that would hold a single part.

Public: with_texts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from posthouse.mail.entities import Entity, multipart, text_entity, whole_part
from posthouse.mail.letter import Letter, closed
from posthouse.mail.parts import Node, TooMuch, read_tree

# RFC 2045 3: these describe the one body that a letter had; MIME-Version is the letter's.
_BODY_FIELDS = frozenset(
    {
        b"content-type",
        b"content-transfer-encoding",
        b"content-disposition",
        b"content-id",
        b"content-md5",
        b"content-length",
        b"content-description",
        b"content-location",
        b"content-base",
        b"content-features",
    }
)
_OLD_BODY = frozenset({"text/plain", "text/html", "text/x-amp-html"})


@dataclass(slots=True)
class _Kept:
    """Whole parts (fields, empty line, body) that stay, by the level they belong to."""

    alternatives: list[bytes] = field(default_factory=list)
    related: list[bytes] = field(default_factory=list)
    mixed: list[bytes] = field(default_factory=list)


def with_texts(letter: Letter, html: str | None, text: str | None) -> bytes:
    """The letter with these body texts instead of its own; None: there is none of that kind.

    Both None: the letter as it is. Attachments and inline parts keep their octets; of the header only the
    Content-* fields change, and MIME-Version is added where it is missing. A signed or encrypted body becomes
    an attachment, since it is not ours to open. Line ends in the texts may be CRLF, LF or CR.
    """
    if html is None and text is None:
        return letter.raw
    kept = _taken_apart(letter)
    entity = _put_together(kept, html, text, sha256(letter.raw).hexdigest())
    return b"%b\r\n%b" % (_header(letter, entity.fields), closed(b"".join(entity.body)))


def _taken_apart(letter: Letter) -> _Kept:
    kept = _Kept()
    try:
        tree = read_tree(letter)
    except TooMuch:  # one attachment is better than a letter that loses something
        kept.mixed.append(_whole_top(letter))
        return kept
    if not _holds_body(tree) and not tree.children:
        if letter.body.strip():
            kept.mixed.append(_whole_top(letter))
    else:
        _take(letter.raw, tree, kept)
    return kept


def _take(raw: bytes, node: Node, kept: _Kept) -> None:
    """Sort the parts below `node`, which is on the way to the body texts (or is one: then it goes)."""
    if not node.children:
        return
    if node.type == "multipart/alternative":
        for child in node.children:
            if child.children and _holds_body(child):
                _take(raw, child, kept)
            elif not _is_old_body(child):
                kept.alternatives.append(raw[child.head_start : child.end])
        return
    level = kept.related if node.type == "multipart/related" else kept.mixed
    is_found = False
    for child in node.children:
        if not is_found and _holds_body(child):
            is_found = True
            _take(raw, child, kept)
        else:
            level.append(raw[child.head_start : child.end])


def _holds_body(node: Node) -> bool:
    return _is_old_body(node) or any(_holds_body(child) for child in node.children)


def _is_old_body(node: Node) -> bool:
    return node.type in _OLD_BODY and not node.is_attached


def _whole_top(letter: Letter) -> bytes:
    """The letter's body as a part, with the fields that described it."""
    fields = b"".join(
        [closed(letter.raw[item.start : item.end]) for item in letter.fields if item.name in _BODY_FIELDS]
    )
    return b"%b\r\n%b" % (fields, letter.body)


def _put_together(kept: _Kept, html: str | None, text: str | None, seed: str) -> Entity:
    alternatives: list[Entity] = []
    related = [whole_part(part) for part in kept.related]
    mixed = [whole_part(part) for part in kept.mixed]
    if text is not None:
        alternatives.append(text_entity("text/plain", text))
    if html is not None:
        page = text_entity("text/html", html)
        alternatives.append(multipart("related", [page, *related], seed, 'type="text/html"'))
    else:
        mixed = related + mixed
    alternatives += [whole_part(part) for part in kept.alternatives]
    return multipart("mixed", [multipart("alternative", alternatives, seed), *mixed], seed)


def _header(letter: Letter, fields: bytes) -> bytes:
    """The letter's fields with `fields` where its Content-Type was, else at the end."""
    pieces: list[bytes] = []
    is_placed = False
    if not any(item.name == b"mime-version" for item in letter.fields):
        fields = b"MIME-Version: 1.0\r\n" + fields
    for item in letter.fields:
        if item.name == b"content-type" and not is_placed:
            pieces.append(fields)
            is_placed = True
        if item.name not in _BODY_FIELDS:
            pieces.append(closed(letter.raw[item.start : item.end]))
    return b"".join(pieces if is_placed else [*pieces, fields])
