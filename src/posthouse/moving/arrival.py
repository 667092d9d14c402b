"""Where things arrive: each is put where it belongs through the desk, if it is not there yet.

Nothing that is there is changed, so a move can be broken off and run again, or run once more for what is new
(docs/decisions/049). Every thing has a transaction of its own, addresses one for each `STEP` of them; none is
open while the service is asked. A dry run looks in the same way and writes nothing.

Public: Arrival, STEP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from posthouse.desk import suppressions
from posthouse.desk.suppression_files import listed_address, listed_instant
from posthouse.model.errors import Refused
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.moving.credentials import Credentials
from posthouse.moving.estate import Estate
from posthouse.moving.here import Here
from posthouse.moving.report import Report
from posthouse.moving.things import (
    Begun,
    Kind,
    LeftOut,
    NewAllowed,
    NewApiKey,
    NewDomain,
    NewGroup,
    NewKeyFile,
    NewListed,
    NewSettings,
    NewSigningKey,
    NewUser,
    NewVersion,
    NewWebhook,
    StaysBehind,
    Thing,
)
from posthouse.rules.suppression_csv import BadRow
from posthouse.store import allowed
from posthouse.store import suppressions as stored

STEP = 2_000  # addresses in one transaction: some 20 ms in which others wait
_MOST_DETAIL = 2_000


class Arrival:
    """One move. `advanced(what, read)` is told how far it is."""

    def __init__(self, here: Here, report: Report, advanced: Callable[[str, int], None]) -> None:
        self._here, self._report, self._advanced = here, report, advanced
        signing = set[str]()
        self._estate = Estate(here, report, signing)
        self._credentials = Credentials(here, report, signing)
        self._gathered: list[Suppression] = []
        self._what, self._read = "", 0

    def take_all(self, things: Iterable[Thing]) -> None:
        """Everything in turn; what cannot be used is told in the report. Raises what the store raises."""
        for thing in things:
            self._take(thing)
        self._write_gathered()

    def _take(self, thing: Thing) -> None:
        if not isinstance(thing, Begun | LeftOut | StaysBehind):
            self._read += 1
        match thing:
            case NewListed():
                self._gather(thing)
            case NewAllowed():
                self._report.note_put(Kind.ALLOWED, thing.value[:100], partial(self._allow, thing))
            case Begun():
                self._write_gathered()
                self._what, self._read = thing.what, 0
                self._advanced(self._what, 0)
            case LeftOut():
                self._report.note_left(thing)
            case StaysBehind():
                self._report.note_behind(thing)
            case NewUser() | NewApiKey() | NewSigningKey():
                self._credentials.take(thing)
            case NewDomain() | NewKeyFile() | NewSettings() | NewGroup() | NewVersion() | NewWebhook():
                self._estate.take(thing)

    # Lists

    def _gather(self, thing: NewListed) -> None:
        try:
            self._gathered.extend(self._rows_of(thing))
        except BadRow as error:
            what = f"{thing.address[:100]} ({self._what})"
            self._report.note_left(LeftOut(Kind.SUPPRESSION, what, str(error)))
        if len(self._gathered) >= STEP:
            self._write_gathered()

    def _rows_of(self, thing: NewListed) -> list[Suppression]:
        """Raises BadRow."""
        domain = thing.domain
        if domain and domain not in self._estate.domains:
            raise BadRow(f"there is no domain {domain[:100]} here")
        scopes = [f"tag:{tag.lower()}" for tag in thing.tags if tag != "*"]
        if thing.group:
            number = self._estate.groups.get(thing.group)
            if number is None:
                raise BadRow(f"group {thing.group} has not come along")
            scopes, domain = [f"group:{number}"], ""  # a group belongs to the whole account
        if thing.kind is not SuppressionKind.UNSUBSCRIBE or "*" in thing.tags:
            scopes = []
        address = listed_address(thing.address.strip(), thing.kind)
        at, detail = listed_instant(thing.at, self._here.clock.now()), thing.detail[:_MOST_DETAIL]
        return [
            Suppression(self._here.account_id, address, thing.kind, domain, scope, at, detail)
            for scope in scopes or [""]
        ]

    def _write_gathered(self) -> None:
        rows = {_key(row): row for row in self._gathered}
        there = {
            _key(row)
            for row in stored.find(self._here.conn, [(row.account_id, row.address) for row in rows.values()])
        }
        fresh = [row for key, row in rows.items() if key not in there]
        if fresh and not self._here.is_dry:
            with self._here.conn.transaction():
                stored.add(self._here.conn, fresh)
        if rows:
            count = self._report.count(Kind.SUPPRESSION)
            count.came += len(fresh)
            count.there += len(self._gathered) - len(fresh)
            self._advanced(self._what, self._read)
        self._gathered.clear()

    def _allow(self, thing: NewAllowed) -> bool:
        here = self._here
        if thing.domain and thing.domain not in self._estate.domains:
            raise Refused(550, "5.1.2", f"there is no domain {thing.domain[:100]} here")
        value = suppressions.allowed_value(thing.value)
        if (here.account_id, thing.domain, value) in allowed.find(here.conn, [(here.account_id, value)]):
            return False
        if not here.is_dry:
            with here.conn.transaction():
                suppressions.allow(
                    here.conn, here.account_id, [value], thing.domain, here.clock.now(), thing.detail
                )
        return True


def _key(row: Suppression) -> tuple[str, SuppressionKind, str, str]:
    return row.address, row.kind, row.domain, row.scope
