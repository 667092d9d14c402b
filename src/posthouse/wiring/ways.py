"""Acceptance without a worker, for a command that sends a letter.

Public: LoneWays, build_ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from posthouse.config import Settings
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.installation import Installation
from posthouse.desk.limits import Allowances
from posthouse.doors.submission import Reader
from posthouse.model.clock import Clock, Ids
from posthouse.model.message import Delivery
from posthouse.observe import Counters
from posthouse.pipeline.blocks import Blocks
from posthouse.pipeline.letters import Job
from posthouse.pipeline.submit import Intake
from posthouse.store.engine import Store
from posthouse.wiring.coming_in import build_reader
from posthouse.wiring.ground import build_notices, shared_hosts


class _Nobody:
    """In place of a dispatcher: what is accepted waits in the store for the workers."""

    def admits(self, deliveries: Sequence[Delivery]) -> bool:
        return False

    def begin(self, jobs: Sequence[Job]) -> None:
        raise AssertionError("nothing is begun here")

    def wake(self) -> None:
        """Workers look by themselves."""


@dataclass(frozen=True, slots=True)
class LoneWays:
    """What a command needs that sends a letter (`doors.api.resending.Ways`)."""

    store: Store
    identity: IdentityView
    reader: Reader
    intake: Intake
    blocks: Blocks


def build_ways(settings: Settings, installation: Installation, store: Store, clock: Clock) -> LoneWays:
    """Accepts letters without a worker, under the same rules and limits; close the blocks after."""
    ids = Ids(clock)
    identity = IdentityView(installation, settings.region, shared_hosts(settings), clock)
    blocks = Blocks(store, clock)
    intake = Intake(
        store=store,
        clock=clock,
        ids=ids,
        hand_over=_Nobody(),
        worker_id="",
        expire_s=settings.delivery.expire_s,
        counters=Counters(),
        blocks=blocks,
        allowance_of=Allowances(identity, settings.policy.over_limit).of,
        notices=build_notices(settings, ids),
    )
    return LoneWays(store, identity, build_reader(settings, identity, clock, ids), intake, blocks)
