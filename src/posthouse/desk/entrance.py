"""How a person gets in: password, then a code where a second step is on, then a password of one's own where
the first was given.

Between two steps the browser holds a ticket: who, which step, until when, under a hash that also covers the
person's password and second step, so a ticket ends with either of them. A wrong answer never says what was
wrong, and an unknown person costs the same time. Delays against guessing are the door's; how many wrong
codes a person may have, `wrong_codes` says.

Public: Entrance, Step, Store.
"""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Protocol

from posthouse.desk import second_step, sessions
from posthouse.desk.installation import Installation
from posthouse.desk.passwords import ONE_TIME_S, Passwords
from posthouse.desk.people import person_email
from posthouse.desk.sessions import Signed
from posthouse.desk.wrong_codes import WrongCodes
from posthouse.model.account import Person
from posthouse.model.clock import Clock
from posthouse.model.errors import CommitInDoubt, Refused, TryLater
from posthouse.rules.person_passwords import normal, trouble_with
from posthouse.store import people
from posthouse.store.connection import Connection
from posthouse.store.engine import each

TICKET_S = 600.0


class Step(StrEnum):
    """What is asked for next; IN: nothing, the person is in."""

    CODE = "code"
    CHOOSE = "choose"
    IN = "in"


class Store(Protocol):
    """The part of `store.engine.Store` that is needed here."""

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any: ...

    def write(self, fn: Callable[..., Any], item: Any) -> Awaitable[Any]: ...


class Entrance:
    """Signing in at one worker."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        installation: Installation,
        passwords: Passwords,
        wrong_codes: WrongCodes,
    ) -> None:
        self._store = store
        self._clock = clock
        self._installation = installation
        self._passwords = passwords
        self._wrong_codes = wrong_codes

    # The steps

    async def check_password(self, email: str, password: str) -> Person:
        """Raises Refused (wrong; too old; suspended), TryLater."""
        person, may_act = await self._store.read(_find, _email_or_none(email))
        if not await self._passwords.match(person.password_hash if person else "", password):
            raise _wrong()
        if person.must_change and self._clock.now() - person.password_at > ONE_TIME_S:
            text = "This one-time password is older than 7 days; ask an owner of your account for a new one"
            raise Refused(535, "5.7.8", text, reason="too-old")
        if not may_act:
            raise _suspended()
        found: Person = person
        return found

    async def check_code(self, person: Person, code: str) -> Person:
        """The person as stored after this code was used up. Raises Refused, TryLater."""
        if self._wrong_codes.are_enough(person.id):
            raise _too_many_codes()
        enrolment = second_step.load(self._installation, person)
        left = second_step.use(self._installation, person.id, enrolment, code, self._clock.now())
        if left is not None:
            sealed = second_step.seal(self._installation, person.id, left)
            if await self._store.write(each(people.set_totp), (person.id, person.totp, sealed)):
                return await self._again(person)
        self._wrong_codes.note(person.id)
        raise _wrong_code()

    async def choose(
        self, person: Person, password: str, noting: Callable[[Connection], None] | None = None
    ) -> Person:
        """Put a password of one's own in the place of the old one; every session ends. `noting` joins its
        transaction. Raises Refused, TryLater."""
        trouble = trouble_with(normal(password), person.email)
        if trouble:
            raise Refused(501, "5.5.4", trouble, reason="bad-password")
        if await self._passwords.match(person.password_hash, password):
            raise Refused(501, "5.5.4", "This is the old password; choose another", reason="bad-password")
        hashed = await self._passwords.hash(password)
        item = (person.id, person.password_hash, hashed, self._clock.now(), noting)
        if not await self._store.write(each(_choose), item):
            raise _wrong()  # it was reset meanwhile
        return await self._again(person)

    async def begin(self, person: Person, address: str, agent: str) -> str:
        """A session's token."""
        item = (self._installation, self._clock.now(), person.id, address, agent)
        token: str = await self._store.write(each(_begin), item)
        return token

    async def _again(self, person: Person) -> Person:
        found: Person | None = await self._store.read(people.find_person_by_id, person.id)
        if found is None:
            raise _wrong()
        return found

    # Between the steps

    def next_step(self, person: Person, *, has_shown_code: bool) -> Step:
        if person.totp and not has_shown_code:
            return Step.CODE
        return Step.CHOOSE if person.must_change else Step.IN

    def ticket(self, person: Person, step: Step) -> str:
        """For the browser, until the next step: plain characters, good for ten minutes."""
        until = int(self._clock.now() + TICKET_S)
        return f"{step}.{person.id}.{until}.{self._mark(person, step, until)}"

    async def holder(self, ticket: str) -> tuple[Person, Step] | None:
        """Whose ticket this is, and for which step; None for one that is not ours or not good any more."""
        parts = ticket.split(".")
        if len(parts) != 4 or parts[0] not in (Step.CODE, Step.CHOOSE) or not parts[2].isdecimal():
            return None
        step, person_id, until = Step(parts[0]), parts[1], int(parts[2][:12])
        if until < self._clock.now():
            return None
        person: Person | None = await self._store.read(people.find_person_by_id, person_id)
        if person is None:
            return None
        mark = self._mark(person, step, until).encode()
        return (person, step) if hmac.compare_digest(mark, parts[3].encode()) else None

    def _mark(self, person: Person, step: Step, until: int) -> str:
        covered = f"{step} {person.id} {until} {person.password_hash} {person.totp.hex()}"
        return self._installation.keyed_hash("ticket", covered).hex()

    # Signed in

    async def signed(self, token: str) -> Signed | None:
        """Who holds this session's token, as of now; None: nobody. Raises TryLater."""
        if not token:
            return None
        now = self._clock.now()
        session_id = sessions.session_id(self._installation, token)
        found: Signed | None = await self._store.read(sessions.read_signed, session_id, now)
        use = sessions.touched(found.session, now) if found else None
        if use:
            with contextlib.suppress(TryLater, CommitInDoubt):  # the next request writes it
                await self._store.write(people.touch_sessions, use)
        return found


def _email_or_none(text: str) -> str:
    try:
        return person_email(text)
    except Refused:
        return ""


def _find(conn: Connection, email: str) -> tuple[Person | None, bool]:
    """The person, and whether there is an account to act in."""
    person = people.find_person(conn, email) if email else None
    return person, person is not None and bool(sessions.memberships(conn, person))


def _choose(
    conn: Connection,
    person_id: str,
    before: str,
    hash: str,
    now: float,
    noting: Callable[[Connection], None] | None,
) -> bool:
    """Only in the place of the password that was shown."""
    person = people.find_person_by_id(conn, person_id)
    if person is None or person.password_hash != before:
        return False
    people.set_password(conn, person_id, hash, must_change=False, at=now)
    sessions.end_others(conn, person_id)
    if noting:
        noting(conn)
    return True


def _begin(
    conn: Connection, installation: Installation, now: float, person_id: str, address: str, agent: str
) -> str:
    return sessions.begin(conn, installation, now, person_id, address, agent)


def _wrong() -> Refused:
    return Refused(535, "5.7.8", "E-mail address or password is wrong", reason="bad-credentials")


def _wrong_code() -> Refused:
    text = "This code is wrong, or was used already; wait for the next one"
    return Refused(535, "5.7.8", text, reason="bad-code")


def _suspended() -> Refused:
    text = "Your account is suspended; ask whoever runs this service"
    return Refused(535, "5.7.8", text, reason="account-suspended")


def _too_many_codes() -> TryLater:
    text = "Too many wrong codes for this person; try again in an hour"
    return TryLater(454, "4.7.0", text, reason="many-codes")
