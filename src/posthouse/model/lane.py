"""The name of a lane: "account|recipient-domain|class".

A lane is what shares one fate (the receiving domain), one owner and one place in the fair choice. A million
messages held back by one domain are one lane. What a spam scanner looks at first has lanes of its own, for it
shares the scanner's fate too. The account stands first, so that its lanes lie side by side in an index.

Public: lane_of, lane_parts, lanes_between, is_batch, is_scanned.
"""

from __future__ import annotations

SINGLE = "single"
BATCH = "batch"
SCANNED = "-scanned"  # what the class of such mail ends with


def lane_of(domain: str, account_id: str, is_batch: bool, is_scanned: bool = False) -> str:
    """The lane of a delivery. `domain` is a lower-case A-label name or a literal: never with a bar in it."""
    return f"{account_id}|{domain}|{BATCH if is_batch else SINGLE}{SCANNED if is_scanned else ''}"


def lane_parts(lane: str) -> tuple[str, str, str]:
    """The reverse of `lane_of`: (account id, domain, class). Raises ValueError for anything else."""
    account_id, domain, kind = lane.split("|")
    return account_id, domain, kind


def lanes_between(account_id: str, domain: str = "") -> tuple[str, str]:
    """Two names between which an account's lanes lie, and no others: all of them, or those of one domain."""
    start = f"{account_id}|{domain}|" if domain else f"{account_id}|"
    return start, start[:-1] + "}"  # which follows the bar


def is_batch(lane: str) -> bool:
    """Of mail to more than one recipient? Raises ValueError for what is no lane."""
    return lane_parts(lane)[2].removesuffix(SCANNED) == BATCH


def is_scanned(lane: str) -> bool:
    """Of mail that a spam scanner looks at first?"""
    return lane.endswith(SCANNED)
