"""Tags as people manage them: of one sending domain, or of the whole account (`domain` "").

A tag is there once it was counted. What is written about it is the account's; deleting a tag deletes its
counts and nothing else: mail that uses it again makes it anew.

Public: Tag, list_tags, load_tag, describe, delete_tag, count_tags, MOST_TAGS.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from posthouse.model.errors import Refused
from posthouse.rules.metrics import DOMAIN, DOMAIN_TAG, MOST_NAMES, OTHER_NAMES, TAG
from posthouse.store import tags
from posthouse.store.connection import Connection
from posthouse.store.tally_names import TallyName

MOST_TAGS = MOST_NAMES[TAG]
MOST_CHARS = 1_000
_STEP = 100


@dataclass(frozen=True, slots=True)
class Tag:
    """First and last seen, UTC, the last one to the hour."""

    name: str
    description: str
    first_at: float
    last_at: float


def list_tags(
    conn: Connection,
    *,
    account_id: str,
    domain: str = "",
    prefix: str = "",
    after: str = "",
    before: str = "",
    from_end: bool = False,
    limit: int = 100,
) -> list[Tag]:
    """One page in the order of names: behind `after`, or the last ones before `before` or before the end."""
    dim, opening = _place(domain)
    found = tags.page(
        conn,
        account_id,
        dim,
        opening + prefix,
        limit,
        after=opening + after if after else "",
        before=opening + before if before else "",
        from_end=from_end,
    )
    if prefix and not (after or before or from_end):  # the tag that is the prefix itself comes first
        exact = tags.find(conn, account_id, dim, opening + prefix)
        found = [*([exact] if exact else []), *found][:limit]
    return _tags(conn, account_id, found, opening)


def _place(domain: str) -> tuple[str, str]:
    """The dim, and how its names begin."""
    return (DOMAIN_TAG, f"{domain} ") if domain else (TAG, "")


def _tags(conn: Connection, account_id: str, found: Iterable[TallyName], opening: str) -> list[Tag]:
    named = [(each.name.removeprefix(opening), each) for each in found if each.name != OTHER_NAMES]
    notes = tags.notes(conn, account_id, [name for name, _ in named])
    return [Tag(name, notes.get(name, ""), each.first_at, each.last_at) for name, each in named]


def load_tag(conn: Connection, name: str, *, account_id: str, domain: str = "") -> Tag:
    """Raises Refused (`no-tag`)."""
    dim, opening = _place(domain)
    found = tags.find(conn, account_id, dim, opening + name)
    if found is None:
        raise Refused(550, "5.5.4", f"There is no tag {name[:200]}", reason="no-tag")
    [tag] = _tags(conn, account_id, [found], opening)
    return tag


def describe(conn: Connection, name: str, description: str, *, account_id: str, domain: str = "") -> None:
    """Inside the caller's transaction. Raises Refused (`no-tag`, `too-long`)."""
    load_tag(conn, name, account_id=account_id, domain=domain)
    if len(description) > MOST_CHARS:
        text = f"The description is longer than {MOST_CHARS} characters"
        raise Refused(501, "5.5.4", text, reason="too-long")
    tags.put_note(conn, account_id, name, description.replace("\0", ""))


def delete_tag(conn: Connection, name: str, now: float, *, account_id: str, domain: str = "") -> None:
    """Inside the caller's transaction. Without a domain the tag goes from all domains. Raises Refused
    (`no-tag`)."""
    load_tag(conn, name, account_id=account_id, domain=domain)
    dim, opening = _place(domain)
    tags.forget(conn, account_id, dim, opening + name, now)
    if domain:
        return
    tags.drop_note(conn, account_id, name)
    for each in _domains(conn, account_id):
        tags.forget(conn, account_id, DOMAIN_TAG, f"{each} {name}", now)


def _domains(conn: Connection, account_id: str) -> Iterable[str]:
    """All that ever sent, also those that are gone."""
    after = ""
    while found := tags.page(conn, account_id, DOMAIN, "", _STEP, after=after):
        yield from [each.name for each in found]
        after = found[-1].name


def count_tags(conn: Connection, *, account_id: str, domain: str = "") -> int:
    dim, opening = _place(domain)
    return tags.count(conn, account_id, dim, opening)
