"""What an event counts as.

Public: metrics_of.
"""

from __future__ import annotations

from posthouse.model.event import Event


def metrics_of(event: Event) -> list[str]:
    """The words under which an event is counted, its kind first."""
    return [event.kind.value]
