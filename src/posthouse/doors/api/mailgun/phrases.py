"""How Mailgun says that a call cannot be done: `{"message": …}`, but for a bad key of a sending call.

Public: phrase, said, said_with_reason.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request

from posthouse.doors.api.answers import Answer, Problem, Said, json_answer, text_answer

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="MG API"'}
_SENDING = re.compile(r"/v[1-5]/[^/]+/messages(\.mime)?/*\Z")
_IN_SMALL_LETTERS = re.compile(r"/v[1-5]/[^/]+/(templates|envelopes)(/|\Z)")


def phrase(problem: Problem, request: Request) -> Answer:
    """The problem in Mailgun's words, which depend on the call (mailgun.md 5.1)."""
    path = request.url.path
    is_sending = _SENDING.match(path) is not None
    if problem.status == 401:
        if is_sending:
            return text_answer("Forbidden", 401, _CHALLENGE)
        return json_answer({"message": "Invalid private key"}, 401, _CHALLENGE)
    if problem.reason == "no-path":
        return json_answer({"message": f"Not Found: there is no {request.method} {path[:200]} here"}, 404)
    told: dict[str, Any] = {"message": problem.text}
    if problem.reason == "no-domain" and not is_sending:
        is_small = _IN_SMALL_LETTERS.match(path)
        told = {"message": "domain not found" if is_small else "Domain not found"}
        if path.startswith("/v1/dkim_management/"):
            told["Description"] = "domain not found"
    if problem.reason == "too-many-calls":
        told["retry-seconds"] = max(1, round(problem.retry_s))
    return json_answer(told, problem.status)


def said_with_reason(text: str, status: int) -> Said:
    """A call that is refused by each of the names under which programs look for that (mailgun.md 5.1); to be
    raised."""
    return said(text, status, Reason=text, Description=text)


def said(message: str, status: int = 400, **more: Any) -> Said:
    """A call that is answered `{"message": …}`; to be raised."""
    return Said(json_answer({"message": message, **more}, status))
