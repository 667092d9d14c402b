"""Our own HTTP API under `/posthouse/v1/`: a Bearer key, problems as RFC 9457 says.

Public: NATIVE.
"""

from __future__ import annotations

from starlette.requests import Request

from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.endpoints import Endpoints
from posthouse.doors.api.native import about
from posthouse.doors.api.native.problems import phrase
from posthouse.doors.api.native.table import ENDPOINTS
from posthouse.doors.api.rates import Rate, rate_headers


class _Native:
    name = "native"
    endpoints = Endpoints((*ENDPOINTS, *about.ENDPOINTS))

    def secret(self, request: Request) -> str | None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            return None
        return key.strip() if scheme.lower() == "bearer" else ""

    def phrase(self, problem: Problem, request: Request) -> Answer:
        return phrase(problem)

    def rate_headers(self, rate: Rate) -> dict[str, str]:
        return rate_headers(rate)


NATIVE = _Native()
