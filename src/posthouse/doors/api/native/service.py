"""Our own HTTP API under `/posthouse/v1/`: a Bearer key, problems as RFC 9457 says.

Public: NATIVE.
"""

from __future__ import annotations

from starlette.requests import Request

from posthouse.doors.api.answers import Answer, Problem, json_answer
from posthouse.doors.api.endpoints import Endpoints
from posthouse.doors.api.rates import Rate, rate_headers


class _Native:
    name = "native"
    endpoints = Endpoints(())

    def secret(self, request: Request) -> str | None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            return None
        return key.strip() if scheme.lower() == "bearer" else ""

    def phrase(self, problem: Problem, request: Request) -> Answer:
        told = {"type": f"about:blank#{problem.reason}", "title": problem.text, "status": problem.status}
        return json_answer(told, problem.status, {"Content-Type": "application/problem+json"})

    def rate_headers(self, rate: Rate) -> dict[str, str]:
        return rate_headers(rate)


NATIVE = _Native()
