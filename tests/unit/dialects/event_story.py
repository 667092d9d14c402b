"""One mail and everything that can happen to it, as the pipeline writes events.

Public: MESSAGE, CONTENT, STORY, AT, event, told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from posthouse.model.event import Event, EventKind
from posthouse.model.hook import Told
from posthouse.model.message import Message
from posthouse.model.options import Seen, SendOptions

AT = 1_770_146_798.372891
MESSAGE_ID = "01KGJ4V6YMJY6G7R2ZB5D1Q8WA"
LABELS: dict[str, Any] = {"tags": ["welcome"], "metadata": {"order": "42"}}
AGENT = "Mozilla/5.0 (X11; Linux x86_64) Chromium/144.0"
CONTENT = (
    b"From: Shop <sender@mg.example.com>\r\nTo: bob@example.net\r\nCc: ann@example.net\r\n"
    b"Reply-To: help@example.com\r\nSubject: Hello\r\nList-Unsubscribe: <https://shop.example/u>\r\n"
    b"Message-ID: <20260203192638.be97f99f8cea1@mg.example.com>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Gr\xc3\xbc\xc3\x9fe</p>\r\n--b--\r\n"
)
MESSAGE = Message(
    id=MESSAGE_ID,
    account_id="01KGJ4000000000000000000AC",
    domain="mg.example.com",
    credential_id="01KGJ4000000000000000000CR",
    sender="sender@mg.example.com",
    subject="Hello",
    header_id="<20260203192638.be97f99f8cea1@mg.example.com>",
    size_bytes=341,
    accepted_at=AT - 1.5,
    expires_at=AT + 86_400,
    options=SendOptions(
        tags=("welcome",),
        metadata={"order": "42"},
        unsubscribe_group=7,
        ip_pool="marketing",
        template_name="welcome-mail",
        batch_id="batch-1",
        seen=(Seen("X-SMTPAPI category", "welcome", "events and statistics carry this category"),),
    ),
    batch_id="batch-1",
    author="Shop <sender@mg.example.com>",
    addressed="bob@example.net",
)
ATTEMPT: dict[str, Any] = {
    "attempt": 1,
    "mx": "mx1.example.net",
    "address": "198.51.100.7",
    "source": "192.0.2.10",
    "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384",
    "policy": "MTA-STS of example.net: certificate of mx1.example.net valid",
    "transcript": "> MAIL FROM:<…>",
    "took_s": 0.43,
    **LABELS,
}
VISIT: dict[str, Any] = {
    "client_ip": "203.0.113.7",
    "user_agent": AGENT,
    "machine": "",
    "client": {
        "client-type": "browser",
        "client-os": "Linux",
        "device-type": "desktop",
        "client-name": "Chromium",
        "bot": "",
    },
    **LABELS,
}


def event(kind: EventKind, /, **data: Any) -> Event:
    """One event of the mail; `delivery_id` and the like stand for what the kind usually has."""
    return Event(
        id="01KGJ4V8C0000000000000EVNT"[:26],
        kind=kind,
        at=AT,
        account_id=MESSAGE.account_id,
        domain=MESSAGE.domain,
        message_id=MESSAGE.id,
        delivery_id=f"{MESSAGE.id}.0001",
        recipient="bob@example.net",
        data=data,
    )


def told(kind: EventKind, /, message: Message | None = MESSAGE, content: bytes = b"", **data: Any) -> Told:
    return Told(event(kind, **data), message, content)


_ACCEPTED = LABELS | {
    "sender": MESSAGE.sender,
    "subject": "Hello",
    "header_id": MESSAGE.header_id,
    "size_bytes": 341,
    "login": "sender@mg.example.com",
    "credential": MESSAGE.credential_id,
    "template": "welcome-mail",
    "batch_id": "batch-1",
}
_REJECTED = {
    "reason": "sandbox",
    "text": "Sandbox subdomains are for test purposes only.",
    "sender": MESSAGE.sender,
    "subject": "Hello",
    "header_id": MESSAGE.header_id,
    "size_bytes": 341,
    "recipients": ["bob@example.net"],
}
_FULL = {"code": 452, "enhanced": "4.2.2", "text": "over quota", "reason": "mailbox-full", "phase": "rcpt"}
_UNKNOWN = {
    "code": 550,
    "enhanced": "5.1.1",
    "text": "The email account that you tried to reach does not exist.",
    "reason": "bad-mailbox",
    "phase": "rcpt",
}
_BLOCKED = {"code": 550, "enhanced": "5.7.1", "text": "blocked", "reason": "policy-block", "phase": "data"}
_EXPIRED = {
    "code": 554,
    "enhanced": "5.4.7",
    "text": "delivery time expired; last reply: 451 try again later",
    "reason": "expired",
    "phase": "rcpt",
}
_LATE = {
    "code": 550,
    "enhanced": "5.1.1",
    "text": "user unknown",
    "reason": "bad-mailbox",
    "bounce_class": "hard",
}


def _suppressed(reason: str, code: int, text: str) -> Told:
    return told(EventKind.DROPPED, **LABELS, reason=reason, code=code, enhanced="5.7.1", text=text)


def _story() -> dict[str, Told]:
    kind = EventKind
    greylisted = {"code": 451, "enhanced": "4.7.1", "text": "greylisted, come back", "reason": "greylisted"}
    rejected = replace(told(kind.REJECTED, message=None, **_REJECTED))
    rejected.event.recipient = rejected.event.delivery_id = ""
    return {
        "accepted": told(kind.ACCEPTED, content=CONTENT, **_ACCEPTED),
        "accepted-for-later": told(kind.ACCEPTED, **_ACCEPTED, scheduled_for=AT + 3600),
        "accepted-and-dropped": told(kind.ACCEPTED, **_ACCEPTED, dropped="suppress-bounce"),
        "rejected": rejected,
        "delivered": told(
            kind.DELIVERED, content=CONTENT, **ATTEMPT, code=250, text="OK", reason="delivered", phase="done"
        ),
        "deferred": told(kind.DEFERRED, **ATTEMPT, **greylisted, phase="rcpt", retry_at=AT + 600),
        "deferred-full": told(kind.DEFERRED, **ATTEMPT, **_FULL, retry_at=AT + 600),
        "deferred-unreachable": told(
            kind.DEFERRED,
            **LABELS,
            attempt=2,
            code=0,
            text="connection refused",
            reason="connection",
            phase="connect",
            retry_at=AT + 900,
        ),
        "failed": told(kind.FAILED, **ATTEMPT, **_UNKNOWN),
        "failed-blocked": told(kind.FAILED, **ATTEMPT, **_BLOCKED),
        "failed-no-domain": told(
            kind.FAILED,
            **LABELS,
            attempt=1,
            code=0,
            enhanced="5.1.2",
            text="the domain does not exist",
            reason="bad-domain",
            phase="dns",
        ),
        "failed-expired": told(kind.FAILED, **(ATTEMPT | {"attempt": 9}), **_EXPIRED),
        "bounced": told(kind.BOUNCED, **LABELS, **_LATE),
        "dropped-bounce": _suppressed("suppress-bounce", 605, "Not delivering to previously bounced address"),
        "dropped-unsubscribe": _suppressed(
            "suppress-unsubscribe", 606, "Not delivering to unsubscribed address"
        ),
        "dropped-complaint": _suppressed(
            "suppress-complaint", 607, "Not delivering to a user who marked your messages as spam"
        ),
        "dropped-spam": _suppressed("spam", 550, "Looks like spam"),
        "cancelled": told(kind.CANCELLED, **LABELS, reason="batch", batch_id="batch-1"),
        "held": told(kind.HELD, **LABELS, reason="batch", batch_id="batch-1"),
        "released": told(kind.RELEASED, **LABELS, reason="batch", batch_id="batch-1"),
        "opened": told(kind.OPENED, **VISIT),
        "opened-by-machine": told(kind.OPENED, **(VISIT | {"machine": "apple", "client": {}})),
        "clicked": told(
            kind.CLICKED, **VISIT, url="https://shop.example/x", url_offset={"index": 0, "type": "html"}
        ),
        "unsubscribed": told(kind.UNSUBSCRIBED, **VISIT, scopes=[""]),
        "unsubscribed-from-group": told(kind.UNSUBSCRIBED, **VISIT, scopes=["group:7"]),
        "resubscribed-to-group": told(kind.RESUBSCRIBED, **VISIT, scopes=["group:7"]),
        "complained": told(kind.COMPLAINED, **LABELS, feedback_type="abuse"),
        "stored": told(kind.STORED, **LABELS),
    }


STORY = _story()
