"""Mailgun's HTTP API: HTTP Basic with the user `api`, errors as `{"message": …}`.

Public: MAILGUN.
"""

from __future__ import annotations

from starlette.requests import Request

from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.endpoints import Endpoints
from posthouse.doors.api.mailgun import (
    analytics,
    analytics_tags,
    bounce_metrics,
    events,
    logs,
    management,
    messages,
    queue,
    stats,
    stored,
    tags,
)
from posthouse.doors.api.mailgun.phrases import phrase
from posthouse.doors.api.rates import Rate, rate_headers
from posthouse.doors.api.shown import basic_pair, field_of, scheme_and_key

_ON_BEHALF = b"x-mailgun-on-behalf-of"


class _Mailgun:
    name = "mailgun"
    endpoints = Endpoints(
        (
            *messages.ENDPOINTS,
            *events.ENDPOINTS,
            *stored.ENDPOINTS,
            *queue.ENDPOINTS,
            *stats.ENDPOINTS,
            *tags.ENDPOINTS,
            *analytics.ENDPOINTS,
            *analytics_tags.ENDPOINTS,
            *logs.ENDPOINTS,
            *bounce_metrics.ENDPOINTS,
            *management.ENDPOINTS,
        )
    )

    def secret(self, request: Request) -> str | None:
        """Raises Problem for a call in the name of a subaccount: what is meant for one must not happen to the
        account itself."""
        if field_of(request, _ON_BEHALF).strip():
            text = "Posthouse has no subaccounts: call without the header X-Mailgun-On-Behalf-Of"
            raise Problem(404, "no-account", text)
        scheme, shown = scheme_and_key(request)
        if not scheme:
            return None
        user, key = basic_pair(shown)
        return key if scheme == "basic" and user == "api" else ""

    def phrase(self, problem: Problem, request: Request) -> Answer:
        return phrase(problem, request)

    def rate_headers(self, rate: Rate) -> dict[str, str]:
        # milliseconds (observed)
        return rate_headers(rate, per_s=1000)


MAILGUN = _Mailgun()
