"""What MailPace's interface says when it says no; customers match these texts.

Public: error, field_errors, phrased, UNREADABLE_FROM, UNDEFINED, INVALID, BLOCKED, TOO_MANY, BAD_FILE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from posthouse.doors.api.answers import Answer, Problem, json_answer

UNREADABLE_FROM = "Email from address not parseable"
UNDEFINED = "undefined field"
INVALID = "is invalid"
BLOCKED = "contains a blocked address"
TOO_MANY = "number of email addresses exceeds maximum volume"
BAD_FILE = "Extension file type blocked, see Docs for full list of allowed file types"

_TOO_QUICKLY = "You are sending emails too quickly"
_TEXTS: Mapping[str, tuple[int, str]] = {
    "no-credentials": (401, "Missing API Token"),
    "bad-credentials": (400, "Invalid API Token"),
    "account-suspended": (403, "This organization is unable to send emails. Please contact support"),
    "domain-unverified": (403, "Domain DKIM DNS not verified, please complete DKIM Verification"),
    "from-domain": (403, "Verified domain does not match domain in From address of email"),
    "bad-from": (400, UNREADABLE_FROM),
    "bad-json": (406, "Invalid request format or content type"),
    # the interface has one address: what else is asked for is not there
    "bad-method": (404, "Not Found"),
    "no-path": (404, "Not Found"),
    # documented is an answer without content; the service's own gem for Rails cannot read that
    "broken": (500, "Internal Server Error"),
}


def error(text: str, status: int = 400) -> Answer:
    return json_answer({"error": text}, status)


def field_errors(errors: Mapping[str, Sequence[str]]) -> Answer:
    """All that is wrong, by field."""
    return json_answer({"errors": errors}, 400)


def phrased(problem: Problem) -> Answer:
    """The service's words where it has some, else ours in its form."""
    if problem.status == 429:
        return error(_TOO_QUICKLY, 429)
    status, text = _TEXTS.get(problem.reason, (problem.status, problem.text))
    return error(text, status)
