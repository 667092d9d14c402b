"""The words of a spam scanner: SpamAssassin's `spamd` and what else speaks its protocol, such as Rspamd.

After `spamd/PROTOCOL` of SpamAssassin 4.0: a request line, fields, an empty line and the letter; the answer
is a line with a code of sysexits.h, fields (`Spam: True ; 7.3 / 5.0`), an empty line and the report. These
are somebody else's octets: they are read within bounds, and what is no answer is `BadAnswer`.

Public: request, read_answer, Answer, BadAnswer, REPORT_MAX.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

REPORT_MAX = 16_384  # octets of a report that are kept; usual ones have two or three thousand
_HEAD_MAX = 8192
_SHOWN = 200
_match_status = re.compile(
    rb"R?SPAMD/[0-9]{1,2}(?:\.[0-9]{1,2})?[ \t]+([0-9]{1,4})(?:[ \t]+([^\r\n]*))?\r?\n"
).match
_NUMBER = rb"([+-]?[0-9]{1,7}(?:\.[0-9]{1,9})?)"
_find_spam = re.compile(
    rb"^spam:[ \t]*(?:true|false|yes|no)[ \t]*;[ \t]*"
    + _NUMBER
    + rb"[ \t]*/[ \t]*"
    + _NUMBER
    + rb"[ \t]*\r?$",
    re.IGNORECASE | re.MULTILINE,
).search
_find_length = re.compile(
    rb"^content-length:[ \t]*([0-9]{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
).search
_find_head_end = re.compile(rb"\r?\n\r?\n").search
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class BadAnswer(Exception):
    """What came back says nothing about the letter; the text tells why, in one line."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`score`: the more, the more like spam; `report`: for people, "" when there was none."""

    score: float
    report: str


def request(content: bytes) -> bytes:
    """What to send for a letter."""
    return b"REPORT SPAMC/1.5\r\nContent-length: %d\r\n\r\n%b" % (len(content), content)


def read_answer(octets: bytes, is_end: bool) -> Answer | None:
    """The answer so far; `is_end`: nothing more comes. None: more is needed. Raises BadAnswer."""
    status = _match_status(octets)
    if status is None:
        if is_end or b"\n" in octets or len(octets) > _HEAD_MAX:
            raise BadAnswer(f"no answer of a spam scanner: {_shown(octets) or 'nothing'}")
        return None
    if int(status[1]):  # after an error the connection is closed, without the rest
        raise BadAnswer(f"the spam scanner says: {int(status[1])} {_shown(status[2] or b'')}".rstrip())
    head_end = _find_head_end(octets, status.end() - 2, _HEAD_MAX)
    if head_end is None:
        if is_end or len(octets) > _HEAD_MAX:
            raise BadAnswer("the answer of the spam scanner breaks off")
        return None
    spam = _find_spam(octets, status.end(), head_end.start())
    if spam is None:
        raise BadAnswer("the answer of the spam scanner names no score")
    length = _find_length(octets, status.end(), head_end.start())
    most = min(int(length[1]), REPORT_MAX) if length else REPORT_MAX
    report = octets[head_end.end() : head_end.end() + most]
    if len(report) < most and not is_end:
        return None
    return Answer(float(spam[1]), _CONTROLS.sub("", report.decode("utf-8", "replace")).strip())


def _shown(octets: bytes) -> str:
    words = " ".join(octets[:_SHOWN].decode("ascii", "replace").split())
    return "".join(char if char.isprintable() else "?" for char in words)
