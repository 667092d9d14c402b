"""The grammar of command lines, paths and parameters (RFC 5321 4.1, 1870, 3461, 4954 5, 6152, 6531).

Strict where permission or the outgoing command depends on it, lenient only where a clause or a real client
asks for it: one space after the colon of MAIL and RCPT is taken (4.1.1.11), source routes are read and
forgotten (appendix C). Every pattern works in linear time.

Public: Command, parse_command, parse_path, MailParams, parse_mail_params, RcptParams, parse_rcpt_params,
parse_mail, parse_rcpt, SyntaxRefused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from posthouse.model.address import Address, BadAddress, ascii_domain, parse_address
from posthouse.smtp.replies import Reply

MAX_ENVID = 100  # characters of the xtext (RFC 3461 4.4)
MAX_ORCPT = 500  # characters of type, semicolon and xtext (RFC 3461 4.2)

# A path up to its closing bracket: outside quotes no bracket, quote or white space; inside quotes anything
# but an unescaped quote. The choices inside a repetition exclude each other: no line is tried twice.
_PATH = re.compile(r'<([^<>"\s]*|(?:[^<>"\s]|"(?:[^"\\]|\\.)*")*)>(?: +(.*))?\Z', re.DOTALL)
_ROUTE = re.compile(r"@[^@:,\s]+(?:,@[^@:,\s]+)*:")
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*\Z")
_VALUE = re.compile(r"[\x21-\x3c\x3e-\x7e\u0080-\U0010ffff]+\Z")  # esmtp-value with RFC 6531's UTF-8
_XTEXT = re.compile(r"(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+(?![01][0-9A-F]|7F)[0-9A-F]{2})*\Z")
_UTF8_XTEXT = re.compile(r"[\x21-\x7e\u00a0-\U0010ffff]+\Z")  # RFC 6533 3: utf-8-addr forms, no controls
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9-]+\Z")
_DIGITS = re.compile(r"[0-9]{1,20}\Z")


class SyntaxRefused(Exception):
    """The client's line breaks the grammar; `reply` says so, without quoting what it sent."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class Command(NamedTuple):
    """A command line: `verb` in upper case, `argument` stripped of the space around it, otherwise as sent."""

    verb: str
    argument: str


@dataclass(slots=True)
class MailParams:
    """The parameters of MAIL. `size` is 0 when not declared; `body` "", "7BIT" or "8BITMIME"; `ret` "",
    "FULL" or "HDRS"; `envid` and `auth` are xtext as sent ("<>" included), "" when absent. `promises_tls`:
    REQUIRETLS was given (RFC 8689)."""

    size: int = 0
    body: str = ""
    is_utf8: bool = False
    ret: str = ""
    envid: str = ""
    auth: str = ""
    promises_tls: bool = False


@dataclass(slots=True)
class RcptParams:
    """The parameters of RCPT. `notify` is "NEVER" or a comma list in upper case, `orcpt` as sent."""

    notify: str = ""
    orcpt: str = ""


_BAD_LINE = Reply(500, "5.5.2", "Line with a bare CR or LF, a NUL or broken UTF-8")
_BAD_PARAMETER = "Bad value of parameter "


def parse_command(line: bytes) -> Command:
    """One line without its CRLF -> Command. Raises SyntaxRefused on bare CR, LF, NUL or bad UTF-8 (SRV-2).

    Only the name behind EHLO and HELO may be no UTF-8: there it decides nothing, and some clients send their
    machine's name in an old character set (SRV-21).
    """
    if b"\r" in line or b"\n" in line or b"\0" in line:
        raise SyntaxRefused(_BAD_LINE)
    try:
        text = line.decode()
    except UnicodeDecodeError:
        if line[:5].upper() not in (b"EHLO ", b"HELO "):
            raise SyntaxRefused(_BAD_LINE) from None
        text = line.decode("latin-1")
    verb, _, argument = text.partition(" ")
    return Command(verb.upper(), argument.strip(" \t"))


def parse_mail(argument: str) -> tuple[Address | None, MailParams]:
    """`FROM:<path> params` -> sender (None for `<>`) and parameters. Raises SyntaxRefused (501, 553, 555)."""
    path, rest = _split(argument, "FROM:", "MAIL FROM:<address>", "5.1.7", "from")
    params = parse_mail_params(rest) if rest else MailParams()
    if not path:
        return None, params
    return parse_path(path, is_utf8=params.is_utf8, enhanced="5.1.7", which="from"), params


def parse_rcpt(argument: str, hostname: str, *, is_utf8: bool) -> tuple[Address, RcptParams]:
    """`TO:<path> params` -> recipient and parameters. `<Postmaster>` is ours (RFC 5321 4.1.1.3).

    `hostname` is the domain given to that lone postmaster, `is_utf8` what MAIL asked for.
    Raises SyntaxRefused (501, 553, 555).
    """
    path, rest = _split(argument, "TO:", "RCPT TO:<address>", "5.1.3", "to")
    params = parse_rcpt_params(rest, is_utf8=is_utf8) if rest else RcptParams()
    if path.lower() == "postmaster":
        return Address("postmaster", hostname), params
    return parse_path(path, is_utf8=is_utf8, enhanced="5.1.3", which="to"), params


def parse_path(path: str, *, is_utf8: bool, enhanced: str, which: str) -> Address:
    """The inside of `<…>` -> Address, a source route dropped. `which` is "from" or "to" for the reply."""
    if path.startswith("@"):
        path = _without_route(path, enhanced, which)
    try:
        address = parse_address(path)
    except BadAddress as error:
        raise _cannot_parse(enhanced, which, str(error)) from error
    if not is_utf8 and not path.isascii():  # RFC 6531 3.5
        text = "The address needs SMTPUTF8, which MAIL did not ask for"
        raise SyntaxRefused(Reply(553, "5.6.7", text))
    return address


def _without_route(path: str, enhanced: str, which: str) -> str:
    match = _ROUTE.match(path)
    if not match:
        raise _cannot_parse(enhanced, which, "the source route is broken")
    try:
        for hop in match[0][:-1].split(","):
            ascii_domain(hop[1:])
    except BadAddress as error:
        raise _cannot_parse(enhanced, which, f"in the source route, {error}") from error
    return path[match.end() :]


def _split(argument: str, lead: str, usage: str, enhanced: str, which: str) -> tuple[str, str]:
    """The path's inside and the parameters behind it."""
    if argument[: len(lead)].upper() != lead:
        raise SyntaxRefused(Reply(501, "5.5.4", f"Syntax: {usage}"))
    start = len(lead)
    if argument.startswith(" ", start):  # one space is tolerated: real clients send it
        start += 1
    match = _PATH.match(argument, start)
    if not match:
        raise _cannot_parse(enhanced, which, "it must stand in angle brackets")
    return match[1], match[2] or ""


def _cannot_parse(enhanced: str, which: str, why: str) -> SyntaxRefused:
    return SyntaxRefused(Reply(501, enhanced, f"Cannot parse {which} address: {why}"))


def _pairs(text: str) -> dict[str, str | None]:
    """`KEY[=value] …` -> values by upper-case keyword. Raises SyntaxRefused on bad form or repetition."""
    found: dict[str, str | None] = {}
    for word in text.split():
        keyword, equals, value = word.partition("=")
        if not _KEYWORD.match(keyword) or (equals and not _VALUE.match(value)):
            raise SyntaxRefused(Reply(501, "5.5.4", "Malformed parameter"))
        key = keyword.upper()
        if key in found:
            raise SyntaxRefused(Reply(501, "5.5.4", "A parameter is given twice"))
        found[key] = value if equals else None
    return found


def parse_mail_params(text: str) -> MailParams:
    """The text behind the path of MAIL -> MailParams. Raises SyntaxRefused: 501 bad value, 555 unknown."""
    params = MailParams()
    for key, value in _pairs(text).items():
        match key:
            case "SIZE":
                params.size = _size(value)
            case "BODY":
                params.body = _one_of(key, value, ("7BIT", "8BITMIME"))
            case "SMTPUTF8":
                params.is_utf8 = _no_value(key, value)
            case "REQUIRETLS":
                params.promises_tls = _no_value(key, value)
            case "RET":
                params.ret = _one_of(key, value, ("FULL", "HDRS"))
            case "ENVID":
                params.envid = _xtext(key, value, MAX_ENVID)
            case "AUTH":
                params.auth = value if value == "<>" else _xtext(key, value, MAX_ORCPT)
            case _:
                raise SyntaxRefused(Reply(555, "5.5.4", "MAIL parameter not recognised"))
    return params


def parse_rcpt_params(text: str, *, is_utf8: bool = False) -> RcptParams:
    """The text behind the path of RCPT -> RcptParams. Raises SyntaxRefused: 501 bad value, 555 unknown."""
    params = RcptParams()
    for key, value in _pairs(text).items():
        match key:
            case "NOTIFY":
                params.notify = _notify(value)
            case "ORCPT":
                params.orcpt = _orcpt(value, is_utf8)
            case _:
                raise SyntaxRefused(Reply(555, "5.5.4", "RCPT parameter not recognised"))
    return params


def _bad(key: str) -> SyntaxRefused:
    return SyntaxRefused(Reply(501, "5.5.4", _BAD_PARAMETER + key))


def _size(value: str | None) -> int:
    if value is None or not _DIGITS.match(value):  # RFC 1870 4: 1 to 20 digits
        raise _bad("SIZE")
    return int(value)


def _one_of(key: str, value: str | None, allowed: tuple[str, ...]) -> str:
    upper = (value or "").upper()
    if upper not in allowed:
        raise _bad(key)
    return upper


def _no_value(key: str, value: str | None) -> bool:
    if value is not None:
        raise _bad(key)
    return True


def _xtext(key: str, value: str | None, limit: int) -> str:
    """xtext (RFC 3461 4) of at most `limit` characters whose decoded form holds no control characters."""
    if not value or len(value) > limit or not _XTEXT.match(value):
        raise _bad(key)
    return value


def _notify(value: str | None) -> str:
    words = (value or "").upper().split(",")
    if words == ["NEVER"]:
        return "NEVER"
    if not all(
        word in ("SUCCESS", "FAILURE", "DELAY") for word in words
    ):  # NEVER stands alone (RFC 3461 4.1)
        raise _bad("NOTIFY")
    return ",".join(dict.fromkeys(words))


def _orcpt(value: str | None, is_utf8: bool) -> str:
    kind, semicolon, text = (value or "").partition(";")
    if not value or not semicolon or len(value) > MAX_ORCPT or not _ADDRESS_TYPE.match(kind):
        raise _bad("ORCPT")
    if kind.lower() == "utf-8":  # RFC 6533 3: its own escapes; raw UTF-8 only in an SMTPUTF8 transaction
        if not _UTF8_XTEXT.match(text) or not (is_utf8 or text.isascii()):
            raise _bad("ORCPT")
    else:
        _xtext("ORCPT", text, MAX_ORCPT)
    return value
