"""What people change about themselves once they are in: password, second step, sessions.

Changing how one gets in is to be confirmed with the password (`confirm`), so that a browser left open cannot
take a person's account away. Each change stands in the audit log of every account that the person belongs to.

Public: SelfService.
"""

from __future__ import annotations

from posthouse.desk import audit, second_step, sessions
from posthouse.desk.entrance import Entrance, Store
from posthouse.desk.installation import Installation
from posthouse.desk.passwords import Passwords
from posthouse.desk.sessions import Signed
from posthouse.model.account import Person, Session
from posthouse.model.clock import Clock, Ids
from posthouse.model.errors import Refused
from posthouse.store import people
from posthouse.store.connection import Connection
from posthouse.store.engine import each


class SelfService:
    """All of it for somebody who is signed in. `address`: where the request came from, for the log."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        installation: Installation,
        passwords: Passwords,
        entrance: Entrance,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._installation = installation
        self._passwords = passwords
        self._entrance = entrance

    async def confirm(self, person: Person, password: str) -> None:
        """Raises Refused unless it is the person's password, TryLater."""
        if not await self._passwords.match(person.password_hash, password):
            raise Refused(535, "5.7.8", "Your password is wrong", reason="bad-credentials")

    async def change_password(self, signed: Signed, password: str, address: str = "") -> str:
        """All sessions end; the token of a new one for this browser. Raises Refused, TryLater."""
        person = await self._entrance.choose(
            signed.person, password, lambda conn: _note(conn, self._ids, signed.person, "password", address)
        )
        return await self._entrance.begin(person, signed.session.address, signed.session.agent)

    async def choose_first(self, person: Person, password: str, address: str = "") -> Person:
        """A password of one's own in the place of a one-time one; every session ends. Raises Refused,
        TryLater."""
        return await self._entrance.choose(
            person, password, lambda conn: _note(conn, self._ids, person, "password", address)
        )

    async def turn_totp_on(self, signed: Signed, secret: bytes, code: str, address: str = "") -> list[str]:
        """The recovery codes, to be shown once. Raises Refused."""
        person = signed.person
        enrolled = second_step.enrol(self._installation, person.id, secret, code, self._clock.now())
        if enrolled is None:
            raise _wrong_code()
        sealed, codes = enrolled
        if person.totp or not await self._store.write(
            each(_set_totp), (self._ids, signed, b"", sealed, "totp-on", address)
        ):
            raise Refused(550, "5.5.4", "The second step is on already", reason="exists")
        return codes

    async def turn_totp_off(self, signed: Signed, code: str, address: str = "") -> None:
        """With a code of the app or a recovery code. Raises Refused, TryLater."""
        if not signed.person.totp:
            raise Refused(550, "5.5.4", "The second step is off already", reason="no-totp")
        person = await self._entrance.check_code(signed.person, code)
        await self._store.write(each(_set_totp), (self._ids, signed, person.totp, b"", "totp-off", address))

    async def sessions_of(self, signed: Signed) -> list[Session]:
        """One's own, the last used first."""
        found: list[Session] = await self._store.read(
            people.list_sessions, signed.person.id, self._clock.now()
        )
        return found

    async def end_session(self, signed: Signed, session_id: str, address: str = "") -> None:
        """One of one's own. Raises Refused for any other."""
        await self._store.write(each(_end), (self._ids, signed, session_id, address))

    async def end_others(self, signed: Signed, address: str = "") -> int:
        """All but this one; how many."""
        ended: int = await self._store.write(each(_end_others), (self._ids, signed, address))
        return ended


def _set_totp(
    conn: Connection, ids: Ids, signed: Signed, before: bytes, totp: bytes, do: str, address: str
) -> bool:
    is_set = people.set_totp(conn, signed.person.id, before, totp)
    if is_set:
        _note(conn, ids, signed.person, do, address)
    return is_set


def _end(conn: Connection, ids: Ids, signed: Signed, session_id: str, address: str) -> None:
    sessions.end(conn, signed.person.id, session_id)
    if session_id != signed.session.id:  # to sign out is no change
        _note(conn, ids, signed.person, "end", address)


def _end_others(conn: Connection, ids: Ids, signed: Signed, address: str) -> int:
    ended = sessions.end_others(conn, signed.person.id, signed.session.id)
    if ended:
        _note(conn, ids, signed.person, "end-others", address)
    return ended


def _note(conn: Connection, ids: Ids, person: Person, do: str, address: str) -> None:
    for account_id in person.roles:
        made = audit.Note(
            account_id, audit.PERSON, person.email, f"account.{do}", person.email, address, person.name
        )
        audit.note(conn, ids, made)


def _wrong_code() -> Refused:
    text = "This code is wrong; check that the app has this very secret and that your phone's clock is right"
    return Refused(535, "5.7.8", text, reason="bad-code")
