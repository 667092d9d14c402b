"""The services whose HTTP APIs there are, behind one door.

Public: SERVICES, api_door, api_away.
"""

from __future__ import annotations

from starlette.types import ASGIApp

from posthouse.doors.api.mailgun.service import MAILGUN
from posthouse.doors.api.mailpace.service import MAILPACE
from posthouse.doors.api.native.service import NATIVE
from posthouse.doors.api.parts import ApiParts
from posthouse.doors.api.rates import CallRates
from posthouse.doors.api.sendgrid.service import SENDGRID
from posthouse.doors.api.service import AwayApp, Service, ServiceApp
from posthouse.doors.api.split import ApiSplit

SERVICES: tuple[Service, ...] = (MAILGUN, SENDGRID, MAILPACE, NATIVE)


def api_door(parts: ApiParts, rest: ASGIApp) -> ApiSplit:
    """The HTTP APIs of all services, and `rest` where the path is none of theirs."""
    rates = CallRates(parts.clock, parts.settings.http.calls_per_minute)
    return ApiSplit({service.name: ServiceApp(service, parts, rates) for service in SERVICES}, rest)


def api_away(parts: ApiParts, rest: ASGIApp) -> ApiSplit:
    """The same while this worker waits for its store: each service says so in its own words."""
    rates = CallRates(parts.clock, 0)
    return ApiSplit({service.name: AwayApp(service, parts, rates) for service in SERVICES}, rest)
