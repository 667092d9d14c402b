"""What to look for in the event log.

Public: EventQuery.
"""

from __future__ import annotations

from dataclasses import dataclass

from posthouse.model.event import EventKind
from posthouse.store.rows import metadata_label, recipient_domain_label, tag_label


@dataclass(frozen=True, slots=True)
class EventQuery:
    """What to look for; empty fields do not restrict. Of `kinds` an event has one; of `tags` and `metadata`
    (key and value) it has all.

    `since` and `until` are instants, the second one excluded; what counts is when the event was written to
    the log. `after_id` continues where the last page ended, in the direction of the order.
    `recipient` is matched as it is written, the domains and tags in any case.
    """

    message_id: str = ""
    recipient: str = ""
    kinds: tuple[EventKind, ...] = ()
    after_id: str = ""
    limit: int = 100
    newest_first: bool = False
    account_id: str = ""
    recipient_domain: str = ""
    domain: str = ""
    tags: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    since: float | None = None
    until: float | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """What it must find in `event_label`."""
        found = [tag_label(tag) for tag in self.tags]
        found += [metadata_label(key, value) for key, value in self.metadata]
        if self.recipient_domain:
            found.append(recipient_domain_label(self.recipient_domain))
        return tuple(dict.fromkeys(found))
