"""Failures that an address asks for, so that a program's error paths can be tried without any network.

Only mail that is kept here instead of sent looks at this (`posthouse dev`, `delivery.capture`, test mode).
The word stands in the local part, alone or between plus signs, in any case: `refuse-550@example.com`,
`ann+defer-451@example.com`, `complain+run7@example.com`.

    refuse-550            refused for good with that reply (500 to 599)
    refuse-550-5.7.1      the same with that enhanced code
    defer-451             put off once with that reply (400 to 499), then taken
    defer-451-3           put off three times (1 to 9)
    bounce-late           taken, then reported as undeliverable; bounce-late-552: with that code
    complain              taken, then reported as spam by the recipient

Public: answer_of, sequel_of, Sequel, AGAIN_S, HOST.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from posthouse.model.event import EventKind
from posthouse.model.message import Phase, SmtpResult
from posthouse.rules.bounces import class_of
from posthouse.rules.verdict import judge_result

AGAIN_S = 2.0
"""When mail that was put off is tried again: a test does not wait for minutes."""
HOST = "pretended"
"""Stands for the host that would have said so."""

_REFUSE = re.compile(r"refuse-(5[0-9]{2})(?:-(5\.[0-9]{1,3}\.[0-9]{1,3}))?").fullmatch
_DEFER = re.compile(r"defer-(4[0-9]{2})(?:-([1-9]))?").fullmatch
_LATE = re.compile(r"bounce-late(?:-(5[0-9]{2}))?").fullmatch
_AT_THE_END = frozenset({552, 554})  # RFC 5321 4.3.2: codes that hosts give to the content, not to RCPT
_WORDS = {
    421: ("4.3.2", "Service not available, closing the connection"),
    450: ("4.2.1", "Mailbox busy, try again later"),
    451: ("4.7.1", "Greylisted, try again later"),
    452: ("4.2.2", "Mailbox full"),
    550: ("5.1.1", "No such user here"),
    552: ("5.2.2", "Mailbox full"),
    553: ("5.1.3", "Bad mailbox syntax"),
    554: ("5.7.1", "Message content rejected as spam"),
}


@dataclass(frozen=True, slots=True)
class Sequel:
    """What comes back after the delivery: the kind of the event, and what it says."""

    kind: EventKind
    detail: dict[str, object]


def answer_of(recipient: str, attempt: int) -> SmtpResult | None:
    """What the host would have said at this attempt (the first is 1); None: the mail is taken."""
    for word in _words_of(recipient):
        if found := _REFUSE(word):
            return _said(int(found[1]), found[2] or "")
        if found := _DEFER(word):
            return _said(int(found[1]), "") if attempt <= int(found[2] or 1) else None
    return None


def sequel_of(recipient: str) -> Sequel | None:
    """What follows once the mail was taken; None: nothing."""
    for word in _words_of(recipient):
        if found := _LATE(word):
            return _bounced(_said(int(found[1] or 550), ""))
        if word == "complain":
            text = "A complaint that the address asked for"
            return Sequel(EventKind.COMPLAINED, {"feedback_type": "abuse", "text": text, "pretended": True})
    return None


def _words_of(recipient: str) -> list[str]:
    return recipient.rpartition("@")[0].lower().split("+")


def _said(code: int, enhanced: str) -> SmtpResult:
    usual, text = _WORDS.get(code, (f"{code // 100}.0.0", "Not now" if code < 500 else "Not accepted"))
    phase = Phase.BODY if code in _AT_THE_END else Phase.RCPT
    told = f"{text} (pretended: the address asks for it)"
    return SmtpResult(phase, code, enhanced or usual, told, mx=HOST, is_pretended=True)


def _bounced(result: SmtpResult) -> Sequel:
    reason = judge_result(result).reason
    detail = {
        "code": result.code,
        "enhanced": result.enhanced,
        "text": result.text,
        "reason": reason,
        "bounce_class": class_of(reason).value,
        "mx": result.mx,
        "pretended": True,
    }
    return Sequel(EventKind.BOUNCED, detail)
