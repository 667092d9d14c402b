"""From the stored content to the octets that leave: prepare once per message, finish per recipient.

The order on the wire, from the top: DKIM-Signature fields, our Received field (it stands on top of the
stored content), Message-ID and Date where they were missing, fields that the options add, the kept fields,
an empty line, the body. An ordinary letter's kept fields and body are byte for byte as they came (RW-1):
folding, order and case too; one `Prepared` serves all its recipients.

A letter whose options say more is a `Rendering`: compiled once (`compiled`, `header_plan`), copied for each
recipient. Signing is last in both because everything before it changes bytes (RFC 6376 5.3).

Public names: Prepared, prepare, finish, is_plain, Rendering, CannotRender,
template_input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from posthouse.mail import percent
from posthouse.mail.canon import body_hash
from posthouse.mail.compiled import Body, LongValue, Recipe, compile_body
from posthouse.mail.decorate import Decoration
from posthouse.mail.dkim import SigningKey, signature_fields
from posthouse.mail.header_plan import DROPPED, Head, HeadRecipe, compile_head
from posthouse.mail.letter import FIELDS_MAX, HEADER_BYTES_MAX, Field, Letter, closed, parse, without
from posthouse.mail.parts import text_parts
from posthouse.mail.personalise import CannotRender, Copy, Tags
from posthouse.mail.tokens import Links
from posthouse.mail.trace import date_field, message_id_field
from posthouse.mail.transfer import decode
from posthouse.mail.words import decode_words
from posthouse.model.message import Message
from posthouse.model.options import NOBODY_SPECIAL, LinkTag, RecipientOptions, SendOptions

if TYPE_CHECKING:
    from posthouse.mail.handlebars import Template

__all__ = [
    "DROPPED",
    "CannotRender",
    "Prepared",
    "Rendering",
    "finish",
    "is_plain",
    "prepare",
    "template_input",
]

_PERCENT_WORDS = (b"recipient", b"unsubscribe_", b"tag_unsubscribe_", b"mailing_list_unsubscribe_")
_AFTER_PERCENT = frozenset({b"r", b"u", b"t", b"m", b"="})
_MOST_LOOKS = 1000
_BASE64_WORDS = (b"ase64", b"ASE64")
_CAREFUL = (b"ultipart", b"ULTIPART", *_BASE64_WORDS)


@dataclass(slots=True)
class Prepared:
    """`head`: all fields but the signatures, without the empty line; `fields` are their places in it, [] when
    nobody looked yet. `body_hash`: of the body as DKIM wants it, b"" when not known.

    `is_8bit`: there are octets above 127 (needs 8BITMIME); `needs_utf8`: some are in the header (SMTPUTF8).
    """

    head: bytes
    fields: list[Field]
    body: bytes
    is_8bit: bool
    needs_utf8: bool
    body_hash: bytes = b""


def is_plain(options: SendOptions, raw: bytes) -> bool:
    """Do all recipients get the letter as it was stored, but for fields that are dropped? Then `prepare` is
    enough, else it takes a `Rendering`."""
    if (
        options.verbatim
        or options.track_opens
        or options.track_clicks not in ("", "off")
        or options.only_fields
        or options.add_fields
        or options.blocks
        or options.links
        or options.auto_unsubscribe
        or options.list_unsubscribe
        or options.to_each
        or options.utm
        or options.sections
        or options.is_template
        or options.wrapper_html
    ):
        return False
    return not options.percent or not _holds_percent(raw)


def prepare(raw: bytes, message: Message) -> Prepared:
    """What all recipients share of the stored content `raw`. Any octets that a door has accepted work.

    Message-ID and Date, where missing, are made of the message's id and time of acceptance, so that a retry
    after a restart sends the same ones.
    """
    letter = _parsed(raw)
    unwanted = DROPPED
    if message.options.drop_fields:
        unwanted |= {name.lower().encode("ascii", "replace") for name in message.options.drop_fields}
    added = _standard(message, {field.name for field in letter.fields if field.name not in unwanted})
    head = without(letter, unwanted)
    fields = letter.fields
    if added or len(head) != letter.header_end:  # something came, went, or the final CRLF was missing
        head = _with_added(head, added, letter)
        fields = parse(head, most_bytes=len(head), most_fields=2 * FIELDS_MAX + 2).fields
    body = closed(letter.body)  # DK-6
    needs_utf8 = not head.isascii()
    return Prepared(head, fields, body, needs_utf8 or not body.isascii(), needs_utf8)


def finish(prepared: Prepared, keys: Sequence[SigningKey], now: int) -> tuple[bytes, bytes]:
    """(head, body) ready to be dot-stuffed; head ends with the empty line. Signs with each of `keys`.

    Thread-safe: reads `prepared`, changes nothing. Nearly all of its time is spent in the RSA operation.
    """
    head, body = prepared.head, prepared.body
    signatures = b""
    if keys:
        fields = prepared.fields or parse(head, most_bytes=len(head), most_fields=len(head)).fields
        signatures = signature_fields(keys, head, fields, body, now, prepared.body_hash)
    return b"%b%b\r\n" % (signatures, head), body


@dataclass(slots=True)
class _Compiled:
    """`body` None: as stored."""

    tags: Tags
    head: Head
    body: Body | None


class Rendering:
    """A message whose copies differ from the stored content, or from each other.

    Compiled on construction; raises CannotRender when a template cannot be filled. `links` makes the links of
    the message's sending domain.
    """

    def __init__(self, raw: bytes, message: Message, links: Links) -> None:
        self._message = message
        self._options = message.options
        self._links = links
        self._letter = _parsed(raw)
        self._body = closed(self._letter.body)
        self._body_hash = b""
        self._markers = _markers(message.options.links) if message.options.is_template else {}
        self._templates: dict[str, Template] = {}
        self._common: _Compiled | None = None
        self._common_long: _Compiled | None = None  # for copies with long values
        # the input of a template is known at once only if no recipient has an own one; but try the letter
        self.shared: Prepared | None = None
        if not message.options.is_template:
            self._share(self._for_everybody())

    def copy(self, delivery_id: str, recipient: str, personal: RecipientOptions) -> Prepared:
        """One recipient's copy, `recipient` in wire form. Raises CannotRender."""
        if self.shared is not None:
            return self.shared
        has_own = self._options.is_template and bool(personal.variables or personal.metadata is not None)
        compiled = self._compiled(personal) if has_own else self._for_everybody()
        try:
            return self._copied(compiled, self._copy_of(compiled, delivery_id, recipient, personal))
        except LongValue:
            pass
        if has_own:
            compiled = self._compiled(personal, has_long_values=True)
        else:
            if self._common_long is None:
                self._common_long = self._compiled(NOBODY_SPECIAL, has_long_values=True)
            compiled = self._common_long
        return self._copied(compiled, self._copy_of(compiled, delivery_id, recipient, personal))

    def _copy_of(
        self, compiled: _Compiled, delivery_id: str, recipient: str, personal: RecipientOptions
    ) -> Copy:
        copy = Copy(compiled.tags, self._links, delivery_id, recipient, personal)
        copy.name = copy.name or compiled.head.names.get(copy.shown.lower(), "")
        return copy

    def _share(self, compiled: _Compiled) -> None:
        """All copies are one where nothing in it depends on the recipient."""
        if compiled.head.is_fixed and (compiled.body is None or compiled.body.is_fixed):
            nobody = Copy(compiled.tags, self._links, "-", "", NOBODY_SPECIAL)
            self.shared = self._copied(compiled, nobody)

    def _copied(self, compiled: _Compiled, copy: Copy) -> Prepared:
        head = compiled.head.octets(copy)
        if compiled.body is None:
            self._body_hash = self._body_hash or body_hash(self._body)
            body, hashed = self._body, self._body_hash
        else:
            copy.first_own_link = compiled.body.link_count
            body, hashed = compiled.body.octets(copy)
        needs_utf8 = not head.isascii()
        return Prepared(head, [], body, needs_utf8 or not body.isascii(), needs_utf8, hashed)

    def _for_everybody(self) -> _Compiled:
        if self._common is None:
            self._common = self._compiled(NOBODY_SPECIAL)
        return self._common

    def _compiled(self, personal: RecipientOptions, *, has_long_values: bool = False) -> _Compiled:
        options = self._options
        tags = Tags(options, list(self._markers.values()))
        fill = self._filler(personal) if options.is_template else None
        recipe = Recipe(
            tags,
            self._links,
            Decoration.of(options),
            options.wrapper_html,
            options.blocks,
            fill,
            has_long_values,
        )
        letter, body = self._letter, None
        if recipe.touches_body:
            body = compile_body(letter, recipe)
            if body.top != letter.raw[: letter.header_end]:
                letter = _parsed(body.top)
        head_recipe = HeadRecipe(
            options,
            tags,
            self._message.domain,
            lambda names: _standard(self._message, names),
            (lambda source: fill(source, False)) if fill else None,
        )
        return _Compiled(tags, compile_head(letter, head_recipe), body)

    def _filler(self, personal: RecipientOptions) -> Callable[[str, bool], str]:
        # late: who sends without templates need not load this
        from posthouse.mail.handlebars import TemplateError, compile_template

        data = self._data(personal)

        def fill(source: str, is_html: bool) -> str:
            try:
                template = self._templates.get(source)
                if template is None:
                    template = self._templates[source] = compile_template(source)
                return template.render(data, escapes=is_html)
            except TemplateError as error:
                raise CannotRender(f"the template cannot be filled: {error}") from error

        return fill

    def _data(self, personal: RecipientOptions) -> Mapping[str, Any]:
        """What its template sees of one recipient, and the links."""
        links = {name: tag.literal for name, tag in self._markers.items()}
        return links | template_input(self._options, personal)


def template_input(options: SendOptions, personal: RecipientOptions) -> dict[str, Any]:
    """A template's input: its own variables over the message's data over the recipient's."""
    metadata = options.metadata if personal.metadata is None else personal.metadata
    given = options.template_vars
    if options.percent and personal.variables:
        given = percent.personal_metadata(given, personal.variables)
    return {**personal.variables, **metadata, **given}


def _markers(links: Sequence[LinkTag]) -> dict[str, LinkTag]:
    """Link tags that are template tags (`{{{name}}}`): what the template sees under their names.

    The marker is made of private-use characters, so that escaping leaves it alone."""
    found: dict[str, LinkTag] = {}
    for number, tag in enumerate(links):
        name = tag.literal.strip("{} ")
        if tag.literal.startswith("{{") and tag.literal.endswith("}}") and name.isidentifier():
            found[name] = LinkTag(f"\ue0f4{number}\ue0f4", tag.kind, tag.html, tag.text)
    return found


def _parsed(raw: bytes) -> Letter:
    # Twice the doors' limits: what was accepted at the limit has grown by our Received field.
    return parse(raw, most_bytes=2 * HEADER_BYTES_MAX, most_fields=2 * FIELDS_MAX)


def _standard(message: Message, names: set[bytes]) -> bytes:
    """The fields that every letter has, those that are not in `names`."""
    added = b"" if b"message-id" in names else message_id_field(message.id, message.domain)
    if b"date" not in names:
        added += date_field(message.accepted_at)
    return added


def _holds_percent(raw: bytes) -> bool:
    """Could a tag of the percent syntax be in there? Soft line breaks and base64 may hide one. Cheap: every
    letter of some credentials is asked."""
    if b"%" in raw and _has_percent(raw):
        return True
    head_end = raw.find(b"\r\n\r\n") + 2
    head = raw[:head_end] if head_end > 1 else raw
    if b"=?" not in head and not any(word in head for word in _CAREFUL):
        return False
    letter = _parsed(raw)
    for item in letter.fields:
        if b"=?" in raw[item.start : item.end] and "%" in decode_words(letter.value(item)):
            return True
    return any(word in raw for word in _BASE64_WORDS) and any(
        _has_percent(decode(raw[part.start : part.end], part.transfer) or b"")
        for part in text_parts(letter)
        if part.transfer == "base64"
    )


def _has_percent(octets: bytes) -> bool:
    at = octets.find(b"%")
    for _ in range(_MOST_LOOKS):
        if at < 0:
            return False
        if octets[at + 1 : at + 2] in _AFTER_PERCENT:
            near = octets[at + 1 : at + 80].replace(b"=\r\n", b"")
            if near.startswith(_PERCENT_WORDS):
                return True
        at = octets.find(b"%", at + 1)
    return True


def _with_added(head: bytes, added: bytes, letter: Letter) -> bytes:
    """`added` below our Received field if the letter begins with it, else on top."""
    top = letter.fields[:1]
    if not top or top[0].name != b"received":
        return added + head
    at = len(closed(letter.raw[top[0].start : top[0].end]))
    return head[:at] + added + head[at:]
