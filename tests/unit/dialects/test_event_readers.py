"""What django-anymail, which reads posts of Mailgun and SendGrid, makes of ours."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from posthouse.dialects.table import HOOK_FORMS
from posthouse.model.hook import HookKey
from unit.dialects.anymail_reads import KEY
from unit.dialects.event_story import STORY

PROGRAM = Path(__file__).with_name("anymail_reads.py")
NAMES = (
    "accepted", "delivered", "deferred", "failed", "failed-blocked", "dropped-bounce", "dropped-unsubscribe",
    "dropped-complaint", "bounced", "opened", "clicked", "unsubscribed", "complained",
)  # fmt: skip
# name -> (type, reject reason) in its words
COMMON: dict[str, tuple[str, str | None]] = {
    "accepted": ("queued", None),
    "delivered": ("delivered", None),
    "opened": ("opened", None),
    "clicked": ("clicked", None),
    "unsubscribed": ("unsubscribed", None),
    "complained": ("complained", None),
}
OWN: dict[str, dict[str, tuple[str, str | None]]] = {
    "mailgun": {
        "deferred": ("deferred", "other"),
        "failed": ("bounced", "bounced"),
        "failed-blocked": ("bounced", "other"),
        "dropped-bounce": ("bounced", "bounced"),
        "dropped-unsubscribe": ("bounced", "other"),
        "dropped-complaint": ("bounced", "other"),
        "bounced": ("bounced", "other"),
    },
    "sendgrid": {
        "deferred": ("deferred", None),
        "failed": ("bounced", None),
        "failed-blocked": ("bounced", None),
        "dropped-bounce": ("rejected", "bounced"),
        "dropped-unsubscribe": ("rejected", "unsubscribed"),
        "dropped-complaint": ("rejected", "other"),
        "bounced": ("bounced", None),
    },
}


def read(service: str) -> dict[str, dict[str, Any]]:
    """By the name in the story: what the program makes of each event."""
    form = HOOK_FORMS[service]
    bodies = [(name, body) for name in NAMES if (body := form.event_json(STORY[name])) is not None]
    assert len(bodies) == len(NAMES)
    key = HookKey("hmac-sha256", KEY.encode(), "") if service == "mailgun" else None
    parts = [bodies[at : at + form.most_events] for at in range(0, len(bodies), form.most_events)]
    posts = [form.request(part, key, time.time()) for part in parts]
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        input=json.dumps([(service, post.content.decode(), post.content_type) for post in posts]),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(NAMES, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("service", ["mailgun", "sendgrid"])
def test_anymail_reads_our_events(service: str) -> None:
    found = read(service)
    for name, (kind, reason) in (COMMON | OWN[service]).items():
        assert (found[name]["event_type"], found[name]["reject_reason"]) == (kind, reason), name
        assert found[name]["recipient"] == "bob@example.net"
        # a category that was submitted as a text stays one
        assert found[name]["tags"] == (["welcome"] if service == "mailgun" else "welcome")
        assert found[name]["metadata"]["order"] == "42"
    assert found["clicked"]["click_url"] == "https://shop.example/x"
    assert found["opened"]["user_agent"].startswith("Mozilla/5.0")
