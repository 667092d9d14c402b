"""MailPace's HTTP API: the domain's token in a header of its own, errors as `{"error": …}`.

Public: MAILPACE.
"""

from __future__ import annotations

from starlette.requests import Request

from posthouse.doors.api.answers import Answer, Problem, json_answer
from posthouse.doors.api.endpoints import Endpoints
from posthouse.doors.api.rates import Rate, rate_headers


class _MailPace:
    name = "mailpace"
    endpoints = Endpoints(())

    def secret(self, request: Request) -> str | None:
        return request.headers.get("mailpace-server-token", "").strip() or None

    def phrase(self, problem: Problem, request: Request) -> Answer:
        return json_answer({"error": problem.text}, problem.status)

    def rate_headers(self, rate: Rate) -> dict[str, str]:
        return rate_headers(rate)


MAILPACE = _MailPace()
