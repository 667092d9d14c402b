"""Lists of addresses that must not get mail, and the groups that recipients may leave one by one.

Public: Place, place, add, Entry, add_entries, remove, remove_rows, suppression_row, cursor_of, place_after,
parse_instant, allow, disallow, disallow_of_account, allowed_value, allowed_row, add_group, load_group,
change_group, remove_group, group_row, group_rows.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from posthouse.desk.domains import load, sending_name
from posthouse.desk.reports import utc_text
from posthouse.model.address import BadAddress, ascii_domain, parse_address
from posthouse.model.errors import Refused
from posthouse.model.suppression import Allowed, Suppression, SuppressionKind
from posthouse.rules.suppression_csv import parse_time
from posthouse.store import allowed, groups, suppression_times, suppressions
from posthouse.store.engine import Connection
from posthouse.store.groups import Group
from posthouse.store.parts import EVERYTHING, Part
from posthouse.store.trouble import Duplicate

MAX_GROUP_NAME = 100
MAX_DESCRIPTION = 500


@dataclass(frozen=True, slots=True)
class Place:
    """Which list: None does not restrict (for removing and listing)."""

    kind: SuppressionKind | None = None
    domain: str | None = None
    scope: str | None = None


def place(
    conn: Connection, account_id: str, *, kind: str = "", domain: str = "", tag: str = "", group: int = 0
) -> Place:
    """What a person named, judged; "" and 0 were not named. Raises Refused."""
    if tag and group:
        raise _refused("Choose a tag or a group, not both", "bad-scope")
    if group and domain:
        raise _refused("A group belongs to the whole account: leave the domain out", "bad-scope")
    if group and groups.find_group(conn, account_id, group) is None:
        raise _no_group(group)
    scope = f"tag:{tag.lower()}" if tag else groups.scope_of(group) if group else None
    return Place(_kind(kind) if kind else None, sending_name(domain) if domain else None, scope)


def _kind(text: str) -> SuppressionKind:
    try:
        return SuppressionKind(text.lower())
    except ValueError as error:
        allowed = ", ".join(SuppressionKind)
        raise _refused(f"There is no list of that kind; allowed: {allowed}", "bad-kind") from error


def add(
    conn: Connection, account_id: str, addresses: Sequence[str], where: Place, now: float, detail: str = ""
) -> list[Suppression]:
    """Put addresses on one list; without a kind the unsubscribes, without a domain for the whole account.

    All or none, inside the caller's transaction. Raises Refused.
    """
    kind = where.kind or SuppressionKind.UNSUBSCRIBE
    domain, scope = where.domain or "", where.scope or ""
    if scope and kind is not SuppressionKind.UNSUBSCRIBE:
        raise _refused("Only unsubscribes are for a tag or a group", "bad-scope")
    if domain:
        load(conn, account_id, domain)  # a list for a name that is misspelt would never be asked
    rows = [
        Suppression(account_id, _address(text, kind), kind, domain, scope, now, detail) for text in addresses
    ]
    suppressions.add(conn, rows)
    return rows


@dataclass(frozen=True, slots=True)
class Entry:
    """An address as another service's list has it. `scopes` as in `Suppression`; `at` None: now."""

    address: str
    scopes: tuple[str, ...] = ("",)
    at: float | None = None
    detail: str = ""


def add_entries(
    conn: Connection,
    account_id: str,
    kind: SuppressionKind,
    domain: str,
    entries: Sequence[Entry],
    now: float,
) -> list[Suppression]:
    """Put these on one list of a sending domain ("": of the whole account), each with its own time and
    detail. All or none, inside the caller's transaction. Raises Refused."""
    name = load(conn, account_id, domain)[0].name if domain else ""
    rows = [
        Suppression(account_id, _address(entry.address, kind), kind, name, scope, at, entry.detail)
        for entry in entries
        for scope in entry.scopes
        for at in [now if entry.at is None else entry.at]
    ]
    suppressions.add(conn, rows)
    return rows


def _address(text: str, kind: SuppressionKind) -> str:
    try:
        return str(parse_address(text.strip())).lower()
    except BadAddress as error:
        if kind is SuppressionKind.INVALID and text.strip():
            return text.strip().lower()  # that list is for what is no address
        raise _refused(f"Not an address: {error}", "bad-address") from error


def remove(conn: Connection, account_id: str, addresses: Sequence[str], where: Place) -> int:
    """Take addresses off the lists that `where` names; how many rows went."""
    return sum(
        suppressions.remove(
            conn,
            account_id,
            _address(text, SuppressionKind.INVALID),
            kind=where.kind,
            domain=where.domain,
            scope=where.scope,
        )
        for text in addresses
        if text.strip()
    )


def remove_rows(conn: Connection, account_id: str, cursors: Sequence[str]) -> int:
    """Take just these rows off their lists; how many went. Raises Refused."""
    gone = 0
    for address, kind, domain, scope in map(place_after, cursors):
        gone += suppressions.remove(conn, account_id, address, kind=_kind(kind), domain=domain, scope=scope)
    return gone


def suppression_row(item: Suppression) -> dict[str, Any]:
    """One row as plain values."""
    return {
        "address": item.address,
        "kind": str(item.kind),
        "domain": item.domain,
        "scope": item.scope,
        "at": item.at,
        "time": utc_text(item.at),
        "detail": item.detail,
    }


def cursor_of(item: Suppression) -> str:
    """What names the row as the place where a next page goes on."""
    return base64.urlsafe_b64encode("\n".join(suppressions.place_of(item)).encode()).decode().rstrip("=")


def place_after(cursor: str) -> suppressions.Place:
    """The reverse. Raises Refused."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        address, kind, domain, scope = text.split("\n")
    except ValueError as error:
        raise _refused("This is not a cursor; take one that `list` printed", "bad-cursor") from error
    return address, kind, domain, scope


_SPANS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


def parse_instant(text: str, now: float) -> float:
    """`2026-03-26`, `2026-03-26T12:00:00Z`, `7d` (before now; also m, h, w). Raises Refused."""
    text = text.strip()
    if text[-1:] in _SPANS and text[:-1].isascii() and text[:-1].isdigit() and len(text) < 8:
        return now - int(text[:-1]) * _SPANS[text[-1]]
    at = parse_time(text)
    if at is None:
        raise _refused("Not a time: write 2026-03-26, 2026-03-26T12:00:00Z or 7d (7 days ago)", "bad-time")
    return at


# The allow list


def allow(
    conn: Connection, account_id: str, values: Sequence[str], domain: str, now: float, detail: str = ""
) -> list[Allowed]:
    """Put addresses and recipient domains (`@example.com` or `example.com`) on the allow list, for a sending
    domain ("": all). All or none, inside the caller's transaction. Raises Refused."""
    name = sending_name(domain) if domain else ""
    if name:
        load(conn, account_id, name)
    rows = [Allowed(account_id, name, allowed_value(text), now, detail) for text in values]
    allowed.add(conn, rows)
    return rows


def disallow(conn: Connection, account_id: str, values: Sequence[str], domain: str) -> int:
    """Take them off again, everywhere or for one sending domain; how many rows went. Raises Refused."""
    name = sending_name(domain) if domain else None
    return sum(allowed.remove(conn, account_id, allowed_value(text), name) for text in values)


def disallow_of_account(conn: Connection, account_id: str, values: Sequence[str]) -> int:
    """Take off those that hold for all of the account, not those of a sending domain; how many rows went.
    Raises Refused."""
    return sum(allowed.remove(conn, account_id, allowed_value(text), "") for text in values)


def allowed_value(text: str) -> str:
    """An entry as the list keeps it. Raises Refused."""
    text = text.strip()
    try:
        if text.rpartition("@")[0]:
            return str(parse_address(text)).lower()
        return f"@{ascii_domain(text.removeprefix('@'))}"
    except BadAddress as error:
        raise _refused(f"Neither an address nor a domain: {error}", "bad-address") from error


def allowed_row(item: Allowed) -> dict[str, Any]:
    """One entry as plain values."""
    return {
        "value": item.value,
        "type": "domain" if item.value.startswith("@") else "address",
        "domain": item.domain,
        "at": item.at,
        "time": utc_text(item.at),
        "detail": item.detail,
    }


# Groups


def add_group(
    conn: Connection,
    account_id: str,
    name: str,
    description: str = "",
    *,
    is_default: bool = False,
    number: int = 0,
) -> Group:
    """A new group, inside the caller's transaction; `number` as in `store.groups`. Raises Refused."""
    name = name.strip()
    _judge_group(name, description)
    try:
        return groups.add_group(conn, account_id, name, description, is_default=is_default, number=number)
    except Duplicate as error:
        raise _refused(f"There is a group {name} already", "exists") from error


def load_group(conn: Connection, account_id: str, number: int) -> Group:
    """One of the account's. Raises Refused, in the same words for another account's (S20)."""
    found = groups.find_group(conn, account_id, number) if 0 < number < 2**31 else None
    if found is None:
        raise _no_group(number)
    return found


def change_group(
    conn: Connection,
    account_id: str,
    number: int,
    *,
    name: str | None = None,
    description: str | None = None,
    is_default: bool | None = None,
) -> Group:
    """What is said takes the place of what was, inside the caller's transaction. Raises Refused."""
    before = load_group(conn, account_id, number)
    made = Group(
        number,
        account_id,
        before.name if name is None else name.strip(),
        before.description if description is None else description,
        before.is_default if is_default is None else is_default,
    )
    _judge_group(made.name, made.description)
    try:
        groups.change_group(conn, made)
    except Duplicate as error:
        raise _refused(f"There is a group {made.name} already", "exists") from error
    return made


def _judge_group(name: str, description: str) -> None:
    if not name or not name.isprintable() or len(name) > MAX_GROUP_NAME:
        raise _refused(f"A group's name has 1 to {MAX_GROUP_NAME} visible characters", "bad-name")
    if not (description.isprintable() and len(description) <= MAX_DESCRIPTION):
        raise _refused(f"A description is one line of at most {MAX_DESCRIPTION} characters", "bad-text")


def remove_group(conn: Connection, account_id: str, number: int) -> None:
    """End a group and its list. Raises Refused."""
    if not groups.remove_group(conn, account_id, number):
        raise _no_group(number)


def group_row(group: Group) -> dict[str, Any]:
    """One group as plain values."""
    return {
        "number": group.number,
        "name": group.name,
        "description": group.description,
        "is_default": group.is_default,
    }


def group_rows(conn: Connection, account_id: str, part: Part = EVERYTHING) -> list[dict[str, Any]]:
    """The account's groups by number, with how many addresses left each."""
    return [
        group_row(group)
        | {"unsubscribed": suppression_times.count_scope(conn, account_id, groups.scope_of(group.number))}
        for group in groups.list_groups(conn, account_id, part)
    ]


def _no_group(number: int) -> Refused:
    return _refused(f"There is no group {number} here", "no-group")


def _refused(text: str, reason: str) -> Refused:
    return Refused(501, "5.5.4", text, reason=reason)
