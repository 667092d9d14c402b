"""Files for a move from MailPace, each domain's in a folder of its name: lists of addresses in CSV (or one a
line), webhooks and domains in JSON.

Public: json_things, csv_things.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from posthouse.model.suppression import SuppressionKind
from posthouse.moving.folder import Hints
from posthouse.moving.lists import Sheet, allowed_rows, listed_rows
from posthouse.moving.things import NewDomain, NewWebhook, Thing
from posthouse.moving.values import BadShape, as_list, as_object, flag_of, text_of, words_of


def json_things(value: Any, hints: Hints) -> Iterator[Thing]:
    """`{"url", "events", "enabled"}`, `{"name"}` of a domain, or either in a list. Raises BadShape."""
    found = as_object(value)
    for name in ("webhooks", "domains"):
        if name in found:
            for item in as_list(found[name]):
                yield from json_things(item, hints)
            return
    if "url" in found or "endpoint" in found:
        is_on = flag_of(found, "enabled") if "enabled" in found else True
        url = text_of(found, "url", "endpoint")
        yield NewWebhook(url, words_of(found, "events"), hints.needed_domain(), text_of(found, "name"), is_on)
    elif "name" in found:
        yield NewDomain(text_of(found, "name").lower())
    else:
        raise BadShape("this is nothing that can be imported")


def csv_things(sheet: Sheet, hints: Hints) -> Iterator[Thing]:
    """Everybody in the file: the block list, unless its name says allow list. Raises BadShape."""
    if hints.has("allow", "white"):
        yield from allowed_rows(sheet, domain=hints.needed_domain())
    else:  # a hard bounce puts an address on the block list of its domain
        yield from listed_rows(sheet, SuppressionKind.BOUNCE, domain=hints.needed_domain())
