"""Put addresses on lists by what became of their mail: at once when it fails, later when a bounce or a
complaint comes back, after days when it goes on failing.

Public: after_failure, put.
"""

from __future__ import annotations

from posthouse.model.message import Outcome, Verdict
from posthouse.model.suppression import Suppression
from posthouse.pipeline.letters import Job
from posthouse.rules.listing import listed
from posthouse.store import suppressions

put = suppressions.add_found
"""`put(conn, rows)`: what `rules.listing` found, in the event's transaction; the allow list is obeyed."""


def after_failure(job: Job, outcome: Outcome, at: float) -> list[Suppression]:
    """The rows that go with an outcome; none unless it is a final failure."""
    if outcome.verdict is not Verdict.FAILED or job.letter is None:
        return []
    return listed(
        job.letter.message,
        job.delivery,
        reason=outcome.reason,
        at=at,
        text=outcome.text,
        code=outcome.code,
        enhanced=outcome.enhanced,
    )
