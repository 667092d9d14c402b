"""Address lists of header fields: RFC 5322 3.4 with the obsolete forms of 4.4, groups (RFC 6854), UTF-8
(RFC 6532).

Strict on purpose: a value that another program could read as another address is refused, not guessed (S5).
So text behind an angle address, a bare `@` in a display name, local parts that look like encoded words
(RFC 2047 5 forbids them there), domains that change under Unicode mapping and stray line breaks all raise
BadAddress. Obsolete but unambiguous forms (routes, comments and spaces inside an address) are read and marked
`is_obsolete`, so that a caller may decline them where much depends on it.

The work is linear in the length of the value: one scan into tokens, one pass over them, no recursion.

Public: Mailbox, parse_mailboxes, MAX_BYTES, MAX_MAILBOXES. Raises: model.address.BadAddress.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

import idna
import msgspec

from posthouse.model.address import Address, BadAddress, parse_address

MAX_BYTES = 131_072
MAX_MAILBOXES = 10_000
_MAX_COMMENT_DEPTH = 100

_ATOM_CHARS = r"""[^\x00-\x20\x7f()<>\[\]:;@\\,."]"""
# Possessive quantifiers (++, *+): these expressions never go back, so no input makes them slow. Groups are
# not possessive: before Python 3.11.5 such groups match wrongly.
_SPACE = re.compile(r"[ \t]++")
_ATOM = re.compile(_ATOM_CHARS + "++")
_QUOTED = re.compile(r'"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]++|\\[^\x00-\x08\x0a-\x1f\x7f])*)"')
_LITERAL = re.compile(r"\[[\x21-\x5a\x5e-\x7e]*+\]")
_COMMENT_STEP = re.compile(r"[^()\\\x00-\x08\x0a-\x1f\x7f]*+(?:([()])|\\[^\x00-\x08\x0a-\x1f\x7f])")
_ESCAPED = re.compile(r"\\(.)")
_UNSHOWABLE = re.compile("[\x80-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_ENCODED_WORD = re.compile(r"=\?.*\?=")
# The common forms in one step: "a@b.example", "<a@b.example>", "Name Name <a@b.example>".
_PLAIN = re.compile(
    rb"[ \t]*+(?:([A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*+)<([A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]++)>"
    rb"|([A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]++))[ \t]*+\Z"
)

_WORD_KINDS = frozenset("aq.")
_LONGEST = 1000  # characters; no valid address comes near, and IDNA costs more than linear time


class Mailbox(msgspec.Struct, frozen=True, gc=False):
    """One mailbox of a list. `name` is the display name as written (unquoted, RFC 2047 words not decoded);
    `group` the display name of its group or "". `is_obsolete`: a route, or a comment or space inside the
    address."""

    name: str
    address: Address
    group: str = ""
    is_obsolete: bool = False


class _Token(NamedTuple):
    """`kind`: a (atom), q (quoted string, `text` with its quotes), l (domain literal), else the character
    itself. `gap`: space or comment stands before it."""

    kind: str
    text: str
    gap: bool


_END = _Token("", "", False)


def parse_mailboxes(value: bytes) -> list[Mailbox]:
    """A field's value, folded or not -> its mailboxes in order.

    The final CRLF may be there. Empty groups and empty list elements give nothing. Raises BadAddress, whose
    text never quotes the input.
    """
    if len(value) > MAX_BYTES:
        raise BadAddress("the address list is too long")
    plain = _PLAIN.match(value)
    if plain:
        written = (plain[2] or plain[3]).decode("ascii")
        return [Mailbox(" ".join((plain[1] or b"").decode("ascii").split()), _address(written))]
    unfolded = _FOLD.sub(b"", value.removesuffix(b"\r\n"))
    return _List(_tokens(unfolded.decode("utf-8", "surrogateescape"))).read()


class _List:
    """One pass over the tokens of an address list."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._found: list[Mailbox] = []
        self._group = ""

    def read(self) -> list[Mailbox]:
        in_group = False
        while True:
            while self._skip(","):
                pass
            if in_group and self._skip(";"):
                in_group, self._group = False, ""
                self._separator(in_group)
            elif self._next() is _END:
                break
            elif self._element(in_group):
                in_group = True
            else:
                self._separator(in_group)
        if in_group:
            raise BadAddress("a group is not closed by a semicolon")
        return self._found

    def _element(self, in_group: bool) -> bool:
        """Read a mailbox, or the head of a group (then True)."""
        words = self._words()
        token = self._next()
        if token.kind == ":" and words and not in_group:
            self._at += 1
            self._group = _phrase(words)
            if not self._group:
                raise BadAddress("a group has no name")
            return True
        if token.kind == "<":
            self._append(_phrase(words), *self._angle())
        elif token.kind == "@" and words:
            self._bare(words)
        elif words:
            raise BadAddress("an address needs a local part, an @ and a domain")
        else:
            raise BadAddress("the address list holds a character out of place")
        return False

    def _bare(self, words: list[_Token]) -> None:
        written, is_obsolete = self._addr_spec(words)
        if self._next().kind != "<":
            self._append("", written, is_obsolete)
            return
        # `a@b.example <a@b.example>`: not RFC 5322, but common, and harmless while both are the same
        inner, _ = self._angle()
        if _address(inner) != _address(written):
            raise BadAddress("a display name with an @ must be quoted")
        self._append(written, inner, is_obsolete)

    def _append(self, name: str, written: str, is_obsolete: bool) -> None:
        if len(self._found) >= MAX_MAILBOXES:
            raise BadAddress("the address list holds too many addresses")
        self._found.append(Mailbox(name, _address(written), self._group, is_obsolete))

    def _angle(self) -> tuple[str, bool]:
        """`<addr-spec>` or `<@route:addr-spec>` -> (address as written, is it in an obsolete form)."""
        self._at += 1
        has_route = self._next().kind == "@"
        if has_route:
            self._route()
        written, is_obsolete = self._addr_spec(self._words())
        if not self._skip(">"):
            raise BadAddress("an angle address is not closed")
        return written, is_obsolete or has_route

    def _route(self) -> None:
        """RFC 5322 4.4 obs-route: read over, never used."""
        while True:
            if self._skip("@"):
                self._domain()
            elif not self._skip(","):
                break
        if not self._skip(":"):
            raise BadAddress("a route is not closed by a colon")

    def _addr_spec(self, words: list[_Token]) -> tuple[str, bool]:
        if not words or not self._skip("@"):
            raise BadAddress("an address needs a local part, an @ and a domain")
        if any((word.kind == ".") != (number % 2 == 1) for number, word in enumerate(words)):
            raise BadAddress("the local part is neither a dot-string nor a quoted string")
        local = "".join(word.text for word in words)
        after_at = self._next()
        has_gap = any(word.gap for word in words[1:]) or self._tokens[self._at - 1].gap or after_at.gap
        domain, domain_gap = self._domain()
        return f"{local}@{domain}", has_gap or domain_gap

    def _domain(self) -> tuple[str, bool]:
        token = self._take()
        if token.kind == "l":
            return token.text, False
        parts, has_gap = [token], False
        while self._next().kind == ".":
            parts += (self._take(), self._take())
            has_gap = has_gap or parts[-1].gap or parts[-2].gap
        if any(part.kind != "a" for part in parts[::2]):
            raise BadAddress("the domain is not a host name")
        return "".join(part.text for part in parts), has_gap

    def _words(self) -> list[_Token]:
        start = self._at
        while self._next().kind in _WORD_KINDS:
            self._at += 1
        return self._tokens[start : self._at]

    def _separator(self, in_group: bool) -> None:
        token = self._next()
        if token is not _END and token.kind != "," and not (in_group and token.kind == ";"):
            raise BadAddress("text follows an address without a comma between")

    def _next(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _take(self) -> _Token:
        token = self._next()
        self._at += 1
        return token

    def _skip(self, kind: str) -> bool:
        if self._next().kind != kind:
            return False
        self._at += 1
        return True


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at, gap, end = 0, False, len(text)
    while at < end:
        char = text[at]
        if char in " \t(":
            at = _after_comment(text, at) if char == "(" else _matched(_SPACE, text, at).end()
            gap = True
            continue
        if char in '<>@,;:."[':
            match = None
            if char == '"':
                match, kind = _matched(_QUOTED, text, at), "q"
            elif char == "[":
                match, kind = _matched(_LITERAL, text, at), "l"
            else:
                kind = char
        else:
            match, kind = _matched(_ATOM, text, at), "a"
        written = match[0] if match else char
        tokens.append(_Token(kind, written, gap))
        at += len(written)
        gap = False
    return tokens


def _matched(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    match = pattern.match(text, at)
    if match is None:
        raise BadAddress("the address list holds a control character, a stray line break or an open quote")
    return match


def _after_comment(text: str, at: int) -> int:
    """The place after the comment that begins at `at`; comments nest (RFC 5322 3.2.2)."""
    depth = 0
    while True:
        step = _matched(_COMMENT_STEP, text, at)
        at = step.end()
        if step[1] == "(":
            depth += 1
            if depth > _MAX_COMMENT_DEPTH:
                raise BadAddress("comments are nested too deeply")
        elif step[1] == ")":
            depth -= 1
            if not depth:
                return at


def _phrase(words: list[_Token]) -> str:
    """The display name as people read it: quotes and escapes taken off, gaps one space."""
    if words and words[0].kind == ".":
        raise BadAddress("a display name begins with a dot")
    parts: list[str] = []
    for number, word in enumerate(words):
        if number and word.gap:
            parts.append(" ")
        parts.append(_ESCAPED.sub(r"\1", word.text[1:-1]) if word.kind == "q" else word.text)
    return _UNSHOWABLE.sub("\ufffd", "".join(parts))


def _address(written: str) -> Address:
    """The one place where text becomes an `Address`. Raises BadAddress."""
    if len(written) > _LONGEST:
        raise BadAddress("the address is too long")
    if not written.isascii():
        _refuse_lookalikes(written)
    address = parse_address(written)
    if "=?" in address.local and _ENCODED_WORD.search(address.local):
        # programs that decode before they parse would see another address here
        raise BadAddress("the local part looks like an encoded word")
    return address


def _refuse_lookalikes(written: str) -> None:
    """Nothing that turns into other structure, or into another domain, when Unicode is normalised."""
    local, _, domain = written.rpartition("@")
    for char in local + domain:
        if not char.isascii() and unicodedata.category(char) in ("Cc", "Cf", "Zs", "Zl", "Zp"):
            raise BadAddress("invisible characters are not allowed in an address")
    folded = unicodedata.normalize("NFKC", "".join(char for char in local if not char.isascii()))
    if any(char.isascii() and not char.isalnum() for char in folded):
        raise BadAddress("the local part holds a look-alike of a special character")
    if domain.isascii():
        return
    try:
        shown = idna.decode(idna.encode(domain, uts46=True, transitional=False))
    except (idna.IDNAError, UnicodeError) as error:
        raise BadAddress("the domain is not a valid internationalised name (IDNA 2008)") from error
    if shown != unicodedata.normalize("NFC", domain.lower()):
        raise BadAddress("the domain changes when it is mapped to its DNS form")
