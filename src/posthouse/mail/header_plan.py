"""A letter's header compiled once for all its copies: kept fields, changed fields, added fields.

The order on the wire: our Received field, then what is added, then the kept fields as they came. Every field
but those that say how the letter is built or how it travelled may hold tags (service behaviour); a field with
tags is decoded, filled and written anew by `fields`. Display names of From and Sender may have tags, their
addresses not: those were judged at acceptance (S5).

Public: Head, compile_head, HeadRecipe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from posthouse.mail.addresses import Mailbox, parse_mailboxes
from posthouse.mail.fields import ADDRESS_FIELDS, address_field, is_field_name, text_field
from posthouse.mail.letter import Letter, closed
from posthouse.mail.personalise import HEADER, CannotRender, Copy, Tag, Tags
from posthouse.mail.words import decode_words
from posthouse.model.address import Address, BadAddress, parse_address
from posthouse.model.options import SendOptions

# SRV-54: recipients come from the envelope. SRV-51: the return path is the last host's to write.
DROPPED = frozenset({b"bcc", b"resent-bcc", b"return-path"})
# How the letter is built or travelled; nothing of it is for tags.
_STRUCTURAL = frozenset(
    {b"mime-version", b"received", b"dkim-signature", b"message-id", b"date", b"authentication-results"}
)
_STRUCTURAL_BEGINNINGS = (b"content-", b"arc-", b"resent-")
# A rebuilt letter is not readable without these.
_NEEDED = (b"mime-version", b"content-")
_JUDGED = frozenset({b"from", b"sender"})
_TEMPLATED = frozenset({b"subject", b"from", b"reply-to"})
_ONE_CLICK = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"

Pieces = tuple[str | Tag, ...]


@dataclass(frozen=True, slots=True)
class HeadRecipe:
    """`standard` makes the fields that are missing (Message-ID, Date) from the names that are there; `fill`
    renders a template's source, None when the letter is none. `domain` is the sending domain."""

    options: SendOptions
    tags: Tags
    domain: str
    standard: Callable[[set[bytes]], bytes]
    fill: Callable[[str], str] | None = None

    @property
    def dropped(self) -> frozenset[bytes]:
        return DROPPED | {name.lower().encode("ascii", "replace") for name in self.options.drop_fields}


class _Plan:
    """A field that differs from copy to copy."""

    def octets(self, copy: Copy) -> bytes:
        raise NotImplementedError


@dataclass(slots=True)
class Head:
    """`pieces` in order. `names`: what the author's To calls each address (lower case)."""

    pieces: list[bytes | _Plan]
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_fixed(self) -> bool:
        return all(isinstance(piece, bytes) for piece in self.pieces)

    def octets(self, copy: Copy) -> bytes:
        """All fields of one copy, without the empty line."""
        return b"".join([piece if isinstance(piece, bytes) else piece.octets(copy) for piece in self.pieces])


def compile_head(letter: Letter, recipe: HeadRecipe) -> Head:
    """`letter` is parsed; of its body nothing is read. Raises CannotRender (from a template)."""
    return _Compiler(letter, recipe).compiled()


@dataclass(slots=True)
class _TextPlan(_Plan):
    name: str
    pieces: Pieces

    def octets(self, copy: Copy) -> bytes:
        return text_field(self.name, _joined(self.pieces, copy))


@dataclass(slots=True)
class _MailboxesPlan(_Plan):
    """Names and addresses with tags in them; an address whose values make none keeps its literal form."""

    name: str
    mailboxes: list[tuple[Pieces, Pieces | Address, Address]]

    def octets(self, copy: Copy) -> bytes:
        written: list[tuple[str, Address]] = []
        for name, address, literal in self.mailboxes:
            if isinstance(address, tuple):
                try:
                    address = parse_address(_joined(address, copy))
                except BadAddress:
                    address = literal
            written.append((_joined(name, copy), address))
        return address_field(self.name, written)


@dataclass(slots=True)
class _WholePlan(_Plan):
    """An address field that only its values make one. `domain` not "": the only one that its addresses may
    have."""

    name: str
    pieces: Pieces
    domain: str

    def octets(self, copy: Copy) -> bytes:
        return _whole_field(self.name, _joined(self.pieces, copy), self.domain)


@dataclass(slots=True)
class _ToPlan(_Plan):
    """The one recipient."""

    def octets(self, copy: Copy) -> bytes:
        return address_field("To", [(copy.name, copy.shown)])


@dataclass(slots=True)
class _UnsubscribePlan(_Plan):
    kind: str
    is_one_click: bool

    def octets(self, copy: Copy) -> bytes:
        url = copy.link(self.kind)
        if self.kind == "unsubscribe_email":
            return f"List-Unsubscribe: <mailto:{url}>\r\n".encode()
        address = copy.links.reachable_email(copy.delivery)
        mail = f",\r\n <mailto:{address}?subject=unsubscribe>" if address else ""
        written = f"List-Unsubscribe: <{url}>{mail}\r\n".encode()
        return written + _ONE_CLICK if self.is_one_click else written


class _Compiler:
    def __init__(self, letter: Letter, recipe: HeadRecipe) -> None:
        self.letter = letter
        self.recipe = recipe
        self.tags = recipe.tags
        self.options = recipe.options
        self._to_names: dict[str, str] = {}
        self._has_tag = not self.tags.is_empty

    def compiled(self) -> Head:
        kept = self._kept()
        pieces: list[bytes | _Plan] = []
        if kept and kept[0][0] == b"received":
            pieces.append(kept.pop(0)[1])
        pieces += self._added({name for name, _ in kept})
        has_to = False
        for name, line in kept:
            if name == b"to" and (self.options.to_each or self.options.percent):
                self._note_names(line)
            if name != b"to" or not self.options.to_each:
                pieces.append(self._kept_field(name, line))
            elif not has_to:
                has_to = True
                pieces.append(self._to_each(line))
        return Head(_merged(pieces), self._to_names)

    def _kept(self) -> list[tuple[bytes, bytes]]:
        """(name, the whole field) of what stays, in order."""
        dropped = self.recipe.dropped
        only = {name.lower().encode("ascii", "replace") for name in self.options.only_fields}
        if self.options.list_unsubscribe:
            dropped |= {b"list-unsubscribe"}
        raw = self.letter.raw
        kept: list[tuple[bytes, bytes]] = []
        for number, item in enumerate(self.letter.fields):
            is_ours = number == 0 and item.name == b"received"
            is_wanted = not only or item.name in only or item.name.startswith(_NEEDED) or is_ours
            if item.name not in dropped and is_wanted:
                kept.append((item.name, closed(raw[item.start : item.end])))
        return kept

    def _added(self, names: set[bytes]) -> list[bytes | _Plan]:
        """What comes below our Received field; `names` are those of the kept fields."""
        added: list[bytes | _Plan] = []
        for name, text in self.options.add_fields:
            if is_field_name(name):
                added.append(self._field(name, text))
                names = names | {name.lower().encode()}
        if self.options.list_unsubscribe:
            added.append(self._field("List-Unsubscribe", self.options.list_unsubscribe))
        elif self.options.auto_unsubscribe and b"list-unsubscribe" not in names:
            # RFC 8058 3.1: a second field of the author's would not be ours to explain
            is_one_click = self.options.is_one_click and b"list-unsubscribe-post" not in names
            # RFC 8058 4: a signature must cover it, so none without one
            is_one_click = is_one_click and self.options.dkim is not False
            added.append(_UnsubscribePlan(self.options.auto_unsubscribe, is_one_click))
        if self.options.to_each and b"to" not in names:
            added.append(_ToPlan())
        return [self.recipe.standard(names), *added]

    def _note_names(self, line: bytes) -> None:
        for mailbox in _mailboxes(_value(line)) or []:
            self._to_names.setdefault(str(mailbox.address).lower(), decode_words(mailbox.name.encode()))

    def _to_each(self, line: bytes) -> bytes | _Plan:
        """Who wrote tags into the To field knows what it shall show."""
        if self._has_tag and self.tags.are_in(decode_words(_value(line))):
            return self._kept_field(b"to", line)
        return _ToPlan()

    def _kept_field(self, name: bytes, line: bytes) -> bytes | _Plan:
        """A field of the letter: as it came, unless something in it is alive."""
        value = _value(line)
        title = line[: line.index(b":")].decode("ascii", "replace").rstrip(" \t")
        if self.recipe.fill and name in _TEMPLATED and "{{" in decode_words(value):
            return self._templated(name, title, value, self.recipe.fill)
        if not self._has_tag or _is_structural(name):
            return line
        text = decode_words(value)
        if not self.tags.are_in(text):
            return line
        if name in ADDRESS_FIELDS:
            return self._address_field(name, title, value, text)
        return _TextPlan(title, self._pieces(text))

    def _templated(self, name: bytes, title: str, value: bytes, fill: Callable[[str], str]) -> bytes | _Plan:
        """A field whose value is a template. Names and addresses are filled apart, so that a comma in a name
        stays in the name; not where quotation marks belong to the template."""
        text = decode_words(value)
        mailboxes = None if name not in ADDRESS_FIELDS or '"' in text else _mailboxes(value)
        if not mailboxes:
            return self._field(title, fill(text), is_judged=name in _JUDGED)
        found: list[tuple[Pieces, Pieces | Address, Address]] = []
        for mailbox in mailboxes:
            address = mailbox.address
            if "{{" in str(address):
                address = _filled_address(title, fill(str(address)), name in _JUDGED, self.recipe.domain)
            found.append((self._pieces(fill(decode_words(mailbox.name.encode()))), address, address))
        return _MailboxesPlan(title, found)

    def _address_field(self, name: bytes, title: str, value: bytes, text: str) -> bytes | _Plan:
        mailboxes = _mailboxes(value)
        if not mailboxes:
            return _WholePlan(title, self._pieces(text), self.recipe.domain if name in _JUDGED else "")
        found: list[tuple[Pieces, Pieces | Address, Address]] = []
        for mailbox in mailboxes:
            shown = self._pieces(decode_words(mailbox.name.encode()))
            address: Pieces | Address = mailbox.address
            if name not in _JUDGED and self.tags.are_in(str(mailbox.address)):
                address = self._pieces(str(mailbox.address))
            found.append((shown, address, mailbox.address))
        return _MailboxesPlan(title, found)

    def _field(self, name: str, text: str, *, is_judged: bool = False) -> bytes | _Plan:
        """A field of a text; `is_judged`: its addresses must be of the sending domain."""
        is_address = name.lower().encode() in ADDRESS_FIELDS
        domain = self.recipe.domain if is_judged else ""
        pieces = self._pieces(text)
        if len(pieces) == 1 and isinstance(pieces[0], str):
            return _whole_field(name, text, domain) if is_address else text_field(name, text)
        return _WholePlan(name, pieces, domain) if is_address else _TextPlan(name, pieces)

    def _pieces(self, text: str) -> Pieces:
        pieces: list[str | Tag] = []
        at = 0
        for tag in self.tags.find(text):
            if tag.start > at:
                pieces.append(text[at : tag.start])
            pieces.append(tag)
            at = tag.end
        if at < len(text) or not pieces:
            pieces.append(text[at:])
        return tuple(pieces)


def _joined(pieces: Pieces, copy: Copy) -> str:
    return "".join([each if isinstance(each, str) else copy.text_of(each, HEADER) for each in pieces])


def _whole_field(name: str, text: str, domain: str) -> bytes:
    """An address field from a text; one that is no address list is written as plain text, but From must be
    one."""
    mailboxes = _mailboxes(text.encode("utf-8", "replace"))
    if domain and not (mailboxes and all(_is_within(each.address.domain, domain) for each in mailboxes)):
        raise CannotRender(
            f"the values of this recipient make the {name} field one that this sender may not use"
        )
    if not mailboxes:
        return text_field(name, text)
    return address_field(name, [(decode_words(each.name.encode()), each.address) for each in mailboxes])


def _filled_address(name: str, text: str, is_judged: bool, domain: str) -> Address:
    try:
        address = parse_address(text)
    except BadAddress as error:
        raise CannotRender(f"the template makes the {name} field no address: {error}") from error
    if is_judged and not _is_within(address.domain, domain):
        raise CannotRender(f"the template makes the {name} field one that this sender may not use")
    return address


def _is_within(domain: str, sending: str) -> bool:
    return domain == sending or domain.endswith("." + sending)


def _mailboxes(value: bytes) -> list[Mailbox] | None:
    """None: it cannot be read."""
    try:
        return parse_mailboxes(value)
    except BadAddress:
        return None


def _value(line: bytes) -> bytes:
    return line[line.index(b":") + 1 :].replace(b"\r\n", b"").strip(b" \t")


def _is_structural(name: bytes) -> bool:
    return name in _STRUCTURAL or name.startswith(_STRUCTURAL_BEGINNINGS)


def _merged(pieces: Sequence[bytes | _Plan]) -> list[bytes | _Plan]:
    """Neighbours that are fixed become one."""
    merged: list[bytes | _Plan] = []
    for piece in pieces:
        if isinstance(piece, bytes) and merged and isinstance(merged[-1], bytes):
            merged[-1] += piece
        elif piece != b"":
            merged.append(piece)
    return merged
