"""How SendGrid says that a call cannot be done: `{"errors": [{"message", "field"}]}`, with `help` where mail
is sent, and `{"message": "error", "errors": [...]}` in its second version (sendgrid.md 3.1, 3.14).

Public: phrase, errors_answer, said, not_found, Fault, NO_IDENTITY, is_sending.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from posthouse.dialects.sendgrid.mail_rules import Fault
from posthouse.doors.api.answers import Answer, Problem, Said, json_answer

__all__ = [
    "NO_IDENTITY",
    "OLD_PATH",
    "SEND_PATH",
    "Fault",
    "errors_answer",
    "fragment",
    "is_sending",
    "not_found",
    "phrase",
    "said",
]

SEND_PATH, OLD_PATH = "/v3/mail/send", "/api/mail.send"
_LONG_S = 3600.0  # who has to wait longer has used up a quota, others are too fast

_REVOKED = "The provided authorization grant is invalid, expired, or revoked"
_WRONG = "Permission denied, wrong credentials"
NO_IDENTITY = (
    "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is "
    "resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/sender-identity/ to see the "
    "Sender Identity requirements"
)
_ABSENT = "resource not found"
_TEXTS = {
    "no-credentials": "authorization required",
    "no-permission": "access forbidden",
    "no-path": "not found",
    "bad-method": "method not allowed",
    "too-large": "content too large",
    "bad-type": "Content-Type should be application/json.",
    "bad-json": "Bad Request",
    "too-many-calls": "too many requests",
    "broken": "internal server error",
}
_IDENTITY = frozenset({"from-domain", "domain-unverified", "not-verified"})
_OLD_TEXTS = {
    "no-credentials": "Bad username / password",
    "bad-credentials": "Bad username / password",
    "no-permission": "Authenticated user is not authorized to send mail",
}


def phrase(problem: Problem, request: Request) -> Answer:
    """The problem in SendGrid's words."""
    status = problem.status
    fault = Fault(_text(problem, request), problem.field or None)
    if problem.reason in _IDENTITY and is_sending(request):
        status, fault = 403, Fault(NO_IDENTITY, "from")
    elif problem.reason == "rate-limit":
        # the service says 401 where no more may be sent (observed); it is followed, with Retry-After
        status = 401 if problem.retry_s > _LONG_S else 429
        fault = Fault("Maximum credits exceeded" if status == 401 else _TEXTS["too-many-calls"])
    if request.url.path.startswith(OLD_PATH):
        told = {"message": "error", "errors": [_OLD_TEXTS.get(problem.reason, fault.message)]}
        return json_answer(told, status)
    return errors_answer([fault], status, has_help=is_sending(request))


def _text(problem: Problem, request: Request) -> str:
    if problem.reason == "bad-credentials":
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        return _REVOKED if scheme.lower() == "bearer" and key.strip() else _WRONG
    if problem.status == 404 and problem.reason != "no-path":
        return _ABSENT
    return _TEXTS.get(problem.reason, problem.text)


def is_sending(request: Request) -> bool:
    path: str = request.url.path
    return path.rstrip("/") == SEND_PATH or path.startswith(OLD_PATH)


def errors_answer(
    faults: Sequence[Fault], status: int = 400, *, has_help: bool = False, help_url: str = ""
) -> Answer:
    """`has_help`: with the key `help`; `help_url`: the page whose fragments explain the fields, or ""."""
    return json_answer({"errors": [_error(fault, has_help, help_url) for fault in faults]}, status)


def _error(fault: Fault, has_help: bool, help_url: str) -> dict[str, Any]:
    error: dict[str, Any] = {"message": fault.message, "field": fault.field}
    if has_help:
        error["help"] = f"{help_url}#{fragment(fault.field)}" if help_url and fault.field else None
    return error


def fragment(field: str) -> str:
    """`personalizations.0.to.1.email` -> `message.personalizations.to.email`: without the places."""
    return ".".join(["message", *(word for word in field.split(".") if not word.isdigit())])


def not_found() -> Said:
    """What is not there, and what is another account's (S20); to be raised."""
    return said(_ABSENT, 404)


def said(message: str, status: int = 400, field: str | None = None) -> Said:
    """A call that is answered with one error; to be raised."""
    return Said(errors_answer([Fault(message, field)], status))
