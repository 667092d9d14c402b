"""What a returned letter's codes and words mean: a reason and a class for each recipient (BNC-2).

The status (RFC 3463) wins where it names one thing. Many hosts write a general status and say what they mean
in words, so a general one comes after the words of `data/bounces.toml`; then the rules for live replies
(`rules.verdict`), then the reply code alone. A temporary code never makes an address bad: the host said that
it may be good tomorrow.

Public: judged.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

from posthouse.model.message import Phase, SmtpResult
from posthouse.model.returned import Returned, ReturnedKind, ReturnedRecipient
from posthouse.rules.bounces import HARD_REASONS, class_of
from posthouse.rules.phrases import Phrase, occurs, parse_phrase, plain_words
from posthouse.rules.verdict import judge_result

# The detail of a status without its class (RFC 3463, RFC 7372, RFC 7505, Exchange's 5.1.10 and 5.7.5xx).
_PLAIN_STATUS = {
    "1.1": "bad-mailbox",
    "1.2": "bad-domain",
    "1.3": "bad-mailbox",
    "1.6": "bad-mailbox",
    "1.7": "sender-rejected",
    "1.8": "sender-rejected",
    "1.10": "bad-mailbox",
    "2.2": "mailbox-full",
    "2.3": "too-large",
    "3.4": "too-large",
    "4.6": "loop",
    "4.7": "expired",
    "4.14": "loop",
    "7.8": "policy-block",
    "7.9": "policy-block",
    **{f"7.{detail}": "unauthenticated" for detail in (20, 21, 22, 23, 24, 25, 26, 27, 29, 30, 32, 509, 515)},
}
_GENERAL_STATUS = {
    "1.0": "bad-mailbox",
    "1.4": "bad-mailbox",
    "2.1": "mailbox-disabled",
    "2.4": "bad-mailbox",
    "4.1": "expired",
    "4.2": "expired",
    "4.4": "bad-domain",
    "4.5": "temporary",
    "4.310": "bad-domain",
}
_addresses = re.compile(r"[^\s@]{1,100}@[^\s@]{1,255}").sub
_UNSAID = frozenset({"rejected", "temporary", "protocol-error", "connection"})
_DATA = Path(__file__).with_name("data") / "bounces.toml"


def judged(returned: Returned) -> Returned:
    """The same with `reason` and `bounce_class` of each recipient of a bounce or a delay."""
    if returned.kind not in (ReturnedKind.BOUNCE, ReturnedKind.DELAY):
        return returned
    return replace(returned, recipients=tuple(_judged(each) for each in returned.recipients))


def _judged(recipient: ReturnedRecipient) -> ReturnedRecipient:
    reason = _reason(recipient.code, recipient.enhanced, recipient.text)
    if reason in HARD_REASONS and _is_temporary(recipient.code, recipient.enhanced):
        reason = "temporary"
    return replace(recipient, reason=reason, bounce_class=class_of(reason))


def _is_temporary(code: int, enhanced: str) -> bool:
    if enhanced and not enhanced.endswith(".0.0"):
        return enhanced.startswith("4")
    return 400 <= code <= 499 or (not code and enhanced.startswith("4"))


def _reason(code: int, enhanced: str, text: str) -> str:
    detail = enhanced.partition(".")[2]
    # RFC 5321: 552 and 452 speak of room, whatever status stands beside them
    if detail in _PLAIN_STATUS and not (code in (452, 552) and detail.startswith("1.")):
        return _PLAIN_STATUS[detail]
    words = plain_words(_addresses(" ", text))  # names such as dmarc@ or spam@ are no words of the host
    for reason, phrases in _RULES:
        if any(occurs(phrase, words) for phrase in phrases):
            return reason
    if detail in _GENERAL_STATUS:
        return _GENERAL_STATUS[detail]
    is_temporary = _is_temporary(code, enhanced)
    asked = code or (450 if is_temporary else 550)
    reason = judge_result(SmtpResult(Phase.RCPT, asked, enhanced, text)).reason
    if reason in _UNSAID or reason == "service-unavailable":
        return "temporary" if is_temporary else "rejected"
    return reason


def _load() -> tuple[tuple[str, tuple[Phrase, ...]], ...]:
    raw = tomllib.loads(_DATA.read_text(encoding="utf-8"))
    return tuple((rule["reason"], tuple(parse_phrase(text) for text in rule["text"])) for rule in raw["rule"])


_RULES = _load()
