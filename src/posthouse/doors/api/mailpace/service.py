"""MailPace's HTTP API: the domain's token in a header of its own, errors as `{"error": …}`.

Public: MAILPACE.
"""

from __future__ import annotations

from starlette.requests import Request

from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.endpoints import Endpoints
from posthouse.doors.api.mailpace import sending
from posthouse.doors.api.mailpace.answers import phrased
from posthouse.doors.api.rates import Rate, rate_headers

# the second: the service's name until 2022, still in examples
_HEADERS = ("mailpace-server-token", "ohmysmtp-server-token")


class _MailPace:
    name = "mailpace"
    endpoints = Endpoints(sending.ENDPOINTS)

    def secret(self, request: Request) -> str | None:
        shown = (request.headers.get(name, "").strip() for name in _HEADERS)
        return next((token for token in shown if token), None)

    def phrase(self, problem: Problem, request: Request) -> Answer:
        return phrased(problem)

    def rate_headers(self, rate: Rate) -> dict[str, str]:
        return rate_headers(rate)


MAILPACE = _MailPace()
