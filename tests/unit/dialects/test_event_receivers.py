"""What the receivers of other people's programs demand of our posts, event by event.

Each row is one demand, named after the program that makes it: a post that does not meet it is answered with
an error there, or lost without a word.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest

from posthouse.dialects.table import HOOK_FORMS
from posthouse.model.hook import HookKey
from unit.dialects.event_story import STORY

NOW = 1_770_146_798.5
SECRET = b"key-of-the-account"
Demand = Callable[[dict[str, Any]], bool]


def posted(service: str) -> dict[str, dict[str, Any]]:
    """By the name in the story: each event as it stands in a post, as JSON that was read again."""
    form = HOOK_FORMS[service]
    made = {name: form.event_json(event) for name, event in STORY.items()}
    return {name: json.loads(json.dumps(body)) for name, body in made.items() if body is not None}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def has_reason(event: dict[str, Any]) -> bool:
    status = event["delivery-status"]
    return any(is_text(each) for each in (status.get("description"), status.get("message"), event["reason"]))


MAILGUN: dict[str, Demand] = {
    "Symfony: an id, a time as a number, lists and objects that are such": lambda event: (
        is_text(event["id"])
        and is_number(event["timestamp"])
        and isinstance(event["tags"], list)
        and isinstance(event["user-variables"], dict)
    ),
    "Symfony and Discourse: who it was for": lambda event: (
        event["event"] == "rejected" or is_text(event["recipient"])  # there is no webhook of rejected ones
    ),
    "Symfony: a failure has a severity, a code that is a number, and a reason": lambda event: (
        event["event"] != "failed"
        or (
            event["severity"] in ("temporary", "permanent")
            and isinstance(event["delivery-status"]["code"], int)
            and has_reason(event)
        )
    ),
    "Discourse, GitLab: the Message-ID without brackets": lambda event: (
        is_text(event["message"]["headers"]["message-id"])
        and not event["message"]["headers"]["message-id"].startswith("<")
    ),
    "mailgun-go: attachments are objects, campaigns too, storage has one URL": lambda event: (
        event["campaigns"] == []
        and all(isinstance(each, dict) for each in event["message"].get("attachments", []))
        and isinstance(event.get("storage", {}).get("url", ""), str)
    ),
    "mailgun-java: a severity, if there is one, is one of two": lambda event: (
        event.get("severity") in (None, "temporary", "permanent")
    ),
}
SENDGRID: dict[str, Demand] = {
    "Symfony: each event says email, timestamp, event and sg_message_id": lambda event: (
        is_text(event["email"])
        and isinstance(event["timestamp"], int)
        and is_text(event["event"])
        and is_text(event["sg_message_id"])
    ),
    "Discourse: a bounce has a status that is a text": lambda event: (
        event["event"] != "bounce" or is_text(event["status"])
    ),
    "Discourse: the letter's own Message-ID with what becomes of it": lambda event: (
        event["event"] not in ("bounce", "dropped") or event["smtp-id"].startswith("<")
    ),
    "Symfony: a reason is a text": lambda event: isinstance(event.get("reason", ""), str),
    "sendgrid-java and -csharp: tls is a number": lambda event: event.get("tls", 0) in (0, 1),
}


@pytest.mark.parametrize("demand", MAILGUN.values(), ids=MAILGUN)
def test_mailguns_receivers(demand: Demand) -> None:
    assert [name for name, event in posted("mailgun").items() if not demand(event)] == []


@pytest.mark.parametrize("demand", SENDGRID.values(), ids=SENDGRID)
def test_sendgrids_receivers(demand: Demand) -> None:
    assert [name for name, event in posted("sendgrid").items() if not demand(event)] == []


def test_mailguns_receivers_check_the_signature() -> None:
    """Discourse takes tokens of 50 characters only, and each once; all hash timestamp and token as texts."""
    form = HOOK_FORMS["mailgun"]
    key = HookKey("hmac-sha256", SECRET, "")
    event = form.event_json(STORY["failed"])
    posts = [form.request([("failed", event)], key, NOW) for _ in range(2)]
    shown = [json.loads(post.content)["signature"] for post in posts]
    for signature in shown:
        told = f"{signature['timestamp']}{signature['token']}".encode()
        assert len(signature["token"]) == 50
        assert signature["signature"] == hmac.new(SECRET, told, hashlib.sha256).hexdigest()
        assert abs(int(signature["timestamp"]) - NOW) < 2
    assert posts[0].content_type == "application/json"
