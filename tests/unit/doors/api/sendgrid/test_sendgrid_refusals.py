"""doors.api.sendgrid: who is turned away at the rim, in the service's words (sendgrid.md 3.1)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from posthouse.doors.api.answers import Problem
from posthouse.doors.api.sendgrid.phrases import fragment
from posthouse.doors.api.sendgrid.service import SENDGRID
from unit.doors.api.calling import Api

SEND, PROFILE = "/v3/mail/send", "/v3/nothing/here"
REVOKED = "The provided authorization grant is invalid, expired, or revoked"
WRONG = "Permission denied, wrong credentials"


class _Request:
    def __init__(self, path: str, authorization: str = "") -> None:
        self.url = type("URL", (), {"path": path})
        self.headers = {"authorization": authorization}
        self.scope = {"headers": [(b"authorization", authorization.encode())] if authorization else []}


def _phrased(problem: Problem, path: str = "/v3/templates", authorization: str = "") -> tuple[int, Any]:
    import json

    answer = SENDGRID.phrase(problem, _Request(path, authorization))  # type: ignore[arg-type]
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize(
    ("authorization", "text"),
    [
        ("Bearer SG.unknown", REVOKED),
        ("bearer x", REVOKED),
        ("Bearer ", WRONG),
        ("Token SG.x", WRONG),
        ("SG.x", WRONG),
    ],
)
def test_a_bad_key_is_told_by_what_is_wrong_with_it(authorization: str, text: str) -> None:
    problem = Problem(401, "bad-credentials", "ours")
    status, body = _phrased(problem, SEND, authorization)
    assert (status, body) == (401, {"errors": [{"message": text, "field": None, "help": None}]})


@pytest.mark.parametrize(
    ("problem", "status", "message", "field"),
    [
        (Problem(401, "no-credentials", "x"), 401, "authorization required", None),
        (Problem(403, "no-permission", "x"), 403, "access forbidden", None),
        (Problem(404, "no-path", "x"), 404, "not found", None),
        (Problem(404, "no-template", "x"), 404, "resource not found", None),
        (Problem(405, "bad-method", "x"), 405, "method not allowed", None),
        (Problem(413, "too-large", "x"), 413, "content too large", None),
        (Problem(415, "bad-type", "x"), 415, "Content-Type should be application/json.", None),
        (Problem(429, "too-many-calls", "x"), 429, "too many requests", None),
        (Problem(429, "rate-limit", "x", retry_s=30), 429, "too many requests", None),
        (Problem(429, "rate-limit", "x", retry_s=40_000), 401, "Maximum credits exceeded", None),
        (Problem(500, "broken", "x"), 500, "internal server error", None),
        (Problem(400, "bad-json", "x"), 400, "Bad Request", None),
        (Problem(400, "bad-name", "The name is too long", field="name"), 400, "The name is too long", "name"),
    ],
)
def test_problems_are_said_in_the_services_words(
    problem: Problem, status: int, message: str, field: str | None
) -> None:
    assert _phrased(problem) == (status, {"errors": [{"message": message, "field": field}]})


def test_the_second_version_says_errors_as_a_list_of_texts() -> None:
    problem = Problem(403, "no-permission", "x")
    assert _phrased(problem, "/api/mail.send.json") == (
        403,
        {"message": "error", "errors": ["Authenticated user is not authorized to send mail"]},
    )


def test_help_names_a_field_without_its_places() -> None:
    assert fragment("personalizations.0.to.12.email") == "message.personalizations.to.email"
    assert fragment("from") == "message.from"


@pytest.mark.parametrize(("scheme", "is_known"), [("apikey", True), ("APIKEY", True), ("api", False)])
async def test_basic_works_in_the_second_version_only(api: Api, scheme: str, is_known: bool) -> None:
    shown = base64.b64encode(f"{scheme}:{api.full.secret}".encode()).decode()
    for path in ("/api/mail.send.json", "/v3/mail/send"):
        request: Any = _Request(path, f"Basic {shown}")
        expected = api.full.secret if is_known and path.startswith("/api") else ""
        assert SENDGRID.secret(request) == expected
