"""Call back what is in memory and must not be sent any more: somebody came on a list, a batch was stopped.

What comes from the store is looked at when it is taken (`stops`); this looks at what waits in memory behind
a busy site, and at what is on its way and has not got to its content yet (F66). It costs nothing per letter:
whoever adds to a list that recipients and people fill, or stops a batch, raises a number in the store; when
it has changed, everything in memory is looked at, a thousand letters at once.

Lists that failures fill do not raise it: the second letter to an address that has just bounced does no harm,
and every failure would have everything looked at.

Public: Recall, RECALL_S.
"""

from __future__ import annotations

from posthouse.pipeline.custody import Custody
from posthouse.pipeline.stops import Stops, read_stops
from posthouse.store import versions
from posthouse.store.engine import Store

RECALL_S = 0.5
_AT_ONCE = 1_000


class Recall:
    """The chore of one worker."""

    def __init__(self, store: Store, custody: Custody) -> None:
        self._store = store
        self._custody = custody
        self._seen = -1
        self._looks_again = False

    async def look(self) -> int:
        """One look; how many deliveries were called back. Raises what the store raises."""
        number: int = await self._store.read(versions.stops_version)
        is_new = number != self._seen
        if not is_new and not self._looks_again:
            return 0
        called = await self._look_at_all()
        # once more at the next look: what was being taken or accepted this instant is in memory by then
        self._seen, self._looks_again = number, is_new
        return called

    async def _look_at_all(self) -> int:
        jobs = [job for job in self._custody.jobs() if job.letter and job.stop is None]
        called = 0
        for start in range(0, len(jobs), _AT_ONCE):
            part = jobs[start : start + _AT_ONCE]
            asked = [(job.letter.message, [job.delivery]) for job in part if job.letter]
            stops: Stops = await self._store.read(read_stops, asked)
            for job in part:
                assert job.letter is not None
                job.stop = stops.of(job.letter.message, job.delivery)
                called += job.stop is not None
        return called
