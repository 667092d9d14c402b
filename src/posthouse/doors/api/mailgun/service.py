"""Mailgun's HTTP API: HTTP Basic with the user `api`, errors as `{"message": …}`.

Public: MAILGUN.
"""

from __future__ import annotations

from base64 import b64decode

from starlette.requests import Request

from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.endpoints import Endpoints
from posthouse.doors.api.mailgun import (
    analytics,
    analytics_tags,
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
            *management.ENDPOINTS,
        )
    )

    def secret(self, request: Request) -> str | None:
        scheme, _, written = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            return None
        try:
            user, _, key = b64decode(written, validate=True).decode().partition(":")
        except ValueError:
            return ""
        return key if scheme.lower() == "basic" and user == "api" else ""

    def phrase(self, problem: Problem, request: Request) -> Answer:
        return phrase(problem, request)

    def rate_headers(self, rate: Rate) -> dict[str, str]:
        # milliseconds (observed)
        return rate_headers(rate, per_s=1000)


MAILGUN = _Mailgun()
