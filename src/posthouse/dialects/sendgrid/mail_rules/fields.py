"""Rules for what a personalization and the call have alike: subject, headers, own data, substitutions, time.

Public: judge_subject, judge_headers, judge_args, judge_own_args, judge_texts, judge_substitutions,
judge_data, judge_send_at, COMMON_HEADERS, OWN_HEADERS, HeaderTexts,
and the sentences.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from posthouse.dialects.depth import is_too_deep
from posthouse.dialects.sendgrid.mail_rules.faults import Faults, Known, Repeated, is_integer

MOST_BYTES = 10_000
MOST_DEPTH = 32
RESERVED = frozenset(
    {
        "x-sg-id",
        "x-sg-eid",
        "received",
        "dkim-signature",
        "content-type",
        "content-transfer-encoding",
        "to",
        "from",
        "subject",
        "reply-to",
        "cc",
        "bcc",
    }
)
DEEP_DATA = f"The dynamic template data may be nested {MOST_DEPTH} levels deep."
BAD_SUBJECT = "The subject of your email must be a string at least one character in length."
BAD_SECTIONS = "The section values must be strings."
BAD_ARGS = "All values of custom arguments object must be strings"
NO_ARGS = "custom_args cannot be empty."
LONG_ARGS = (
    "The combined size of both global and personalization custom arguments may not exceed 10,000 bytes per "
    "personalization."
)
BAD_SUBSTITUTIONS = (
    "The substitution values must be an object of key/value pairs, where the values are all strings."
)
LONG_SUBSTITUTIONS = "You are limited to 10,000 substitutions."  # bytes are meant
DYNAMIC_SUBSTITUTIONS = "Substitutions may not be used with dynamic templating"
BAD_SEND_AT = (
    "The send_at parameter is expecting a Unix timestamp as an integer. We will send immediately if you "
    "include a send_at timestamp that is in the past."
)
TWICE_HEADERS = "The headers cannot contain duplicate keys."
HEADER_BREAKS = "The header values cannot contain CRLF characters."
_is_name = re.compile(r"[!-9;-~]{1,200}\Z").match
_has_break = re.compile("[\0\r\n\v\f\x85\u2028\u2029]").search


class HeaderTexts(NamedTuple):
    values: str
    names: str
    reserved: str


COMMON_HEADERS = HeaderTexts(
    "The header values must be strings.",
    "Header keys cannot contain non-ASCII characters and empty spaces.",
    "Header can not be one of the reserved keys.",
)
OWN_HEADERS = HeaderTexts(
    "All values of the headers object must be strings.",
    "Header keys cannot contain non-ASCII characters or empty spaces.",
    "Header cannot be one of the reserved keys.",
)


def judge_subject(faults: Faults, path: str, value: Any) -> None:
    if not isinstance(value, str) or not value:
        faults.add(path, BAD_SUBJECT)


def judge_headers(faults: Faults, path: str, value: Any, texts: HeaderTexts) -> None:
    given = faults.object(path, value)
    if not given:
        return
    names = [name.lower() for name in given]
    if any(not isinstance(each, str) for each in given.values()):
        faults.add(path, texts.values)
    if len(set(names)) < len(names) or isinstance(
        given, Repeated
    ):  # RFC 5322 1.2.2: names are the same in any case
        faults.add(path, TWICE_HEADERS)
    if not all(map(_is_name, given)):
        faults.add(path, texts.names)
    if not RESERVED.isdisjoint(names):
        faults.add(path, texts.reserved)
    if any(isinstance(each, str) and _has_break(each) for each in given.values()):
        faults.add(path, HEADER_BREAKS)  # our decision: S4


def judge_texts(faults: Faults, path: str, value: Any, text: str) -> bool:
    """An object of texts, if it is there at all."""
    given = faults.object(path, value)
    if any(not isinstance(each, str) for each in given.values()):
        faults.add(path, text)
        return False
    return True


def judge_args(faults: Faults, path: str, value: Any) -> None:
    if judge_texts(faults, path, value, BAD_ARGS) and isinstance(value, dict):
        _judge_size(faults, path, value)


def judge_own_args(faults: Faults, path: str, value: Any, common: Any) -> None:
    if value == {}:
        faults.add(path, NO_ARGS)
    if judge_texts(faults, path, value, BAD_ARGS) and isinstance(value, dict):
        usual = common if isinstance(common, dict) else {}
        _judge_size(faults, path, {**usual, **value})


def _judge_size(faults: Faults, path: str, args: dict[str, Any]) -> None:
    if _size(args) > MOST_BYTES:
        faults.add(path, LONG_ARGS)


def _size(pairs: dict[str, Any]) -> int:
    words = [*pairs, *(value for value in pairs.values() if isinstance(value, str))]
    return len("".join(words).encode("utf-8", "replace"))


def judge_substitutions(faults: Faults, path: str, value: Any, call: dict[str, Any]) -> None:
    if value is None:
        return
    if not isinstance(value, dict) or any(not isinstance(each, str) for each in value.values()):
        faults.add(path, BAD_SUBSTITUTIONS)
        return
    if value and str(call.get("template_id") or "").startswith("d-"):
        faults.add(path, DYNAMIC_SUBSTITUTIONS)
    if _size(value) > MOST_BYTES:
        faults.add(path, LONG_SUBSTITUTIONS)


def judge_data(faults: Faults, path: str, value: Any) -> None:
    given = faults.object(path, value)
    if given and is_too_deep(given, MOST_DEPTH):
        faults.add(path, DEEP_DATA)


def judge_send_at(faults: Faults, path: str, value: Any, known: Known) -> None:
    if value is None:
        return
    if not is_integer(value):
        faults.add(path, BAD_SEND_AT)
    elif value > known.now + known.schedule_hours * 3600:
        faults.add(path, f"Scheduling more than {known.schedule_hours:g} hours in advance is forbidden.")
