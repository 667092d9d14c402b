"""What all parts of a worker stand on: its store and clock, who is known, and whether it may go on.

Public: Ground, build_ground, shared_hosts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from posthouse.config import Settings
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.installation import Installation
from posthouse.desk.last_use import LastUses
from posthouse.doors.throttle import Throttle
from posthouse.model.clock import Clock, Ids
from posthouse.net.board import Row
from posthouse.observe import Counters
from posthouse.pipeline.lease import Lease
from posthouse.pipeline.notices import Notices
from posthouse.store.engine import Store


@dataclass(frozen=True, slots=True)
class Ground:
    """`connections`: this worker's counts on the board of all workers of the machine."""

    settings: Settings
    store: Store
    clock: Clock
    ids: Ids
    counters: Counters
    worker_id: str
    connections: Row
    installation: Installation
    identity: IdentityView
    throttle: Throttle
    last_uses: LastUses
    lease: Lease
    notices: Notices


def build_ground(
    settings: Settings,
    store: Store,
    worker_id: str,
    declared_dead: Callable[[], None],
    connections: Row,
    clock: Clock,
) -> Ground:
    """Raises SettingsError when the installation's key cannot be read or made."""
    ids = Ids(clock)
    installation = Installation.load_or_make(settings.state_dir)
    return Ground(
        settings=settings,
        store=store,
        clock=clock,
        ids=ids,
        counters=Counters(),
        worker_id=worker_id,
        connections=connections,
        installation=installation,
        identity=IdentityView(installation, settings.region, shared_hosts(settings), clock),
        throttle=Throttle(clock, connections, most_held=max(1, settings.smtp.connections // 4)),
        last_uses=LastUses(store, clock),
        lease=Lease(store, clock, worker_id, declared_dead),
        notices=build_notices(settings, ids),
    )


def build_notices(settings: Settings, ids: Ids) -> Notices:
    """Failure reports to senders."""
    return Notices(ids=ids, hostname=settings.smtp.hostname, mode=settings.delivery.bounce_mail)


def shared_hosts(settings: Settings) -> frozenset[str]:
    """Names of the installation itself: those of its own links, pages and greeting."""
    names = (settings.smtp.hostname, urlsplit(settings.tracking.url).hostname)
    return frozenset(name.lower() for name in names if name)
