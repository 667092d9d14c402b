"""SendGrid's HTTP API: a Bearer key, errors as `{"errors": [{"message", "field", "help"}]}`.

Public: SENDGRID.
"""

from __future__ import annotations

from starlette.requests import Request

from posthouse.doors.api.answers import Answer, Problem, json_answer
from posthouse.doors.api.endpoints import Endpoints


class _SendGrid:
    name = "sendgrid"
    endpoints = Endpoints(())

    def secret(self, request: Request) -> str | None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            return None
        return key.strip() if scheme.lower() == "bearer" else ""

    def phrase(self, problem: Problem, request: Request) -> Answer:
        error = {"message": problem.text, "field": problem.field or None, "help": None}
        return json_answer({"errors": [error]}, problem.status)


SENDGRID = _SendGrid()
