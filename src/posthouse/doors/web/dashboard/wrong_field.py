"""Which field of a form a refusal is about, so that its sentence also stands beside that field.

Public: wrong_field.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "bad-address": ("to", "addresses", "address", "owner", "email", "values"),
    "bad-description": ("description",),
    "bad-day": ("day",),
    "bad-domain": ("from_domain", "hello", "domain", "name", "login"),
    "bad-key": ("key", "private"),
    "bad-login": ("login",),
    "bad-name": ("name",),
    "bad-password": ("password",),
    "bad-sample": ("sample",),
    "bad-selector": ("selector",),
    "bad-span": ("for",),
    "bad-text": ("description",),
    "bad-url": ("url",),
    "empty": ("address", "addresses"),
    "exists": ("login", "owner", "email", "selector", "address", "name"),
    "no-domain": ("from_domain", "domain", "login"),
    "no-event": ("event_id",),
    "no-own-address": ("address",),
    "no-pool": ("ip_pool",),
    "not-here": ("address",),
    "taken": ("name",),
    "weak-password": ("password",),
}
"""By a refusal's reason: the first of these that the form has."""


def wrong_field(reason: str, typed: Container[str], text: str = "") -> str:
    """The name of the field, "" where nobody can say. `typed`: what the form has; `text`: the refusal, which
    begins with the name of the setting where it is about one (`desk.setting_kinds`)."""
    if reason == "bad-setting":
        name = text.partition(" ")[0]
        return name if name in typed else ""
    return next((name for name in _FIELDS.get(reason, ()) if name in typed), "")
