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
from posthouse.doors.api.shown import bearer_key


class _Native:
    name = "native"
    endpoints = Endpoints((*ENDPOINTS, *about.ENDPOINTS))

    def secret(self, request: Request) -> str | None:
        return bearer_key(request)

    def phrase(self, problem: Problem, request: Request) -> Answer:
        return phrase(problem)

    def rate_headers(self, rate: Rate) -> dict[str, str]:
        return rate_headers(rate)


NATIVE = _Native()
