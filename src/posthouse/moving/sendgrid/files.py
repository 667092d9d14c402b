"""Files of SendGrid: CSV of its suppression pages, and JSON as its API answers it. What each is, its content
tells; where several lists look alike, the name of the file.

Public: json_things, csv_things.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from posthouse.model.suppression import SuppressionKind
from posthouse.moving.folder import Hints
from posthouse.moving.lists import Sheet, listed_rows
from posthouse.moving.sendgrid import shapes
from posthouse.moving.things import NewAllowed, Thing
from posthouse.moving.values import BadShape, as_list, as_object, words_of

_WORDS = (
    (("block",), SuppressionKind.BLOCK),
    (("bounce",), SuppressionKind.BOUNCE),
    (("invalid",), SuppressionKind.INVALID),
    (("spam", "complain"), SuppressionKind.COMPLAINT),
    (("unsub", "global", "optout"), SuppressionKind.UNSUBSCRIBE),
)
_UNCLEAR = (
    "its columns fit several lists; "
    "put bounces, blocks, invalid, spam, unsubscribes or group-NUMBER into the name of the file"
)


def json_things(value: Any, hints: Hints) -> Iterator[Thing]:
    """What one value of a file holds. Raises BadShape."""
    if isinstance(value, str):
        yield from shapes.group_member(value, _group(hints))
        return
    found = as_object(value)
    for name in ("result", "templates", "webhooks", "suppressions"):
        if isinstance(found.get(name), list):
            for item in as_list(found[name]):
                yield from _item(as_object(item), hints)
            return
    yield from _item(found, hints)


def _item(found: Mapping[str, Any], hints: Hints) -> Iterator[Thing]:
    said = found.keys()
    if "email" in said and ("group_id" in said or hints.group):
        yield from shapes.group_member(found, hints.group)
    elif "email" in said:
        yield from shapes.listed(found, _kind(set(said), hints))
    elif "generation" in said or ("versions" in said and "id" in said):
        yield from shapes.template(found)
    elif "group_resubscribe" in said or "spam_report" in said:
        yield from shapes.webhook(found)
    elif "domain" in said and ("dns" in said or "automatic_security" in said):
        yield from shapes.domain(found)
    elif "is_default" in said or "unsubscribes" in said:
        yield from shapes.group(found)
    elif "api_key_id" in said:
        yield from shapes.api_key(found)
    elif "list" in said and "enabled" in said:
        yield from (NewAllowed(word) for word in words_of(found, "list"))
    else:
        raise BadShape("this is nothing that can be imported")


def csv_things(sheet: Sheet, hints: Hints) -> Iterator[Thing]:
    """Everybody in the file. Raises BadShape when nobody can tell which list it is."""
    if "group" in sheet.columns.places or hints.group or hints.has("group"):
        if "group" not in sheet.columns.places:
            _group(hints)
        yield from listed_rows(sheet, SuppressionKind.UNSUBSCRIBE, group=hints.group)
        return
    # of the domains it knows nothing: these lists are the whole account's
    yield from listed_rows(sheet, _kind(set(sheet.heads), hints))


def _kind(heads: set[str], hints: Hints) -> SuppressionKind:
    for beginnings, kind in _WORDS:
        if hints.has(*beginnings):
            return kind
    if "ip" in heads:
        return SuppressionKind.COMPLAINT
    if "reason" in heads and "status" not in heads:
        return SuppressionKind.INVALID
    raise BadShape(_UNCLEAR)


def _group(hints: Hints) -> int:
    if not hints.group:
        raise BadShape("it does not say which group it is of; name the file group-NUMBER")
    return hints.group
