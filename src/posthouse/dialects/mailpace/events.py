"""MailPace's events: one JSON object a post, `{"event": …, "payload": …}`, with the whole text of the mail.

Every key is there every time, `null` for what is not. The service counts messages and domains with integers;
ours are derived from our ids. It has one status a message, we one a recipient: `recipient` says whose (our
addition). Opens, clicks, unsubscribes and complaints are unknown there, and an unknown event breaks strict
receivers, so they are not posted.

Public: event_json, name_of, request, FORM.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posthouse.desk.hook_signing import ed25519
from posthouse.dialects.event_values import Facts, encoded, instant, is_our_own, numbered_id, text_of
from posthouse.mail.letter import BadLetter, Letter, parse
from posthouse.mail.part_text import opened
from posthouse.mail.parts import text_parts
from posthouse.mail.words import decode_words
from posthouse.model.event import EventKind
from posthouse.model.hook import HookForm, HookKey, HookRequest, Told

LONGEST_BODY = 1_000_000  # characters; documented is "the full body", a post must stay one that can be taken
LONGEST_LIST = 20_000
_DOMAIN_BITS = 31
_SPAM = "spam"
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0

_STATUS = {
    EventKind.ACCEPTED: "queued",
    EventKind.DELIVERED: "delivered",
    EventKind.DEFERRED: "deferred",
    EventKind.FAILED: "bounced",
    EventKind.BOUNCED: "bounced",
    EventKind.DROPPED: "bounced",
}


def event_json(told: Told) -> dict[str, Any] | None:
    """The event as the service writes it, None for what it has no event for."""
    name = name_of(told)
    if not name or is_our_own(told):
        return None
    return {"event": name, "payload": _payload(Facts(told), name.removeprefix("email."))}


def name_of(told: Told) -> str:
    """`email.…`, "" for none."""
    status = _STATUS.get(told.event.kind, "")
    if told.event.kind is EventKind.DROPPED and Facts(told).reason == _SPAM:
        status = _SPAM
    return f"email.{status}" if status else ""


def request(bodies: Sequence[tuple[str, dict[str, Any]]], key: HookKey | None, now: float) -> HookRequest:
    """One post for the first event: the service never sends more. The signature is over the raw body."""
    content = encoded(bodies[0][1])
    headers = {"User-Agent": "mailpace_webhooks/1.0"}
    if key is not None:
        headers["X-MailPace-Signature"] = ed25519(key, content)
    return HookRequest(content, "application/json", headers)


def _payload(facts: Facts, status: str) -> dict[str, Any]:
    letter = _letter(facts.told.content)
    texts = _texts(letter)
    created_at = facts.message.accepted_at if facts.message is not None else facts.at
    author = facts.told_of_message("author", "author") or facts.told_of_message("sender", "sender")
    return {
        "status": status,
        "id": numbered_id(facts.event.message_id),
        "domain_id": numbered_id(facts.event.domain, _DOMAIN_BITS),
        "created_at": instant(created_at),
        "updated_at": instant(facts.at),
        "from": author,
        "to": facts.told_of_message("addressed", "addressed") or facts.recipient or None,
        "cc": _field(letter, b"cc"),
        "bcc": None,
        "htmlbody": texts.get("html"),
        "textbody": texts.get("plain"),
        "subject": facts.told_of_message("subject", "subject") or None,
        "replyto": _field(letter, b"reply-to"),
        "list_unsubscribe": _list_unsubscribe(facts, letter),
        "message_id": f"<{facts.header_id}>" if facts.header_id else "",
        "tags": facts.tags or None,
        "recipient": facts.recipient,
    }


def _letter(content: bytes) -> Letter | None:
    if not content:
        return None
    try:
        return parse(content)
    except BadLetter:
        return None


def _texts(letter: Letter | None) -> dict[str, str]:
    """The first HTML part and the first plain part, as far as they can be read."""
    found: dict[str, str] = {}
    if letter is None:
        return found
    for part in text_parts(letter):
        if part.kind in ("html", "plain") and part.kind not in found:
            source = opened(letter.raw, part)
            if source is not None:
                found[part.kind] = text_of(source.text, LONGEST_BODY)
    return found


def _field(letter: Letter | None, name: bytes) -> str | None:
    value = letter.first(name) if letter is not None else None
    return text_of(decode_words(value), LONGEST_LIST) if value else None


def _list_unsubscribe(facts: Facts, letter: Letter | None) -> str | None:
    if facts.message is not None and facts.message.options.list_unsubscribe:
        return text_of(facts.message.options.list_unsubscribe, LONGEST_LIST)
    return _field(letter, b"list-unsubscribe")


FORM = HookForm(
    kinds={
        "email.queued": frozenset({EventKind.ACCEPTED}),
        "email.delivered": frozenset({EventKind.DELIVERED}),
        "email.deferred": frozenset({EventKind.DEFERRED}),
        "email.bounced": frozenset({EventKind.FAILED, EventKind.BOUNCED, EventKind.DROPPED}),
        "email.spam": frozenset({EventKind.DROPPED}),
    },
    name_of=name_of,
    event_json=event_json,
    request=request,
    # documented: ten tries at intervals that are not told; these reach beyond two days
    pauses_s=(_MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 12 * _HOUR, _DAY),
    life_s=2.5 * _DAY,
    needs_content=True,
)
