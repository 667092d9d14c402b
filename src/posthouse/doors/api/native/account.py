"""The account that a key is of: its limits, its people, and the receiving sites where its mail waits.

Public: ENDPOINTS.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from posthouse.desk import accounts, people, queue_view, sites
from posthouse.desk.limits import LimitRow as FoundLimit
from posthouse.desk.limits import limits_of
from posthouse.doors.api.answers import Answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.endpoint import NativeEndpoint, Nothing, Page, one, reading
from posthouse.doors.api.native.listing import Listing, Positions, page_of, part_of, sliced
from posthouse.doors.api.native.scope import may_see
from posthouse.model.account import Role
from posthouse.store.connection import Connection
from posthouse.store.people import list_people as stored_people


class AccountSettingsRow(Struct, frozen=True, kw_only=True):
    """What the operator decided: most recipients in a minute, a day and a month (0: no limit), and after how
    many days bounced addresses get mail again (0: never)."""

    minute_messages: int
    daily_messages: int
    monthly_messages: int
    starts_at: int
    over_limit: str
    purge_hard_days: int
    purge_soft_days: int


class Caller(Struct, frozen=True, kw_only=True):
    """The key that asks. `domain`: the only one that it is for, empty for all."""

    id: str
    domain: str
    permissions: list[str]


class AccountRow(Struct, frozen=True, kw_only=True):
    """The account and the key that asks. `contents`: what it has, by kind."""

    name: str
    created_at: dt.datetime
    settings: AccountSettingsRow
    contents: dict[str, int]
    key: Caller


class LimitRow(Struct, frozen=True, kw_only=True):
    """A limit and how much of it is used up. `domain` empty: of the whole account."""

    domain: str
    window: str
    most: int
    used: int
    ends_at: dt.datetime
    note: str


class PersonRow(Struct, frozen=True, kw_only=True):
    """Somebody who signs in. `totp`: with a second step; `must_change`: the password is a one-time one."""

    email: str
    name: str
    role: Role
    totp: bool
    must_change: bool
    created_at: dt.datetime
    seen_at: dt.datetime | None


class SiteRow(Struct, frozen=True, kw_only=True):
    """A recipient domain where mail of the account waits, and what stands against it now."""

    domain: str
    waiting: int
    suspended_until: dt.datetime | None
    reason: str


async def show_account(call: Call, asked: Nothing) -> Answer:
    return one(AccountRow)(await call.read(_account, call))


def _account(conn: Connection, call: Call) -> dict[str, Any]:
    account = accounts.load_by_id(conn, call.account_id)
    who = call.principal
    return {
        "name": account.name,
        "created_at": account.created_at,
        "settings": asdict(account.settings),
        # what a key of one domain does not see is not counted for it either
        "contents": {} if who.domain else accounts.contents(conn, account),
        "key": {"id": who.login, "domain": who.domain, "permissions": list(who.permissions)},
    }


async def list_limits(call: Call, asked: Positions) -> Answer:
    found = await call.read(_limits, call)
    return sliced(LimitRow, [row for row in found if not row.domain or may_see(call, row.domain)], asked)


def _limits(conn: Connection, call: Call) -> list[FoundLimit]:
    return limits_of(conn, accounts.load_by_id(conn, call.account_id), call.now)


async def list_people(call: Call, asked: Listing) -> Answer:
    found = await call.read(stored_people, call.account_id, part_of(asked))
    rows = [people.person_row(each, call.account_id) for each in found]
    return page_of(PersonRow, rows, asked, lambda row: str(row["email"]))


async def list_sites(call: Call, asked: Positions) -> Answer:
    return sliced(SiteRow, await call.read(_sites, call), asked)


def _sites(conn: Connection, call: Call) -> list[dict[str, Any]]:
    """Only where the account's own mail waits: what else a site takes is nobody's business."""
    stopped = sites.suspensions(conn, call.now)
    return [
        {
            "domain": domain,
            "waiting": count,
            "suspended_until": rest.until if rest else None,
            "reason": rest.reason if rest else "",
        }
        for domain, count in queue_view.by_domain(conn, call.now, call.account_id).items()
        for rest in [stopped.get(domain)]
    ]


_TOPIC: dict[str, Any] = {"topic": "Account"}
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/account", "", show_account, "Show the account and the key that asks", **_TOPIC,
            gives=AccountRow, is_for_domains=True),
    reading("/limits", "", list_limits, "List limits and how much of them is used up", **_TOPIC,
            asks=Positions, gives=Page[LimitRow], is_for_domains=True),
    reading("/people", "keys.read", list_people, "List people who sign in", **_TOPIC,
            text="They are added and removed by people and at the command line.", asks=Listing,
            gives=Page[PersonRow]),
    reading("/sites", "queue.read", list_sites, "List receivers where mail waits", **_TOPIC,
            asks=Positions, gives=Page[SiteRow]),
)  # fmt: skip
