"""SendGrid's JSON objects -> things. Each function takes one object as its API writes it (OpenAPI description
and fixtures of its SDKs) and raises BadShape.

Public: listed, group_member, group, template, domain, webhook, api_key, KINDS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from posthouse.model.suppression import SuppressionKind
from posthouse.moving.things import (
    Kind,
    NewApiKey,
    NewDomain,
    NewGroup,
    NewListed,
    NewVersion,
    NewWebhook,
    StaysBehind,
    Thing,
)
from posthouse.moving.values import as_list, as_object, flag_of, instant_of, number_of, text_of

_MOST_TEMPLATE = 1024 * 1024 + 1
_MOST_REASON = 100_000
_EVENTS = (
    "processed",
    "dropped",
    "delivered",
    "deferred",
    "bounce",
    "open",
    "click",
    "spam_report",
    "unsubscribe",
    "group_unsubscribe",
    "group_resubscribe",
    "account_status_change",
)
KINDS = {
    "bounces": SuppressionKind.BOUNCE,
    "blocks": SuppressionKind.BLOCK,
    "invalid_emails": SuppressionKind.INVALID,
    "spam_reports": SuppressionKind.COMPLAINT,
    "unsubscribes": SuppressionKind.UNSUBSCRIBE,
}
"""Our kinds by the names of the service's lists."""


def listed(value: Any, kind: SuppressionKind) -> Iterator[Thing]:
    """An element of a list of `/v3/suppression`."""
    found = as_object(value)
    words = (text_of(found, "status"), text_of(found, "reason", most=_MOST_REASON))
    at = instant_of(found, "created", "created_at")
    yield NewListed(text_of(found, "email"), kind, at=at, detail=" ".join(filter(None, words)))


def group_member(value: Any, group: int = 0) -> Iterator[Thing]:
    """An element of `/v3/asm/suppressions`, or a bare address of a group's list."""
    found = {"email": value} if isinstance(value, str) else as_object(value)
    number = number_of(found, "group_id") or group
    at = instant_of(found, "created_at", "created")
    yield NewListed(text_of(found, "email"), SuppressionKind.UNSUBSCRIBE, group=number, at=at)


def group(value: Any) -> Iterator[Thing]:
    found = as_object(value)
    yield NewGroup(
        number_of(found, "id"),
        text_of(found, "name"),
        text_of(found, "description"),
        flag_of(found, "is_default"),
    )


def domain(value: Any) -> Iterator[Thing]:
    """An authenticated domain."""
    yield NewDomain(text_of(as_object(value), "domain").lower())


def webhook(value: Any) -> Iterator[Thing]:
    """Settings of an event webhook."""
    found = as_object(value)
    url = text_of(found, "url")
    if not url:
        return  # every account has one that was never set
    events = tuple(name for name in _EVENTS if flag_of(found, name))
    if text_of(found, "oauth_client_id"):
        why = "its posts carry an OAuth token, which Posthouse does not fetch"
        yield StaysBehind(Kind.WEBHOOK, url[:200], why, "let the receiver verify the signature instead")
    name = text_of(found, "friendly_name")
    yield NewWebhook(url, events, "", name, flag_of(found, "enabled"))


def api_key(value: Any) -> Iterator[Thing]:
    found = as_object(value)
    scopes = tuple(text for one in as_list(found.get("scopes")) if (text := text_of({"scope": one}, "scope")))
    yield NewApiKey(text_of(found, "api_key_id"), text_of(found, "name"), scopes)


def template(value: Any) -> Iterator[Thing]:
    """A template with its versions and their content: `GET /v3/templates/{id}`."""
    about = as_object(value)
    versions = as_list(about.get("versions"))
    if not versions:
        what = text_of(about, "name") or text_of(about, "id")
        yield StaysBehind(Kind.TEMPLATE, what, "it has no version", "")
    for one in versions:
        yield _version(about, as_object(one))


def _version(about: Mapping[str, Any], found: Mapping[str, Any]) -> Thing:
    name, title = text_of(about, "name"), text_of(found, "name")
    html = text_of(found, "html_content", most=_MOST_TEMPLATE)
    text = text_of(found, "plain_content", most=_MOST_TEMPLATE)
    if not html and not text:
        why = "it has no text, or was exported without it"
        return StaysBehind(Kind.TEMPLATE, f"{name}, version {title}", why, "export each template by itself")
    generation = text_of(about, "generation") or "legacy"
    subject = text_of(found, "subject")
    return NewVersion(
        name,
        text_of(found, "id") or title,
        html,
        text,
        id=text_of(about, "id"),
        fields={"Subject": subject} if subject else {},
        is_active=flag_of(found, "active"),
        engine="handlebars" if generation == "dynamic" else "wrapper",
        more={"sendgrid": {"name": title, **_editing(found)}},
        about_template={"sendgrid": {"name": name, "generation": generation}},
    )


def _editing(found: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: text_of(found, name, most=_MOST_TEMPLATE) for name in ("editor", "test_data")}
    said = found.get("generate_plain_content")
    makes_text = {"generate_plain_content": said} if isinstance(said, bool) else {}
    return {name: text for name, text in kept.items() if text} | makes_text
