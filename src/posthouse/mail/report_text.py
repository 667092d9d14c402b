"""The words of a delivery status notification, and how foreign text is made safe to stand in it.

Public: PREAMBLE, SUBJECTS, plain_text, escaped, folded, date_time.
"""

from __future__ import annotations

import re
import textwrap
import time
from collections.abc import Sequence

MAX_FOREIGN = 1000
_WIDTH = 76
_HARD_LIMIT = 900  # octets; RFC 5322 2.1.1 ends at 998
_HARD_CUT = 220  # characters, of four octets at most
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LAST_INSTANT = 253_402_300_799.0  # the end of the year 9999
_BREAKS = re.compile(r"[\r\n][ \t\r\n]*+")
# Controls, line and direction marks: shown as what they are, never passed on.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)

PREAMBLE = b"This is a delivery status notification in MIME form.\r\n"

SUBJECTS = {
    "failed": "Your message was not delivered",
    "delayed": "Your message is delayed",
    "delivered": "Your message was delivered",
    "relayed": "Your message was handed on",
}

_OPENINGS = {
    "failed": "Your message could not be delivered to the recipient below, and no further attempt will be"
    " made.",
    "delayed": "Your message has not reached the recipient below yet. You need not do anything: it will be"
    " tried again.",
    "delivered": "Your message was delivered to the recipient below, as you asked to be told.",
    "relayed": "Your message was handed on to the host below, which does not confirm delivery. You will hear"
    " of a failure only if that host reports one.",
}


def plain_text(
    action: str,
    *,
    hostname: str,
    recipient: str,
    reply: str,
    mx: str,
    about: str,
    accepted_at: float,
    expires_at: float,
    explanation: Sequence[str] = (),
) -> str:
    """The part for people, CRLF line ends. All texts are already `escaped`; `explanation` are paragraphs that
    follow the facts."""
    rows = [("Recipient", recipient), ("Host", mx), ("Answer", reply), ("Message-ID", about)]
    rows.append(("Accepted", date_time(accepted_at)))
    if action == "delayed":
        rows.append(("Tried until", date_time(expires_at)))
    opening = _OPENINGS.get(action, _OPENINGS["failed"])
    lines = [f"This is the mail system at {hostname}.", "", *textwrap.wrap(opening, _WIDTH), ""]
    for title, value in rows:
        if value:
            lines += _row(title, value)
    for paragraph in filter(None, explanation):
        lines += ["", *textwrap.wrap(paragraph, _WIDTH, break_on_hyphens=False)]
    lines += ["", "Details for programs and the message this is about follow.", ""]
    return "\r\n".join(lines)


def _row(title: str, value: str) -> list[str]:
    return textwrap.wrap(
        value,
        _WIDTH,
        initial_indent=f"    {title + ':':13}",
        subsequent_indent=" " * 17,
        break_on_hyphens=False,
    )


def escaped(text: str, is_utf8: bool) -> str:
    """Foreign text as one line of at most 1,000 characters of the input: line breaks become spaces, other
    controls (and, unless `is_utf8`, all that is not ASCII) become \\x, \\u or \\U escapes."""
    safe = _UNSAFE.sub(_as_escape, _BREAKS.sub(" ", text[:MAX_FOREIGN]).strip())
    return safe if is_utf8 else safe.encode("ascii", "backslashreplace").decode("ascii")


def _as_escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def folded(field: str) -> str:
    """A field in lines of at most 76 characters where spaces allow, of at most 900 octets in any case; no
    CRLF at the end. The field holds no line break yet."""
    lines: list[str] = []
    rest = field
    while len(rest) > _WIDTH:
        cut = rest.rfind(" ", _least(rest), _WIDTH + 1)
        cut = cut if cut > 0 else rest.find(" ", _WIDTH)
        if cut < 0 or not _fits(rest[:cut]):
            if _fits(rest):
                break
            cut = _HARD_CUT
        head, rest = rest[:cut].rstrip(" "), " " + rest[cut:].lstrip(" ")
        lines.append(head)
    lines.append(rest.rstrip(" "))
    # not a line of white space alone: it would read as the end of the fields
    return "\r\n".join(line for line in lines if line)


def _fits(line: str) -> bool:
    return len(line.encode("utf-8", "replace")) <= _HARD_LIMIT


def _least(line: str) -> int:
    """Where folding may begin: behind the field's name, or behind the first character of a continued line."""
    colon = line.find(": ")
    return colon + 2 if not line.startswith(" ") and colon > 0 else 2


def date_time(at: float) -> str:
    """RFC 5322 3.3 in UTC; an impossible instant is moved to the nearest possible one."""
    clock = time.gmtime(min(max(at, 0.0), _LAST_INSTANT) if at == at else 0.0)
    return (
        f"{_DAYS[clock.tm_wday]}, {clock.tm_mday} {_MONTHS[clock.tm_mon - 1]} {clock.tm_year}"
        f" {clock.tm_hour:02d}:{clock.tm_min:02d}:{clock.tm_sec:02d} +0000"
    )
