"""What the HTTP doors of a worker need: the APIs, and the tracked links.

Public: build_api, build_tracking.
"""

from __future__ import annotations

from posthouse.desk.probes import Probes, reach_of
from posthouse.doors.api.parts import ApiParts
from posthouse.doors.api.streams import Streams
from posthouse.doors.track import Tracking
from posthouse.net.lookup import Lookup
from posthouse.net.probe import Prober
from posthouse.net.zones import ZoneDatabase
from posthouse.pipeline.engage import Engagement
from posthouse.pipeline.visits import Visits
from posthouse.wiring.coming_in import ComingIn
from posthouse.wiring.going_out import GoingOut
from posthouse.wiring.ground import Ground


def build_api(ground: Ground, coming: ComingIn, out: GoingOut) -> ApiParts:
    """What calls and the pages of the dashboard are made of."""
    return ApiParts(
        settings=ground.settings,
        store=ground.store,
        clock=ground.clock,
        ids=ground.ids,
        installation=ground.installation,
        identity=ground.identity,
        intake=coming.intake,
        reader=coming.sessions.reader,
        budget=coming.sessions.budget,
        throttle=ground.throttle,
        last_uses=ground.last_uses,
        dispatcher=out.dispatcher,
        note_rejected=coming.rejections.note,
        streams=Streams(),
        probes=_probes(ground, out.resolver.lookup),
    )


def build_tracking(ground: Ground, visits: Visits) -> Tracking:
    """Who answers opens, clicks and unsubscribe links."""
    return Tracking(
        engagement=Engagement(store=ground.store, clock=ground.clock, ids=ground.ids),
        visits=visits,
        estate=ground.identity,
        zone_of=ZoneDatabase(ground.settings.tracking.zones).zone_of,
    )


def _probes(ground: Ground, lookup: Lookup) -> Probes:
    """The SMTP tester."""
    settings, clock = ground.settings, ground.clock
    prober = Prober(reach_of(settings), lookup, clock, settings.smtp.hostname, settings.delivery.tls_ca)
    return Probes(prober, settings, clock, ground.ids, ground.connections)
