"""What the result of one attempt means: delivered, to be tried again, or failed; why; and whether the whole
site should be asked less.

Two steps: the reply code decides by RFC 5321 (`_by_code`), then the first matching rule of
`data/verdicts.toml` names the reason and, in the few places where practice differs, another verdict.
Blocks and rate replies get reasons of their own: they say nothing about the mailbox (BR-5), so whoever keeps
suppression lists looks at `bad-mailbox` only.

The other side's text is hostile: it is cut at 2,000 characters and searched by `str.find` from left to right,
never by a backtracking expression (S11).

Public: Judged, judge_result, load_verdicts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posthouse.model.errors import SettingsError
from posthouse.model.message import Phase, SmtpResult, Verdict

_TEXT_LIMIT = 2000
_NOT_WORDS = re.compile("[^a-z0-9]+")
_NEVER_SPOKE = frozenset({Phase.CONNECT, Phase.GREETING, Phase.EHLO, Phase.STARTTLS})
_KEYS = frozenset(
    {"reason", "verdict", "backs_off_site", "phase", "code", "enhanced", "mx", "text"},
)


@dataclass(frozen=True, slots=True)
class Judged:
    """`reason` is a machine word: see `data/verdicts.toml`, and `_by_code` for those without a rule."""

    verdict: Verdict
    reason: str
    backs_off_site: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions (empty: any) and what they give. `mx` are name endings with their leading dot; `phrases` are
    tuples of pieces to be found in order."""

    reason: str
    verdict: Verdict | None
    backs_off_site: bool | None
    phases: frozenset[Phase]
    codes: frozenset[int]
    enhanced: tuple[re.Pattern[str], ...]
    mx: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...]

    def applies(self, result: SmtpResult, words: str) -> bool:
        """`words`: the reply's text as `_words` gives it."""
        return (
            (not self.phases or result.phase in self.phases)
            and (not self.codes or result.code in self.codes)
            and (not self.enhanced or any(pattern.match(result.enhanced) for pattern in self.enhanced))
            and (not self.mx or f".{result.mx.lower()}".endswith(self.mx))
            and (not self.phrases or any(_occurs(pieces, words) for pieces in self.phrases))
        )


_DELIVERED = Judged(Verdict.DELIVERED, "delivered")


def judge_result(result: SmtpResult, rules: tuple[Rule, ...] | None = None) -> Judged:
    """Any result -> what it means. Never raises for what the other side said."""
    if result.is_delivered:
        return _DELIVERED
    if result.ambiguous:
        # RFC 5321 4.5.3.2.6: the copy may exist; at least once means trying again.
        return Judged(Verdict.DEFERRED, "ambiguous", True)
    plain = _by_code(result)
    words = _words(result.text)
    for rule in BUILT_IN if rules is None else rules:
        if rule.applies(result, words):
            backs_off = plain.backs_off_site if rule.backs_off_site is None else rule.backs_off_site
            return Judged(rule.verdict or plain.verdict, rule.reason, backs_off or result.connection_failed)
    return plain


def _by_code(result: SmtpResult) -> Judged:
    """RFC 5321 4.2.1 and the MX rows of the conformance list, before any data is asked."""
    code, phase = result.code, result.phase
    if code == 0:
        return _unspoken(result)
    if code == 421:  # 3.8: the other side closes; nothing of the transaction counts
        return Judged(Verdict.DEFERRED, "service-unavailable", True)
    if phase is Phase.GREETING and code in (521, 556):
        # RFC 7504: the courier reports this only after every host of the site has said so
        return Judged(Verdict.FAILED, "refuses-mail", False)
    if phase in _NEVER_SPOKE:
        return Judged(Verdict.DEFERRED, "tls" if phase is Phase.STARTTLS else "connection", True)
    if phase is Phase.RCPT and code == 552:  # 4.5.3.1.10: to be treated as 452
        return Judged(Verdict.DEFERRED, "too-many-recipients", result.connection_failed)
    if 500 <= code <= 599:
        return Judged(Verdict.FAILED, "rejected", result.connection_failed)
    reason = "temporary" if 400 <= code <= 499 else "protocol-error"
    return Judged(Verdict.DEFERRED, reason, result.connection_failed)


def _unspoken(result: SmtpResult) -> Judged:
    """Code 0: the words are ours. An enhanced code of class 5 is our own final word (no such domain)."""
    verdict = Verdict.FAILED if result.enhanced.startswith("5.") else Verdict.DEFERRED
    match result.phase:
        case Phase.DNS:
            return Judged(verdict, "dns", False)
        case Phase.LOCAL:
            return Judged(verdict, "local", result.connection_failed)
        case Phase.STARTTLS:
            return Judged(verdict, "tls", True)
        case _:
            return Judged(verdict, "connection", verdict is Verdict.DEFERRED)


def load_verdicts(*paths: Path) -> tuple[Rule, ...]:
    """The operator's rules, the last path first, then the built-in ones.

    Raises SettingsError: file, number of the rule, and what is wrong.
    """
    rules: list[Rule] = []
    for path in (*reversed(paths), _DATA):
        rules += _read(path)
    return tuple(rules)


def _read(path: Path) -> list[Rule]:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error
    entries = raw.get("rule", [])
    if set(raw) - {"rule"} or not isinstance(entries, list):
        raise SettingsError(f"{path}: only [[rule]] tables are allowed")
    rules: list[Rule] = []
    for number, entry in enumerate(entries, 1):
        try:
            rules.append(_rule(entry))
        except (ValueError, TypeError) as error:
            raise SettingsError(f"{path}: rule {number}: {error}") from error
    return rules


def _rule(entry: Mapping[str, Any]) -> Rule:
    unknown = sorted(set(entry) - _KEYS)
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}; allowed are {', '.join(sorted(_KEYS))}")
    if not isinstance(entry.get("reason"), str) or not entry["reason"]:
        raise ValueError("reason is missing")
    verdict = Verdict(entry["verdict"]) if "verdict" in entry else None
    if verdict is Verdict.DELIVERED:
        raise ValueError('verdict must be "deferred" or "failed"')
    if not isinstance(entry.get("backs_off_site", False), bool):
        raise ValueError("backs_off_site must be true or false")
    return Rule(
        reason=entry["reason"],
        verdict=verdict,
        backs_off_site=entry.get("backs_off_site"),
        phases=frozenset(Phase(name) for name in _strings(entry, "phase")),
        codes=frozenset(code for text in _strings(entry, "code") for code in _codes(text)),
        enhanced=tuple(_enhanced(text) for text in _strings(entry, "enhanced")),
        mx=tuple("." + name.lower().strip(".") for name in _strings(entry, "mx")),
        phrases=tuple(_pieces(text) for text in _strings(entry, "text")),
    )


def _strings(entry: Mapping[str, Any], key: str) -> list[str]:
    values = entry.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise ValueError(f"{key} must be a list of texts")
    return values


def _codes(text: str) -> Iterable[int]:
    if re.fullmatch("[45]xx", text):
        return range(int(text[0]) * 100, int(text[0]) * 100 + 100)
    if re.fullmatch("[2-5][0-9][0-9]", text):
        return (int(text),)
    raise ValueError(f"code {text!r} is neither three digits nor 4xx or 5xx")


def _enhanced(text: str) -> re.Pattern[str]:
    if not re.fullmatch(r"([245]|\*)(\.([0-9]{1,3}\*?|\*)){2}", text):
        raise ValueError(f'enhanced {text!r} is not of the form "5.1.1", "*.7.28" or "5.7.5*"')
    return re.compile(text.replace(".", r"\.").replace("*", "[0-9]*") + r"\Z")


def _words(text: str) -> str:
    """The words of a reply in lower case, one space between and around them."""
    return " " + _NOT_WORDS.sub(" ", text[:_TEXT_LIMIT].lower()).strip() + " "


def _pieces(phrase: str) -> tuple[str, ...]:
    """ "mailbox * full" -> (" mailbox ", " full "); a word with "~" ends where the next letter may follow."""
    pieces: list[str] = []
    for part in phrase.split(" * "):
        stem = part.endswith("~")
        piece = _words(part[:-1] if stem else part)
        if not piece.strip() or "~" in part[:-1] or "*" in part:
            raise ValueError(f"text {phrase!r}: a tilde ends a part, a star stands alone between words")
        pieces.append(piece.rstrip(" ") if stem else piece)
    return tuple(pieces)


def _occurs(pieces: tuple[str, ...], words: str) -> bool:
    """Are the pieces in the words, in this order? The earliest place of each is the best: no going back."""
    at = 0
    for piece in pieces:
        found = words.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece) - 1  # the space after a word is also the space before the next
    return True


_DATA = Path(__file__).with_name("data") / "verdicts.toml"
BUILT_IN = load_verdicts()
