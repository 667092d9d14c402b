"""What an MTA-STS record and an MTA-STS policy say (RFC 8461 3): text in, values out, strict.

Public: parse_record, parse_policy, matches, BadPolicy, LONGEST_AGE_S.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from posthouse.model.trust import ENFORCE, NONE, TESTING, StsPolicy

LONGEST_AGE_S = 31_557_600  # RFC 8461 3.2
_MOST_PATTERNS = 100
_RECORD = re.compile(
    r"v=STSv1(?P<fields>(?:[ \t]*;[ \t]*[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[\x21-\x3a\x3c\x3e-\x7e]+)+)"
    r"(?:[ \t]*;)?[ \t]*"
)
_FIELD = re.compile(r"[ \t]*;[ \t]*([^=]+)=([^;\s]+)")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_AGE = re.compile(r"[0-9]{1,10}")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_PATTERN = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")


class BadPolicy(ValueError):
    """The text is no policy; the message says why in one clause."""


def parse_record(texts: Iterable[str]) -> str:
    """The TXT records of `_mta-sts.<domain>` -> the policy's id, "" when the domain has no valid record.

    Records that do not begin with the version are somebody else's; more than one of ours is none (3.1).
    """
    ours = [text for text in texts if text.startswith("v=STSv1;") or re.match(r"v=STSv1[ \t]+;", text)]
    if len(ours) != 1:
        return ""
    found = _RECORD.fullmatch(ours[0])
    if found is None:
        return ""
    fields = _FIELD.findall(found["fields"])
    ids = [value for name, value in fields if name == "id"]
    return ids[0] if ids and _ID.fullmatch(ids[0]) else ""


def parse_policy(body: bytes, domain: str, policy_id: str, now: float) -> StsPolicy:
    """The body of `mta-sts.txt` -> a policy that holds from `now` on. Raises BadPolicy.

    RFC 8461 3.2: of a field given twice the first counts, except `mx`; unknown fields are skipped.
    """
    fields, patterns = _fields(body)
    if fields.get("version") != "STSv1":
        raise BadPolicy("it does not say version: STSv1")
    mode = fields.get("mode", "")
    if mode not in (ENFORCE, TESTING, NONE):
        raise BadPolicy("its mode is none of enforce, testing, none")
    if not _AGE.fullmatch(fields.get("max_age", "")):
        raise BadPolicy("its max_age is not a number of seconds")
    if mode != NONE and not patterns:
        raise BadPolicy("it names no mx")
    age = min(int(fields["max_age"]), LONGEST_AGE_S)
    return StsPolicy(domain, policy_id, mode, tuple(patterns), now, now + age)


def _fields(body: bytes) -> tuple[dict[str, str], list[str]]:
    """The first value of each field, and all patterns of `mx`."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BadPolicy("it is not UTF-8 text") from None
    fields: dict[str, str] = {}
    patterns: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        name, colon, value = line.partition(":")
        value = value.strip(" \t")
        if not line.strip(" \t"):
            continue
        if not colon or not _KEY.fullmatch(name):
            raise BadPolicy("a line is not of the form name: value")
        if name == "mx":
            patterns.append(_pattern(value))
        else:
            fields.setdefault(name, value)
    if len(patterns) > _MOST_PATTERNS:
        raise BadPolicy(f"it names more than {_MOST_PATTERNS} mx")
    return fields, patterns


def _pattern(value: str) -> str:
    pattern = value.lower()
    if len(pattern) > 255 or not _PATTERN.fullmatch(pattern):
        raise BadPolicy("an mx is neither a host name nor *. and a name")
    return pattern


def matches(patterns: Sequence[str], host: str) -> bool:
    """Does the policy name this MX host (lower case, no final dot)? A star stands for one label (4.1)."""
    above = host.partition(".")[2]
    return any(
        pattern == host or (pattern.startswith("*.") and bool(above) and pattern[2:] == above)
        for pattern in patterns
    )
