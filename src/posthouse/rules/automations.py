"""What a site's reply leads to: sending less, nothing for a while, or from another of our addresses.

An `Automation` is data (`data/automations.toml`, an operator's file over it): a condition in the words of
`rules.matching`, how often it must be met, and what follows. The first one whose condition holds decides.
What follows is a `Rest`: it holds for a time that doubles when the same comes again within a day, and while
it holds no second one of its kind is added: ten conversations that hear the same reply are one reason.

Public: Automation, Tally, parse_automation, find_automation, next_rest, slowed.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posthouse.model.message import SmtpResult
from posthouse.model.site import AVOID, KINDS, SLOW, Rest, shown
from posthouse.rules.matching import CONDITION_KEYS, Condition, parse_condition, strings, words_of
from posthouse.rules.site_limits import Limits

NONE = "none"
FORGET_S = 86400.0
LONGEST_S = 7 * 86400.0
_MOST_KEYS = 10_000
_NUMBERS: dict[str, tuple[type, float, float]] = {
    "after": (int, 1, 1000),
    "within_s": (float, 1, 86400),
    "for_s": (float, 1, LONGEST_S),
    "longest_s": (float, 1, LONGEST_S),
    "connections": (int, 1, 100_000),
    "messages_per_second": (float, 0.001, 100_000),
}


@dataclass(frozen=True, slots=True)
class Automation:
    """When `condition` holds (and the verdict's reason is one of `reasons`, if any) `after` times within
    `within_s` seconds, `action` follows for `for_s` seconds, in repetition at most `longest_s`. `connections`
    and `messages_per_second` are what SLOW leaves, 0: unchanged. Counted per worker, site and, for AVOID, our
    address."""

    name: str
    action: str
    condition: Condition
    reasons: frozenset[str] = frozenset()
    after: int = 1
    within_s: float = 600.0
    for_s: float = 900.0
    longest_s: float = 14400.0
    connections: int = 0
    messages_per_second: float = 0.0

    def holds(self, result: SmtpResult, reason: str, words: str) -> bool:
        return (not self.reasons or reason in self.reasons) and self.condition.holds(result, words)


def find_automation(automations: Iterable[Automation], result: SmtpResult, reason: str) -> Automation | None:
    """The first one that the result of an attempt asks for; `reason` is the verdict's word."""
    words = words_of(result.text)
    for automation in automations:
        if automation.holds(result, reason, words):
            return automation if automation.action != NONE else None
    return None


def next_rest(
    automation: Automation, site: str, source: str, held: Rest | None, result: SmtpResult, now: float
) -> Rest | None:
    """What follows when an automation has been met often enough; None: one of its kind holds already.

    `held`: the last one of this kind about the same, over or not.
    """
    times = 1
    if held is not None:
        if now < held.until:
            return None
        if held.automation and now < held.until + FORGET_S:
            times = held.times + 1
    span_s = min(automation.for_s * 2.0 ** min(times - 1, 20), automation.longest_s)
    said = " ".join(part for part in (str(result.code or ""), result.enhanced, result.text) if part)
    return Rest(
        site=site,
        kind=automation.action,
        source=source if automation.action == AVOID else "",
        until=now + span_s,
        set_at=now,
        reason=shown(said),
        automation=automation.name,
        times=times,
        connections=automation.connections,
        messages_per_second=automation.messages_per_second,
    )


def slowed(limits: Limits, rests: Iterable[Rest]) -> Limits:
    """The limits with every SLOW among `rests` applied: never more than before."""
    for rest in rests:
        if rest.kind != SLOW:
            continue
        connections = min(limits.connections, rest.connections or limits.connections)
        rates = [rate for rate in (limits.messages_per_second, rest.messages_per_second) if rate]
        limits = dataclasses.replace(
            limits,
            connections=connections,
            first_connections=min(limits.first_connections, connections),
            messages_per_second=min(rates, default=0.0),
        )
    return limits


class Tally:
    """How often each automation was met lately; bounded, the oldest are forgotten first."""

    def __init__(self) -> None:
        self._met: dict[tuple[str, str, str], deque[float]] = {}

    def is_reached(self, automation: Automation, site: str, source: str, now: float) -> bool:
        """Once more, now: is that `after` times within `within_s`? Then counting begins anew."""
        if automation.after <= 1:
            return True
        key = (automation.name, site, source if automation.action == AVOID else "")
        met = self._met.pop(key, None) or deque()
        met.append(now)
        while met[0] < now - automation.within_s:
            met.popleft()
        if len(met) >= automation.after:
            return True
        if len(self._met) >= _MOST_KEYS:
            del self._met[next(iter(self._met))]
        self._met[key] = met
        return False


_KEYS = CONDITION_KEYS | _NUMBERS.keys() | {"name", "action", "reason"}


def parse_automation(entry: Mapping[str, Any]) -> Automation:
    """An [[automation]] table. Raises ValueError: what is wrong."""
    unknown = sorted(set(entry) - _KEYS)
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}; allowed are {', '.join(sorted(_KEYS))}")
    name, action = entry.get("name"), entry.get("action")
    if not isinstance(name, str) or not name or len(name) > 60 or not name.isprintable():
        raise ValueError("name must be a text of 1 to 60 characters")
    if action not in (*KINDS, NONE):
        raise ValueError(f"action must be one of {', '.join((*KINDS, NONE))}")
    condition, reasons = parse_condition(entry), frozenset(strings(entry, "reason"))
    if action != NONE and condition == Condition() and not reasons:
        raise ValueError("it names no condition, so every failure would lead to it")
    numbers = {key: _number(key, entry[key]) for key in _NUMBERS if key in entry}
    if action == SLOW and not numbers.keys() & {"connections", "messages_per_second"}:
        raise ValueError("slow needs connections or messages_per_second")
    if action != SLOW and numbers.keys() & {"connections", "messages_per_second"}:
        raise ValueError(f"connections and messages_per_second belong to slow, not to {action}")
    made = Automation(name, action, condition, reasons, **numbers)
    return dataclasses.replace(made, longest_s=max(made.longest_s, made.for_s))


def _number(key: str, value: Any) -> Any:
    kind, least, most = _NUMBERS[key]
    kinds = (int, float) if kind is float else (int,)
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        raise ValueError(f"{key} must be a number from {least:g} to {most:g}")
    return value


def joined(over: Sequence[Automation], under: Sequence[Automation]) -> tuple[Automation, ...]:
    """`over` first; of `under` only those whose names are not taken."""
    taken = {automation.name for automation in over}
    return (*over, *(automation for automation in under if automation.name not in taken))
