"""What the result of one attempt means: delivered, to be tried again, or failed; why; and whether the whole
site should be asked less.

Two steps: the reply code decides by RFC 5321 (`_by_code`), then the first matching rule of
`data/verdicts.toml` names the reason and, in the few places where practice differs, another verdict.
Blocks and rate replies get reasons of their own: they say nothing about the mailbox (BR-5), so whoever keeps
suppression lists looks at `bad-mailbox` only.

Public: Judged, judge_result, load_verdicts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posthouse.model.errors import SettingsError
from posthouse.model.message import Phase, SmtpResult, Verdict
from posthouse.rules.matching import CONDITION_KEYS, Condition, parse_condition, words_of

_NEVER_SPOKE = frozenset({Phase.CONNECT, Phase.GREETING, Phase.EHLO, Phase.STARTTLS})
_KEYS = CONDITION_KEYS | {"reason", "verdict", "backs_off_site"}


@dataclass(frozen=True, slots=True)
class Judged:
    """`reason` is a machine word: see `data/verdicts.toml`, and `_by_code` for those without a rule."""

    verdict: Verdict
    reason: str
    backs_off_site: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition and what it gives; None: as the code alone says."""

    reason: str
    verdict: Verdict | None
    backs_off_site: bool | None
    condition: Condition


_DELIVERED = Judged(Verdict.DELIVERED, "delivered")


def judge_result(result: SmtpResult, rules: tuple[Rule, ...] | None = None) -> Judged:
    """Any result -> what it means. Never raises for what the other side said."""
    if result.is_delivered:
        return _DELIVERED
    if result.ambiguous:
        # RFC 5321 4.5.3.2.6: the copy may exist; at least once means trying again.
        return Judged(Verdict.DEFERRED, "ambiguous", True)
    plain = _by_code(result)
    words = words_of(result.text)
    for rule in BUILT_IN if rules is None else rules:
        if rule.condition.holds(result, words):
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
        condition=parse_condition(entry),
    )


_DATA = Path(__file__).with_name("data") / "verdicts.toml"
BUILT_IN = load_verdicts()
