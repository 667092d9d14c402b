"""Problems as RFC 9457 has them: `application/problem+json` with a `type` that leads to a page about it.

Public: ProblemDetails, phrase, title_of, TITLES, status_of.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Annotated

from msgspec import Meta, Struct

from posthouse.doors.api.answers import Answer, Problem, json_answer
from posthouse.doors.api.native.ways_out import way_out

KIND = "application/problem+json"
PLACE = "/posthouse/v1/problems/"
_WORD = re.compile(r"[a-z][a-z0-9-]{0,60}\Z")


class ProblemDetails(Struct, omit_defaults=True, kw_only=True):
    """What is wrong with a call (RFC 9457)."""

    type: Annotated[str, Meta(description="Where the kind of problem is explained.")]
    title: Annotated[str, Meta(description="The kind of problem.")]
    status: int
    detail: Annotated[str, Meta(description="What is wrong, and what to do.")]
    field: Annotated[str, Meta(description="What of the call is wrong.")] = ""
    retry_after_s: Annotated[int, Meta(description="When to try again, in seconds.")] = 0


TITLES = MappingProxyType(
    {
        "no-credentials": "The request shows no key",
        "bad-credentials": "The key is not valid",
        "no-permission": "The key may not do this",
        "account-suspended": "The account is suspended",
        "address-range": "The key may not be used from this address",
        "no-path": "There is no such address",
        "no-domain": "There is no such domain",
        "other-region": "The domain belongs to another region",
        "bad-method": "The address does not take this method",
        "too-large": "The request is too large",
        "bad-type": "The body is of the wrong type",
        "too-many-calls": "Too many calls in a minute",
        "broken": "Something went wrong here",
        "in-doubt": "It is not certain whether this was done",
        "bad-json": "The body is not JSON",
        "bad-value": "A value has the wrong form",
        "bad-key": "The Idempotency-Key is not right",
        "key-used": "The Idempotency-Key was used for another call",
        "at-work": "The first call with this Idempotency-Key is still at work",
        "answer-not-kept": "The call was done before, and its answer was not kept",
        "exists": "It is there already",
        "beyond-key": "The key would give what it does not have",
        "rate-limit": "The account has sent what it may",
        "store-away": "The store cannot be used now",
        "bad-option": "An option of the message cannot be had",
        "bad-address": "An address is not one",
        "no-content": "The message has no content",
        "no-message": "There is no such message",
        "from-domain": "The domain of the author is not the account's",
        "domain-unverified": "The sending domain is not verified yet",
        "client-left": "The request ended before its body",
        "too-many-streams": "Too many streams at once",
    }
)
"""The kinds that people meet most; any other is named by its reason."""

_OF_FORM = frozenset({"bad-json", "bad-value", "bad-form", "client-left"})
_OF_KEYS = "Idempotency-Key"


def title_of(reason: str) -> str:
    return TITLES.get(reason) or reason.replace("-", " ").capitalize()


def status_of(problem: Problem) -> int:
    """400 is for a call in a wrong form; one in the right form that asks for something wrong gets 422."""
    is_of_form = problem.reason in _OF_FORM or problem.field == _OF_KEYS
    return 422 if problem.status == 400 and not is_of_form else problem.status


def phrase(problem: Problem) -> Answer:
    reason = problem.reason if _WORD.match(problem.reason) else "broken"
    status, way = status_of(problem), way_out(problem.reason)
    details = ProblemDetails(
        type=f"{PLACE}{reason}",
        title=title_of(reason),
        status=status,
        detail=f"{problem.text}; {way}" if way else problem.text,
        field=problem.field,
        retry_after_s=max(1, round(problem.retry_s)) if problem.retry_s else 0,
    )
    headers = {"Content-Type": KIND}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="Posthouse"'  # RFC 9110 11.6.1
    return json_answer(details, status, headers)
