"""What Mailgun's API says when a call cannot be done."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.requests import Request

from posthouse.doors.api.answers import Problem
from posthouse.doors.api.mailgun.phrases import phrase

NO_KEY = Problem(401, "no-credentials", "The request shows no key")
BAD_KEY = Problem(401, "bad-credentials", "This key is not valid")
NO_PATH = Problem(404, "no-path", "There is no such address here")
NO_DOMAIN = Problem(404, "no-domain", "Domain not found: mg.example.com", field="domain")
TOO_MANY = Problem(429, "too-many-calls", "too many requests", retry_s=17.4)

CASES: dict[str, tuple[Problem, str, int, Any]] = {
    "a sending call without a key": (NO_KEY, "/v3/mg.example.com/messages", 401, "Forbidden"),
    "a MIME call with a bad key": (BAD_KEY, "/v3/mg.example.com/messages.mime", 401, "Forbidden"),
    "another call with a bad key": (BAD_KEY, "/v3/domains", 401, {"message": "Invalid private key"}),
    "a stored message with a bad key": (
        BAD_KEY,
        "/v3/domains/mg.example.com/messages/AwAB",
        401,
        {"message": "Invalid private key"},
    ),
    "an unknown path": (
        NO_PATH,
        "/v4/inbox/tests",
        404,
        {"message": "Not Found: there is no GET /v4/inbox/tests here"},
    ),
    "mail of an unknown domain": (
        NO_DOMAIN,
        "/v3/mg.example.com/messages",
        404,
        {"message": "Domain not found: mg.example.com"},
    ),
    "an unknown domain": (NO_DOMAIN, "/v3/domains/mg.example.com", 404, {"message": "Domain not found"}),
    "templates of an unknown domain": (
        NO_DOMAIN,
        "/v3/mg.example.com/templates",
        404,
        {"message": "domain not found"},
    ),
    "keys of an unknown domain that should rotate": (
        NO_DOMAIN,
        "/v1/dkim_management/domains/mg.example.com/rotate",
        404,
        {"message": "Domain not found", "Description": "domain not found"},
    ),
    "a call too many": (
        TOO_MANY,
        "/v3/domains",
        429,
        {"message": "too many requests", "retry-seconds": 17},
    ),
}


@pytest.mark.parametrize(("problem", "path", "status", "body"), CASES.values(), ids=CASES)
def test_a_problem_is_said_in_mailguns_words(problem: Problem, path: str, status: int, body: Any) -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"api.example")],
        "server": ("api.example", 443),
        "scheme": "https",
    }
    answer = phrase(problem, Request(scope))
    assert answer.status == status
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="MG API"'
    if isinstance(body, str):
        assert answer.body.decode() == body
        assert answer.headers["Content-Type"].startswith("text/plain")
    else:
        assert json.loads(answer.body) == body
