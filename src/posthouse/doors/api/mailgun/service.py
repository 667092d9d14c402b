"""Mailgun's HTTP API: HTTP Basic with the user `api`, errors as `{"message": …}`.

Public: MAILGUN.
"""

from __future__ import annotations

from base64 import b64decode

from starlette.requests import Request

from posthouse.doors.api.answers import Answer, Problem, json_answer, text_answer
from posthouse.doors.api.endpoints import Endpoints

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="MG API"'}


class _Mailgun:
    name = "mailgun"
    endpoints = Endpoints(())

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
        if problem.status == 401:
            return text_answer("Forbidden", 401, _CHALLENGE)
        return json_answer({"message": problem.text}, problem.status)


MAILGUN = _Mailgun()
