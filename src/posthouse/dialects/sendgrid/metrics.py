"""What SendGrid counts, made of our counters (sendgrid.md 3.13, docs/statistics.md).

Public: METRICS, OF_PROVIDERS, OF_READERS, WORDS, Counts, Metric.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Counts = Mapping[str, int]
"""Our words and how often; a word that is not there is 0."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure: our words that make it up, less the words of `minus`."""

    plus: tuple[str, ...]
    minus: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        return self.plus + self.minus

    def of(self, counts: Counts) -> int:
        """Never below 0: what came in on one day may be dropped on another."""
        more = sum(counts.get(word, 0) for word in self.plus)
        return max(0, more - sum(counts.get(word, 0) for word in self.minus))


_HARD = ("failed.hard", "bounced.hard")
METRICS: dict[str, Metric] = {
    # an event says `blocked` for each failure that is not the address's fault: so do the counts
    "blocks": Metric(("failed", "bounced"), _HARD),
    "bounce_drops": Metric(("dropped.bounce",)),
    "bounces": Metric(_HARD),
    "clicks": Metric(("clicked",)),
    "deferred": Metric(("deferred",)),
    "delivered": Metric(("delivered",)),
    "invalid_emails": Metric(("dropped.invalid",)),
    "opens": Metric(("opened",)),
    "processed": Metric(("accepted",), ("dropped",)),
    "requests": Metric(("accepted",)),
    "spam_report_drops": Metric(("dropped.complaint",)),
    "spam_reports": Metric(("complained",)),
    "unique_clicks": Metric(("clicked.unique",)),
    "unique_opens": Metric(("opened.unique",)),
    "unsubscribe_drops": Metric(("dropped.unsubscribe",)),
    "unsubscribes": Metric(("unsubscribed",)),
}
"""Name of a figure -> how it is made."""

OF_READERS = ("clicks", "opens", "unique_clicks", "unique_opens")
OF_PROVIDERS = (
    "blocks",
    "bounces",
    "clicks",
    "deferred",
    "delivered",
    "drops",
    "opens",
    "spam_reports",
    "unique_clicks",
    "unique_opens",
)
"""The figures of a program, device or place of readers, and those of a mailbox provider."""

WORDS = tuple(dict.fromkeys(word for metric in METRICS.values() for word in metric.words))
"""All words of ours that are used here."""
