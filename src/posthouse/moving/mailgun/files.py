"""Files of Mailgun: CSV of its control panel, and JSON as its API answers it; its content tells what each is.

Public: json_things, csv_things.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from posthouse.model.suppression import SuppressionKind
from posthouse.moving.folder import Hints
from posthouse.moving.lists import Sheet, allowed_rows, listed_rows
from posthouse.moving.mailgun import shapes
from posthouse.moving.things import NewSigningKey, Thing
from posthouse.moving.values import BadShape, as_list, as_object, text_of

_KINDS = (
    (("bounce",), SuppressionKind.BOUNCE),
    (("complain", "spam"), SuppressionKind.COMPLAINT),
    (("unsub", "optout"), SuppressionKind.UNSUBSCRIBE),
)


def json_things(value: Any, hints: Hints) -> Iterator[Thing]:
    """What one value of a file holds. Raises BadShape."""
    found = as_object(value)
    if "items" in found:
        for item in as_list(found["items"]):
            yield from _item(as_object(item), hints)
    elif "http_signing_key" in found:
        yield NewSigningKey(text_of(found, "http_signing_key").encode())
    elif "webhooks" in found:
        yield from _webhooks(found, hints)
    elif isinstance(found.get("domain"), dict):
        told = shapes.tracking_pairs(found) if found.get("tracking") else ()
        yield from shapes.domain(found["domain"], told)
    elif isinstance(found.get("template"), dict):
        yield from shapes.version(found, hints.domain)
    else:
        yield from _item(found, hints)


def _webhooks(found: Any, hints: Hints) -> Iterator[Thing]:
    if not isinstance(found["webhooks"], list):
        yield from shapes.hooks_of(found, hints.needed_domain())
        return
    for item in found["webhooks"]:
        yield from shapes.account_hook(item)


def _item(found: Any, hints: Hints) -> Iterator[Thing]:
    """What one element of a list is. Raises BadShape."""
    said = found.keys()
    if "address" in said and ("code" in said or "error" in said):
        yield from shapes.bounce(found, hints.needed_domain())
    elif "address" in said and ("tags" in said or "tag" in said):
        yield from shapes.unsubscribe(found, hints.needed_domain())
    elif "value" in said and found.get("type") in ("address", "domain"):
        yield from shapes.allowed(found, hints.needed_domain())
    elif "address" in said:
        yield from shapes.complaint(found, hints.needed_domain())
    elif "event_types" in said:
        yield from shapes.account_hook(found)
    elif "mailbox" in said or "login" in said:
        yield from shapes.user(found)
    elif "version" in said or "versions" in said:
        yield from shapes.version(found, hints.domain)
    elif "name" in said and ("smtp_login" in said or "state" in said or "web_prefix" in said):
        yield from shapes.domain(found)
    elif "role" in said:
        yield from shapes.api_key(found)
    else:
        raise BadShape("this is nothing that can be imported")


def csv_things(sheet: Sheet, hints: Hints) -> Iterator[Thing]:
    """Everybody in the file. Raises BadShape when nobody can tell which list it is."""
    heads = set(sheet.heads)
    if {"value", "type"} <= heads or {"address", "domain"} == heads or hints.has("allow", "white"):
        yield from allowed_rows(sheet, domain=hints.needed_domain())
        return
    kind = sheet.columns.kind or _kind_by_name(hints)
    # our own export says the domain row by row
    domain = hints.domain if "domain" in sheet.columns.places else hints.needed_domain()
    yield from listed_rows(sheet, kind, domain=domain)


def _kind_by_name(hints: Hints) -> SuppressionKind:
    for beginnings, kind in _KINDS:
        if hints.has(*beginnings):
            return kind
    raise BadShape("its columns fit several lists; put bounces, complaints or unsubscribes into its name")
