"""What Mailgun counts, made of our counters: its statistics (v3) and its metrics (v1).

Public: STATS, METRICS, RATES, WORDS, metric_of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Counts = Mapping[str, int]
"""Our words (docs/statistics.md) and how often; a word that is not there is 0."""


def _sum(*words: str) -> Callable[[Counts], int]:
    return lambda counts: sum(counts.get(word, 0) for word in words)


_accepted, _delivered, _failed = _sum("accepted"), _sum("delivered"), _sum("failed", "bounced", "dropped")
_suppressed_bounces = _sum("dropped.bounce", "dropped.invalid")


def _failures(counts: Counts) -> dict[str, Any]:
    one = counts.get
    return {
        "temporary": {"espblock": one("deferred.block", 0), "total": one("deferred", 0)},
        "permanent": {
            "bounce": one("failed", 0),
            "delayed-bounce": one("bounced", 0),
            "suppress-bounce": _suppressed_bounces(counts),
            "suppress-unsubscribe": one("dropped.unsubscribe", 0),
            "suppress-complaint": one("dropped.complaint", 0),
            "optimized": 0,
            "webhook": 0,
            "total": _failed(counts),
        },
    }


def _with_unique(word: str) -> Callable[[Counts], dict[str, int]]:
    return lambda counts: {"total": counts.get(word, 0), "unique": counts.get(f"{word}.unique", 0)}


def _total(word: str) -> Callable[[Counts], dict[str, int]]:
    return lambda counts: {"total": counts.get(word, 0)}


STATS: dict[str, Callable[[Counts], dict[str, Any]]] = {
    "accepted": lambda counts: {
        "incoming": 0,
        "outgoing": _accepted(counts),
        "total": _accepted(counts),
    },
    "delivered": lambda counts: {
        "smtp": _delivered(counts),
        "http": 0,
        "optimized": 0,
        "total": _delivered(counts),
    },
    "failed": _failures,
    "opened": _with_unique("opened"),
    "clicked": _with_unique("clicked"),
    "unsubscribed": _total("unsubscribed"),
    "complained": _total("complained"),
    "stored": _total("stored"),
}
"""Name of an event -> what a bucket says about it (mailgun.md 5.8)."""

_processed = _sum("delivered", "failed", "bounced", "dropped")
_sent = _sum("delivered", "failed", "bounced")
_none = _sum()
_bounced, _bounced_hard = _sum("failed", "bounced"), _sum("failed.hard", "bounced.hard")


def _delivered_later(counts: Counts) -> int:
    return _delivered(counts) - counts.get("delivered.first", 0)


METRICS: dict[str, Callable[[Counts], int]] = {
    "accepted_incoming_count": _none,
    "accepted_outgoing_count": _accepted,
    "accepted_count": _accepted,
    "delivered_smtp_count": _delivered,
    "delivered_http_count": _none,
    "delivered_optimized_count": _none,
    "delivered_count": _delivered,
    "stored_count": _sum("stored"),
    "processed_count": _processed,
    "sent_count": _sent,
    "opened_count": _sum("opened"),
    "clicked_count": _sum("clicked"),
    "unique_opened_count": _sum("opened.unique"),
    "unique_clicked_count": _sum("clicked.unique"),
    "unsubscribed_count": _sum("unsubscribed"),
    "complained_count": _sum("complained"),
    "failed_count": _sum("deferred", "failed", "bounced", "dropped"),
    "temporary_failed_count": _sum("deferred"),
    "permanent_failed_count": _failed,
    "temporary_failed_esp_block_count": _sum("deferred.block"),
    "permanent_failed_esp_block_count": _none,
    "rate_limit_count": _sum("deferred.rate"),
    "webhook_count": _none,
    "permanent_failed_optimized_count": _none,
    "permanent_failed_old_count": _sum("failed.expired"),
    "bounced_count": _bounced,
    "hard_bounces_count": _bounced_hard,
    "soft_bounces_count": lambda counts: _bounced(counts) - _bounced_hard(counts),
    "delayed_bounce_count": _sum("bounced"),
    "suppressed_bounces_count": _suppressed_bounces,
    "suppressed_unsubscribed_count": _sum("dropped.unsubscribe"),
    "suppressed_complaints_count": _sum("dropped.complaint"),
    "delivered_first_attempt_count": _sum("delivered.first"),
    "delayed_first_attempt_count": _sum("deferred.first"),
    "delivered_subsequent_count": _delivered_later,
    "delivered_two_plus_attempts_count": _delivered_later,
}
RATES: dict[str, tuple[Callable[[Counts], int], Callable[[Counts], int]]] = {
    "delivered_rate": (_delivered, _processed),
    "opened_rate": (_sum("opened"), _delivered),
    "clicked_rate": (_sum("clicked"), _delivered),
    "unique_opened_rate": (_sum("opened.unique"), _delivered),
    "unique_clicked_rate": (_sum("clicked.unique"), _delivered),
    "unsubscribed_rate": (_sum("unsubscribed"), _delivered),
    "complained_rate": (_sum("complained"), _delivered),
    "bounce_rate": (_bounced, _processed),
    "fail_rate": (_failed, _processed),
    "permanent_fail_rate": (_failed, _processed),
    "temporary_fail_rate": (_sum("deferred"), _accepted),
    "delayed_rate": (_sum("deferred.first"), _accepted),
}
"""Name -> what is counted of what; which share a rate is of is our reading, the service does not say."""

WORDS = (
    "accepted", "delivered", "delivered.first", "stored", "opened", "opened.unique", "clicked",
    "clicked.unique", "unsubscribed", "complained", "deferred", "deferred.first", "deferred.block",
    "deferred.rate", "failed", "failed.hard", "failed.expired", "bounced", "bounced.hard", "dropped",
    "dropped.bounce", "dropped.invalid", "dropped.unsubscribe", "dropped.complaint",
)  # fmt: skip
"""All words of ours that are used here."""


def metric_of(name: str, counts: Counts) -> int | str:
    """A count, or a rate as the service writes it: a text of four digits. Raises KeyError."""
    if name in METRICS:
        return METRICS[name](counts)
    part, whole = (of(counts) for of in RATES[name])
    return f"{part / whole if whole else 0:.4f}"
