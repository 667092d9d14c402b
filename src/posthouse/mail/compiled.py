"""A letter's body compiled once for all its copies: fixed pieces, and text parts with slots.

Everything that is the same for all recipients happens here, in this order: template, enclosing page, texts
put at the end; then the places that differ are found (`slots`) and the encoded text is cut at them
(`transfer.program`). A copy is those pieces joined with its values, and the hash that DKIM wants is made of
pieces that are canonical already (RFC 6376 3.4.4).

Public: Body, compile_body, Recipe, LongValue.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from operator import gt

from posthouse.mail.canon import relaxed_lines
from posthouse.mail.decorate import Decoration
from posthouse.mail.holes import cut
from posthouse.mail.html import scan
from posthouse.mail.letter import Letter, parse
from posthouse.mail.part_text import Source, opened, ready_for_values, with_encoding, with_text
from posthouse.mail.parts import text_parts
from posthouse.mail.personalise import Copy, Tags
from posthouse.mail.program import Program
from posthouse.mail.slots import Numbering, Slot, Span, find_slots
from posthouse.mail.tokens import Links
from posthouse.mail.transfer import LINE_MAX
from posthouse.model.options import Block

_BODY_MARK = re.compile(r"<%[ \t]*body[ \t]*%>", re.IGNORECASE)
_LINE_END = "\r\n"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to do to the texts. `fill(source, is_html)`: a part's source rendered as a template, None when
    the letter is none; raises CannotRender. `has_long_values`: raw lines must not be counted on."""

    tags: Tags
    links: Links
    decoration: Decoration
    wrapper: str = ""
    blocks: tuple[Block, ...] = ()
    fill: Callable[[str, bool], str] | None = None
    has_long_values: bool = False

    @property
    def touches_body(self) -> bool:
        return bool(
            self.fill or self.wrapper or self.blocks or not self.tags.is_empty or self.decoration.touches_body
        )


class LongValue(Exception):
    """A value is longer than was expected, and the part's lines cannot take it as they are."""


@dataclass(slots=True)
class _PartPlan:
    """`longest`: of a raw part, the most octets of each value for which its lines are short enough."""

    program: Program
    slots: list[Slot]
    longest: list[int]

    def fill(self, copy: Copy) -> tuple[list[bytes], list[bytes]]:
        values = [slot.octets(copy) for slot in self.slots]
        if self.longest and any(map(gt, map(len, values), self.longest)):
            raise LongValue
        return self.program.fill(values)


@dataclass(slots=True)
class Body:
    """`pieces` in order: fixed octets with their canonical form, or a part to fill. `link_count`: links of
    the letter itself. `top`: the letter's header, changed if it declares a part that changed."""

    pieces: list[tuple[bytes, bytes] | _PartPlan]
    top: bytes
    link_count: int

    @property
    def is_fixed(self) -> bool:
        """The same for every recipient?"""
        return all(isinstance(piece, tuple) for piece in self.pieces)

    def octets(self, copy: Copy) -> tuple[bytes, bytes]:
        """(body, the value of the bh= tag) of one copy. The body ends with CRLF unless it is empty.

        Raises LongValue: this copy needs a body compiled for long values."""
        wire: list[bytes] = []
        canon: list[bytes] = []
        for piece in self.pieces:
            if isinstance(piece, tuple):
                wire.append(piece[0])
                canon.append(piece[1])
            else:
                filled, relaxed = piece.fill(copy)
                wire += filled
                canon += relaxed
        body = b"".join(wire)
        if body and not body.endswith(b"\r\n"):
            body += b"\r\n"
        hashed = b"".join(canon).rstrip(b" \r\n")
        return body, b64encode(sha256(hashed + b"\r\n" if hashed else b"").digest())


def compile_body(letter: Letter, recipe: Recipe) -> Body:
    """Raises CannotRender (from a template)."""
    raw = letter.raw
    pieces: list[tuple[bytes, bytes] | _PartPlan] = []
    top = raw[: letter.header_end]
    numbering = Numbering()
    seen: set[str] = set()  # kinds of which a part has come by
    at = letter.body_at
    for part in text_parts(letter):
        source = opened(raw, part)
        if source is None:
            continue
        is_first = part.kind not in seen
        seen.add(part.kind)
        changed = _with_shared(source, recipe, is_first)
        spans = _spans(changed, recipe, numbering, is_first)
        if not spans and changed is source:
            continue
        plan, source = _compiled_part(changed, spans, recipe.has_long_values)
        transfer = plan.program.transfer if plan.program.transfer != part.transfer else ""
        if source.charset or transfer:
            if part.start == letter.body_at:  # the whole letter is this text
                top = with_encoding(letter, source.charset, transfer)
            else:
                own = parse(raw[part.head_start : part.head_end])
                head = with_encoding(own, source.charset, transfer)
                _add_fixed(pieces, raw[at : part.head_start] + head + raw[part.head_end : part.start])
                at = part.start
        _add_fixed(pieces, raw[at : part.start])
        _add_part(pieces, plan)
        at = part.end
    _add_fixed(pieces, raw[at:])
    return Body(pieces, top, numbering.next)


def _add_fixed(pieces: list[tuple[bytes, bytes] | _PartPlan], octets: bytes) -> None:
    if octets:
        pieces.append((octets, relaxed_lines(octets)))


def _add_part(pieces: list[tuple[bytes, bytes] | _PartPlan], plan: _PartPlan) -> None:
    if not all(slot.is_fixed for slot in plan.slots):
        pieces.append(plan)
        return
    # fixed slots do not look at the copy
    wire, canon = plan.program.fill([slot.octets(None) for slot in plan.slots])  # type: ignore[arg-type]
    pieces.append((b"".join(wire), b"".join(canon)))


def _with_shared(source: Source, recipe: Recipe, is_first: bool) -> Source:
    """Template, enclosing page and appended texts."""
    text = source.text
    kind = source.part.kind
    if recipe.fill:
        text = recipe.fill(text, kind == "html")
    if is_first and kind == "html":
        if recipe.wrapper:
            own = text
            text = _BODY_MARK.sub(lambda _: own, recipe.wrapper)
        for block in recipe.blocks:
            if block.html and _is_wanted(block.html, text, recipe.tags):
                text = _before_body_end(text, block.html)
    elif is_first and kind == "plain":
        for block in recipe.blocks:
            if block.text and _is_wanted(block.text, text, recipe.tags):
                text = text + ("" if not text or text.endswith("\n") else _LINE_END) + block.text
    return with_text(source, text)


def _is_wanted(added: str, text: str, tags: Tags) -> bool:
    """A text that brings a link of ours is left out where the part shows one already (service behaviour)."""
    return not (tags.link_is_in(added) and tags.link_is_in(text))


def _before_body_end(text: str, added: str) -> str:
    at = scan(text).body_close_start
    return text + added if at < 0 else text[:at] + added + text[at:]


def _spans(source: Source, recipe: Recipe, numbering: Numbering, is_first: bool) -> list[Span]:
    decoration = recipe.decoration
    if decoration.pixel and not (is_first and source.part.kind == "html"):
        decoration = replace(decoration, pixel="")  # one pixel a letter
    return find_slots(source.text, source.part.kind, recipe.tags, decoration, numbering, recipe.links)


def _compiled_part(source: Source, spans: list[Span], has_long_values: bool) -> tuple[_PartPlan, Source]:
    slots = [slot for _, _, slot in spans]
    longest = [slot.longest if slot.is_fixed or not has_long_values else LINE_MAX + 3 for slot in slots]
    is_ascii = all(slot.is_ascii for slot in slots)
    if not is_ascii:
        source = ready_for_values(source)
    flat = source.offsets([place for start, end, _ in spans for place in (start, end)])
    holes = list(zip(flat[::2], flat[1::2], strict=True))
    compiled = cut(
        source.encoded,
        source.octets,
        source.transfer,
        holes,
        longest,
        is_ascii=is_ascii,
    )
    return _PartPlan(compiled, slots, longest if compiled.lines and not has_long_values else []), source
