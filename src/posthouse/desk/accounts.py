"""Accounts: whose things a command or a call changes; made, limited, suspended, removed.

A suspended account keeps everything. Nobody of it may sign in or send, and its queued mail waits until it is
resumed (docs/decisions/020).

Public: USUAL, ALL, own_account, ensure, scope, load, load_by_id, account_name, add, change_settings,
apply_settings, suspend, resume, contents, remove, removable, give_up_mail, end,
account_row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import asdict, replace

from posthouse.desk import account_settings
from posthouse.desk.room import give_room_back
from posthouse.model.account import Account, AccountSettings
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store import caps, estate, identity, people, queue
from posthouse.store.engine import Connection

USUAL = "default"
"""The account that is meant where nobody names one; it is made with the first domain."""

ALL = "all"
"""What an operator says to look at the mail of every account; no account has that name."""

_NOBODY = "-"  # the id of no account
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")


def own_account(conn: Connection, name: str = "") -> str:
    """The account's id, "" for the usual one. Raises Refused."""
    return load(conn, name).id


def ensure(conn: Connection, ids: Ids, now: float, name: str = "") -> str:
    """The account's id; the usual one ("") is made where there is none. Raises Refused."""
    if name.strip().lower() in ("", USUAL):
        return identity.ensure_account(conn, USUAL, id=ids.new(), now=now).id
    return own_account(conn, name)


def scope(conn: Connection, name: str = "") -> str:
    """Whose mail a command looks at: an account's id, "" for everybody's. Raises Refused.

    Before the first domain there is nothing to see, which is an answer and no error.
    """
    if name == ALL:
        return ""
    if not name and identity.find_account(conn, USUAL) is None:
        return _NOBODY
    return own_account(conn, name)


def load(conn: Connection, name: str = "") -> Account:
    """An account by its name, "" for the usual one. Raises Refused."""
    name = name.strip().lower()
    found = identity.find_account(conn, name or USUAL)
    if found is not None:
        return found
    if not name or name == USUAL:
        text = "There is no domain here yet: begin with `posthouse domain add`"
    else:
        text = f"There is no account {name} here"
    raise Refused(550, "5.1.2", text, reason="no-account")


def account_name(text: str) -> str:
    """A name for an account, in lower case. Raises Refused."""
    name = text.strip().lower()
    if not _NAME.match(name) or name == ALL:
        raise Refused(
            501,
            "5.5.4",
            "An account's name has 1 to 64 letters, digits and - _ . and begins with a letter or digit; "
            "it is not `all`",
            reason="bad-name",
        )
    return name


def add(conn: Connection, ids: Ids, now: float, name: str) -> Account:
    """Make an account, inside the caller's transaction. Raises Refused."""
    name = account_name(name)
    account_id = ids.new()
    made = identity.ensure_account(conn, name, id=account_id, now=now)
    if made.id != account_id:
        raise Refused(550, "5.1.2", f"There is an account {name} already", reason="exists")
    return made


def change_settings(conn: Connection, name: str, pairs: Sequence[str]) -> Account:
    """Apply `key=value` pairs, inside the caller's transaction. With another `starts_at` it begins anew.
    Raises Refused."""
    account = load(conn, name)
    made = account_settings.changed(account.settings, pairs)
    if made.starts_at != account.settings.starts_at:
        caps.forget_cap(conn, account.id)
    return _changed(conn, account, made)


def load_by_id(conn: Connection, account_id: str) -> Account:
    """The account of somebody who has signed in. Raises Refused when it has gone since."""
    found = identity.find_account_by_id(conn, account_id)
    if found is None:
        raise Refused(550, "5.1.2", "This account is not here any more", reason="no-account")
    return found


def apply_settings(conn: Connection, account_id: str, values: Mapping[str, Any]) -> AccountSettings:
    """What holds for the account's mail, as its programs say it, inside the caller's transaction; what is not
    in `values` stays. Raises Refused."""
    account = load_by_id(conn, account_id)
    return _changed(conn, account, account_settings.applied(account.settings, values)).settings


def suspend(conn: Connection, name: str) -> Account:
    """Nobody of it signs in or sends from now on; twice is as once. Raises Refused."""
    account = load(conn, name)
    return _changed(conn, account, replace(account.settings, is_suspended=True))


def resume(conn: Connection, name: str) -> Account:
    """Let a suspended account go on, with the mail that waits. Raises Refused."""
    account = load(conn, name)
    return _changed(conn, account, replace(account.settings, is_suspended=False))


def _changed(conn: Connection, account: Account, settings: AccountSettings) -> Account:
    if settings != account.settings:
        identity.set_account_settings(conn, account.id, settings)
    return Account(account.id, account.name, account.created_at, settings)


def contents(conn: Connection, account: Account) -> dict[str, int]:
    """What the account has, by kind ("domains", …, "queued"): what would go with it. Only what there is."""
    found = estate.counts(conn, account.id) | {"queued": estate.open_deliveries(conn, account.id)}
    return {kind: number for kind, number in found.items() if number}


def remove(conn: Connection, ids: Ids, now: float, name: str, *, gives_up_mail: bool = False) -> Account:
    """Remove an account with all that it has; its messages and events stay until their time is over.

    Works in transactions of its own. Raises Refused: the usual account, or mail is queued and not
    `gives_up_mail`; with it that mail is cancelled, but for what is being sent at this moment.
    """
    account = removable(conn, name)
    if gives_up_mail:
        with conn.transaction():
            suspend(conn, account.name)  # nothing new joins what is given up
        queue.in_steps(conn, give_up_mail, account, now, ids)
    with conn.transaction():
        end(conn, account, gives_up_mail=gives_up_mail)
    return account


def removable(conn: Connection, name: str) -> Account:
    """The account, which is not the usual one. Raises Refused."""
    account = load(conn, name)
    if account.name == USUAL:
        raise Refused(550, "5.5.4", f"The account {USUAL} cannot be removed", reason="usual-account")
    return account


def give_up_mail(conn: Connection, account: Account, now: float, ids: Ids) -> int:
    """Cancel some thousands of its deliveries that wait, inside the caller's transaction; how many."""
    chosen = queue.Selector(everything=True, account_id=account.id)
    return queue.drop(conn, chosen, now, ids, give_room_back)


def end(conn: Connection, account: Account, *, gives_up_mail: bool) -> None:
    """Remove it with all that it has, inside the caller's transaction. Raises Refused: mail is queued that
    nobody gave up."""
    if not gives_up_mail and (queued := estate.open_deliveries(conn, account.id)):
        mails = "1 delivery" if queued == 1 else f"{queued} deliveries"
        raise Refused(
            550,
            "5.5.4",
            f"The account {account.name} has {mails} in the queue; let them go out, or give them up",
            reason="mail-queued",
        )
    estate.remove_assets(conn, account.id)
    identity.remove_account(conn, account.id)
    people.remove_roleless(conn)


def account_row(account: Account) -> dict[str, Any]:
    """An account as plain values."""
    settings = asdict(account.settings)
    return {
        "name": account.name,
        "id": account.id,
        "suspended": settings.pop("is_suspended"),
        "created_at": account.created_at,
        "settings": settings,
    }
