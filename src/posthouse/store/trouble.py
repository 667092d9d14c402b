"""What can be wrong with a store, and what that means for whoever waits for it.

An engine's error is one of five troubles. `DATA` is the job's own fault and is raised as it is. `CLASH` and
`LOST` happen before anything was committed and are worth one more run. `AWAY` and `FULL` become `TryLater`:
451 4.3.0 and 452 4.3.1 (RFC 3463 3.4: other mail system status, mail system full).
"""

from __future__ import annotations

from enum import Enum

from posthouse.model.errors import CommitInDoubt, TryLater


class Trouble(Enum):
    """What an engine's error means."""

    DATA = "data"  # this statement or these values; another job would have passed
    CLASH = "clash"  # rolled back because of another transaction; run it again
    LOST = "lost"  # the connection broke before the commit; run it again on a new one
    AWAY = "away"  # the store cannot be used now
    FULL = "full"  # no space


class StoreError(Exception):
    """The store cannot be opened or asked like this; the text is for the operator and says what to do."""


class Duplicate(StoreError):
    """The name is taken."""


class Unavailable(Exception):
    """A connection could not be opened or used; carries the trouble, `__cause__` the engine's error."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


def cause_of(error: BaseException) -> str:
    """One line for the log: what the engine said, behind whatever it was wrapped in."""
    while isinstance(error, Unavailable | CommitInDoubt) and error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def refusal(trouble: Trouble) -> TryLater:
    """The public answer while `trouble` lasts."""
    if trouble is Trouble.FULL:
        return TryLater(452, "4.3.1", "The mail store is full, please try again later", reason="store-full")
    return TryLater(
        451, "4.3.0", "The mail store is not available, please try again later", reason="store-away"
    )
