"""Failures as Mailgun classifies them: what each means for the sender, and the counts that follow.

Critical are blocks for reputation, content, authentication or a blocklist (documented in words). Its own
rules are not public: ours follow the reasons of `rules.verdict`. A group is such a reason here.

Public: DIMENSIONS, OF_FAILURES, COUNTS, RATES, DELIVERED, word_of, metrics_of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from posthouse.dialects.event_values import Facts
from posthouse.dialects.mailgun.event_fields import provider_of
from posthouse.model.event import EventKind
from posthouse.rules.bounces import HARD_REASONS

_CRITICAL = frozenset(
    {"policy-block", "spam-content", "content-rejected", "unauthenticated", "sender-rejected"}
)
_FINAL = frozenset({EventKind.FAILED, EventKind.BOUNCED})
DELIVERED = "delivered_smtp_count"
_FAILURES = (
    "critical_bounce_count",
    "non_critical_bounce_count",
    "critical_delay_count",
    "non_critical_delay_count",
)
_ALL_FAILURES = "classified_failures_count"
COUNTS = (*_FAILURES, DELIVERED, _ALL_FAILURES)
RATES = {name.replace("_count", "_rate"): name for name in _FAILURES}
"""Rate -> what it is a rate of the deliveries of, in percent; so the documented example has it."""


def _is_critical(facts: Facts) -> bool:
    return facts.reason in _CRITICAL


def word_of(facts: Facts) -> str:
    """The count that a failure adds to."""
    what = "bounce" if facts.kind in _FINAL else "delay"
    return f"{'critical' if _is_critical(facts) else 'non_critical'}_{what}_count"


def metrics_of(counts: Mapping[str, int], names: Sequence[str]) -> dict[str, float]:
    """Counts and rates by their names. Without any delivery a rate is 0."""
    found: dict[str, float] = {name: counts.get(name, 0) for name in (*_FAILURES, DELIVERED)}
    found[_ALL_FAILURES] = sum(counts.get(name, 0) for name in _FAILURES)
    delivered = counts.get(DELIVERED, 0)
    for rate, name in RATES.items():
        found[rate] = round(100 * counts.get(name, 0) / delivered, 2) if delivered else 0
    return {name: found[name] for name in names}


# What is counted by

_CATEGORIES = dict.fromkeys(HARD_REASONS, "BOUNCE") | dict.fromkeys(_CRITICAL, "ESPBLOCK")


def _category(facts: Facts) -> str:
    """Documented are BOUNCE, GENERIC, GREYLISTED and ESPBLOCK."""
    return "GREYLISTED" if facts.reason == "greylisted" else _CATEGORIES.get(facts.reason, "GENERIC")


def _only(value_of: Callable[[Facts], str]) -> Callable[[Facts], list[str]]:
    return lambda facts: [value_of(facts)]


DIMENSIONS: Mapping[str, Callable[[Facts], list[str]]] = {
    "entity-name": _only(provider_of),
    "domain.name": _only(lambda facts: facts.event.domain),
    "envelope.sending-ip": _only(lambda facts: facts.text("source")),
    "account.name": _only(lambda facts: ""),  # a subaccount's
    "tags": _only(lambda facts: ", ".join(facts.tags)),
    "tag": lambda facts: facts.tags or [""],
    "recipient-domain": _only(lambda facts: facts.recipient_domain),
    "group-id": _only(lambda facts: facts.reason),
    "criticality": _only(lambda facts: "CRITICAL" if _is_critical(facts) else "NON-CRITICAL"),
    "severity": _only(lambda facts: "PERMANENT" if facts.kind in _FINAL else "TEMPORARY"),
    "category": _only(_category),
}
"""Name -> the values of an event."""
OF_FAILURES = frozenset({"group-id", "criticality", "severity", "category"})
"""Of these what no delivery has."""
