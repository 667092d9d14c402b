"""Keys that sign posts, changed without a gap: the old one goes on for a while after the new one is there.

Where a post carries several signatures (Standard Webhooks) all keys sign whose time is not over, so a
receiver takes our posts with either. Mailgun's, SendGrid's and MailPace's posts carry one: there the old key
signs alone until its time is over, and the new one from that instant; receivers learn the new one before.

Public: KEEP_S, KEEP_MOST_S, MOST_OLDER, Standing, of_keys, standing, read_keep, rotate, end_older,
load_signing_key, find_signing_key, standing_row, news_of.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from posthouse.desk.hook_keys import OF_DOMAIN, Made, missing, place_of, seal, way_of
from posthouse.desk.hook_signing import STANDARD
from posthouse.desk.installation import Installation
from posthouse.desk.sites import read_span
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.model.hook import HookKey
from posthouse.store import hook_keys
from posthouse.store.engine import Connection
from posthouse.store.hook_keys import SealedHookKey

KEEP_S, KEEP_MOST_S = 86400.0, 30 * 86400.0
MOST_OLDER = 2  # each is a signature more in every post


@dataclass(frozen=True, slots=True)
class Standing:
    """The keys of one account (or domain) and dialect. `older`: those whose time is not over, in the order in
    which it ends."""

    newest: SealedHookKey
    older: Sequence[SealedHookKey] = ()

    @property
    def signs_together(self) -> bool:
        """Do all of them sign each post?"""
        return self.newest.algorithm == STANDARD

    @property
    def signing(self) -> SealedHookKey:
        """The key that signs now; where all do, the newest."""
        return self.newest if self.signs_together or not self.older else self.older[0]

    @property
    def signs_from(self) -> float:
        """When the newest began to sign, or will."""
        if self.signs_together or not self.older:
            return self.newest.created_at
        return self.older[-1].ends_at


def of_keys(keys: Sequence[SealedHookKey], now: float) -> Standing | None:
    """`keys` as the store has them, the oldest first; None for none."""
    newest = next((key for key in keys if not key.ends_at), None)
    if newest is None:
        return None
    return Standing(newest, tuple(key for key in keys if key.ends_at > now))


def standing(conn: Connection, account_id: str, dialect: str, domain: str, now: float) -> Standing:
    """The account's keys of a dialect. Raises Refused."""
    way_of(dialect)
    place = place_of(conn, account_id, dialect, domain)
    found = of_keys(hook_keys.hook_keys_of(conn, account_id, place, dialect), now)
    if found is None:
        raise missing(dialect)
    return found


def read_keep(text: str) -> float:
    """How long an old key goes on: `24h`, `7d`, or `now` for not at all. Raises Refused."""
    return 0.0 if text.strip().lower() == "now" else read_span(text)


def rotate(
    conn: Connection,
    installation: Installation,
    ids: Ids,
    now: float,
    made: Made,
    *,
    account_id: str,
    dialect: str,
    domain: str = "",
    keep_s: float = KEEP_S,
) -> Standing:
    """A new key, and the one that is there ends in `keep_s` seconds (0: at once), inside the caller's
    transaction. An end that was said before is never put off. Raises Refused."""
    if not 0 <= keep_s <= KEEP_MOST_S:
        text = f"An old key may go on for up to {KEEP_MOST_S / 86400:.0f} days"
        raise Refused(501, "5.5.4", text, reason="bad-span")
    before = standing(conn, account_id, dialect, domain, now)
    at = (account_id, before.newest.domain, dialect)
    if not keep_s:
        hook_keys.remove_hook_key(conn, *at)
    elif before.older and not before.signs_together:
        hook_keys.remove_newest(conn, *at)  # it waited for its turn, and nothing was signed with it
        hook_keys.end_hook_keys(conn, *at, now + keep_s)
    else:
        _check_room(before)
        hook_keys.end_hook_keys(conn, *at, now + keep_s)
    hook_keys.add_hook_key(conn, seal(installation, ids, now, made, *at))
    return standing(conn, account_id, dialect, domain, now)


def _check_room(before: Standing) -> None:
    """Raises Refused."""
    if len(before.older) >= MOST_OLDER:
        text = (
            f"{len(before.older) + 1} {before.newest.dialect} hook keys sign already, the first until "
            f"{_when(before.older[0].ends_at)}: end the older ones first"
        )
        raise Refused(550, "5.5.0", text, reason="too-many-hook-keys")


def end_older(conn: Connection, account_id: str, dialect: str, domain: str, now: float) -> Standing:
    """The newest key signs alone from now on, inside the caller's transaction. Raises Refused."""
    before = standing(conn, account_id, dialect, domain, now)
    hook_keys.remove_older(conn, account_id, before.newest.domain, dialect)
    return Standing(before.newest)


def load_signing_key(
    conn: Connection, installation: Installation, account_id: str, dialect: str, domain: str, now: float
) -> HookKey:
    """What signs now, opened. Raises Refused when there is none, SealBroken when it does not open."""
    return _opened(installation, standing(conn, account_id, dialect, domain, now))


def find_signing_key(
    conn: Connection, installation: Installation, account_id: str, dialect: str, domain: str, now: float
) -> HookKey | None:
    """What signs a post about mail of `domain` now; None without a key. Raises SealBroken."""
    place = domain if dialect in OF_DOMAIN else ""
    found = of_keys(hook_keys.hook_keys_of(conn, account_id, place, dialect), now)
    return None if found is None else _opened(installation, found)


def _opened(installation: Installation, found: Standing) -> HookKey:
    key = found.signing
    older = found.older if found.signs_together else ()
    return HookKey(
        key.algorithm,
        installation.open(key.private, key.id),
        key.public,
        tuple(installation.open(each.private, each.id) for each in reversed(older)),
    )


def standing_row(found: Standing) -> dict[str, Any]:
    """The newest key as plain values without its private half, from when it signs, and the `older` ones that
    go on until their `ends_at`."""
    key = found.newest
    return {
        "dialect": key.dialect,
        "domain": key.domain,
        "algorithm": key.algorithm,
        "public": key.public,
        "created_at": key.created_at,
        "signs_from": found.signs_from,
        "older": [
            {"public": each.public, "created_at": each.created_at, "ends_at": each.ends_at}
            for each in found.older
        ],
    }


def news_of(found: Standing) -> str:
    """Which key signs from when, as sentences."""
    if not found.older:
        return "The new key signs from now on, alone."
    until = _when(found.older[-1].ends_at)
    if found.signs_together:
        return f"Posts carry a signature of the old key too until {until}, then of the new one alone."
    return (
        f"A {found.newest.dialect} post carries one signature: the old key signs until {until}, then the "
        "new one. Let receivers know the new one before that."
    )


def _when(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
