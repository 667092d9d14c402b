"""Mailgun's JSON objects -> things. Each function takes one object as its API writes it (OpenAPI description
and recorded traffic) and raises BadShape.

Public: bounce, unsubscribe, complaint, allowed, domain, tracking_pairs, hooks_of, account_hook, tags_of,
version, user, api_key.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from posthouse.model.suppression import SuppressionKind
from posthouse.moving.things import (
    Kind,
    NewAllowed,
    NewApiKey,
    NewDomain,
    NewListed,
    NewUser,
    NewVersion,
    NewWebhook,
    StaysBehind,
    Thing,
)
from posthouse.moving.values import as_object, flag_of, instant_of, text_of, words_of

_MOST_TEMPLATE = 1024 * 1024
_MOST_ERROR = 100_000


def _listed(value: Any, kind: SuppressionKind, domain: str, tags: tuple[str, ...] = ()) -> NewListed:
    found = as_object(value)
    detail = " ".join(filter(None, (text_of(found, "code"), text_of(found, "error", most=_MOST_ERROR))))
    at = instant_of(found, "created_at", "createdAt")
    return NewListed(text_of(found, "address"), kind, domain, tags, 0, at, detail)


def bounce(value: Any, domain: str) -> Iterator[Thing]:
    yield _listed(value, SuppressionKind.BOUNCE, domain)


def complaint(value: Any, domain: str) -> Iterator[Thing]:
    yield _listed(value, SuppressionKind.COMPLAINT, domain)


def unsubscribe(value: Any, domain: str) -> Iterator[Thing]:
    found = as_object(value)
    tags = words_of(found, "tags") or words_of(found, "tag")
    yield _listed(found, SuppressionKind.UNSUBSCRIBE, domain, () if "*" in tags else tags)


def allowed(value: Any, domain: str) -> Iterator[Thing]:
    found = as_object(value)
    yield NewAllowed(text_of(found, "value", "address", "domain"), domain, text_of(found, "reason"))


def domain(value: Any, pairs: tuple[str, ...] = ()) -> Iterator[Thing]:
    """`pairs`: what other calls told of its settings."""
    found = as_object(value)
    name = text_of(found, "name").lower()
    if text_of(found, "type") == "sandbox":
        why = "a sandbox belongs to the service"
        yield StaysBehind(Kind.DOMAIN, name, why, "posthouse domain add NAME --sandbox makes one here")
        return
    settings = [f"{key}=yes" for key in ("require_tls", "skip_verification") if flag_of(found, key)]
    if archive := text_of(found, "archive_to"):
        settings.append(f"archive_url={archive}")
    prefix = text_of(found, "web_prefix")
    if prefix and prefix != "email":
        settings.append(f"tracking_url={text_of(found, 'web_scheme') or 'https'}://{prefix}.{name}")
    yield NewDomain(name, (*settings, *pairs))


def tracking_pairs(value: Any) -> tuple[str, ...]:
    """Settings of a domain in an answer of `GET …/tracking`."""
    found = as_object(as_object(value).get("tracking") or value)
    opens, clicks = as_object(found.get("open") or {}), as_object(found.get("click") or {})
    unsubscribe = as_object(found.get("unsubscribe") or {})
    word = "html" if clicks.get("active") == "htmlonly" else "all" if flag_of(clicks, "active") else "off"
    return (
        f"track_opens={_yes(flag_of(opens, 'active'))}",
        f"pixel_at_top={_yes(flag_of(opens, 'place_at_the_top'))}",
        f"track_clicks={word}",
        f"unsubscribe={_yes(flag_of(unsubscribe, 'active'))}",
    )


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


def hooks_of(value: Any, domain: str) -> Iterator[Thing]:
    """URLs by event, as `GET …/webhooks` answers -> a webhook for each URL."""
    found = as_object(as_object(value).get("webhooks") or {})
    events: dict[str, list[str]] = {}
    for name, about in found.items():
        if about is None:
            continue
        said = as_object(about)
        for url in words_of(said, "urls") or words_of(said, "url"):
            events.setdefault(url, []).append(str(name))
    for url, names in events.items():
        yield NewWebhook(url, tuple(dict.fromkeys(names)), domain)


def account_hook(value: Any) -> Iterator[Thing]:
    """An element of `GET /v1/webhooks`."""
    found = as_object(value)
    yield NewWebhook(text_of(found, "url"), words_of(found, "event_types"), "", text_of(found, "description"))


def tags_of(value: Any) -> tuple[str, ...]:
    """Of the versions in an answer of `GET …/versions`."""
    listed = as_object(as_object(value).get("template") or {}).get("versions")
    names = [text_of(as_object(one), "tag") for one in listed] if isinstance(listed, list) else []
    return tuple(filter(None, names))


def version(value: Any, domain: str) -> Iterator[Thing]:
    """Of a template with one `version`, or with all its `versions`, and their content."""
    inside = as_object(value).get("template")
    about = inside if isinstance(inside, dict) else as_object(value)
    several = about.get("versions")
    for one in several if isinstance(several, list) else [about.get("version")]:
        found = as_object(one)
        html = text_of(found, "template", most=_MOST_TEMPLATE)
        if html:
            yield _version(about, found, html, domain)
            continue
        is_mjml = bool(text_of(found, "mjml", most=_MOST_TEMPLATE))
        what = f"{text_of(about, 'name')}, version {text_of(found, 'tag')}"
        why = "it is written in MJML" if is_mjml else "its text was not exported with it"
        yield StaysBehind(Kind.TEMPLATE, what, why, "posthouse template add FILE stores its HTML")


def _version(about: Any, found: Any, html: str, domain: str) -> NewVersion:
    comment, author = text_of(found, "comment"), text_of(about, "createdBy")
    return NewVersion(
        text_of(about, "name"),
        text_of(found, "tag"),
        html,
        domain=domain,
        description=text_of(about, "description"),
        fields=_fields(found.get("headers")),
        is_active=flag_of(found, "active"),
        more={"comment": comment} if comment else {},
        about_template={"created_by": author} if author else {},
    )


def _fields(headers: Any) -> dict[str, str]:
    if not isinstance(headers, dict):
        return {}
    return {name: text for name in ("Subject", "From", "Reply-To") if (text := text_of(headers, name))}


def user(value: Any) -> Iterator[Thing]:
    yield NewUser(text_of(as_object(value), "login", "mailbox"))


def api_key(value: Any) -> Iterator[Thing]:
    found = as_object(value)
    yield NewApiKey(text_of(found, "id"), text_of(found, "description"), words_of(found, "role"))
