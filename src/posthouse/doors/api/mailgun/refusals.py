"""Refused mail in Mailgun's words (mailgun.md 5.3).

Public: refused.
"""

from __future__ import annotations

from email.utils import formatdate

from posthouse.doors.api.answers import Said, json_answer, problem_of
from posthouse.model.account import Domain
from posthouse.model.errors import PosthouseError, TryLater

_SANDBOX = (
    "Sandbox subdomains are for test purposes only. Please add your own domain or add the address to "
    "authorized recipients in Account Settings."
)
_UNVERIFIED = (
    "The domain is unverified and requires DNS configuration. Log in to your control panel to view required"
    " DNS records."
)
_NOT_ALLOWED = "not allowed to send: "
_NOT_FOUND = "Domain not found: "


def refused(error: PosthouseError, domain: Domain, now: float) -> PosthouseError | Said:
    """What to raise for mail that was refused: the service's answer, or the error itself where the text is
    the service's already."""
    why = _WHYS.get(error.reason)
    if why is not None and not (error.reason == "domain-unverified" and domain.verified_at is not None):
        return _not_allowed(domain, why)
    if error.reason == "from-domain":
        return _not_allowed(domain, _foreign_from(error.text))
    if error.reason == "over-limit":
        _, _, limit = error.text.partition(_NOT_ALLOWED)
        text = f"Domain {domain.name} is not allowed to send large batches yet: {limit}"
        return Said(json_answer({"message": text}, 403))
    if error.reason == "rate-limit" and isinstance(error, TryLater):
        return _over_rate(error, domain, now)
    return error


_WHYS = {"sandbox": _SANDBOX, "domain-unverified": _UNVERIFIED}


def _not_allowed(domain: Domain, why: str) -> Said:
    text = f"Domain {domain.name} is {_NOT_ALLOWED}{why}"
    return Said(json_answer({"message": text}, 403))


def _foreign_from(text: str) -> str:
    """Not `Domain not found: …`: programs look for that where the address of the call is wrong."""
    name = text.removeprefix(_NOT_FOUND)
    return name if " " in name else f"the From domain {name} is not one of this account's"


def _over_rate(error: TryLater, domain: Domain, now: float) -> Said:
    """429 and never 420, with the time in a form for programs too."""
    again_at = now + problem_of(error).retry_s
    why = f"recipient limit exceeded, try again after {formatdate(again_at, usegmt=True)}"
    headers = {
        "Retry-After": str(max(1, round(again_at - now))),
        "X-RateLimit-Limit": str(error.most),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(round(again_at * 1000)),
    }
    text = f"Domain {domain.name} is {_NOT_ALLOWED}{why}"
    return Said(json_answer({"message": text}, 429, headers))
