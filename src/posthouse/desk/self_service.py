"""What people change about themselves once they are in: password, second step, sessions.

Changing how one gets in is to be confirmed with the password (`confirm`), so that a browser left open cannot
take a person's account away.

Public: SelfService.
"""

from __future__ import annotations

from posthouse.desk import second_step, sessions
from posthouse.desk.entrance import Entrance, Store
from posthouse.desk.installation import Installation
from posthouse.desk.passwords import Passwords
from posthouse.desk.sessions import Signed
from posthouse.model.account import Person, Session
from posthouse.model.clock import Clock
from posthouse.model.errors import Refused
from posthouse.store import people
from posthouse.store.engine import each


class SelfService:
    """All of it for somebody who is signed in."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        installation: Installation,
        passwords: Passwords,
        entrance: Entrance,
    ) -> None:
        self._store = store
        self._clock = clock
        self._installation = installation
        self._passwords = passwords
        self._entrance = entrance

    async def confirm(self, person: Person, password: str) -> None:
        """Raises Refused unless it is the person's password, TryLater."""
        if not await self._passwords.match(person.password_hash, password):
            raise Refused(535, "5.7.8", "Your password is wrong", reason="bad-credentials")

    async def change_password(self, signed: Signed, password: str) -> str:
        """All sessions end; the token of a new one for this browser. Raises Refused, TryLater."""
        person = await self._entrance.choose(signed.person, password)
        return await self._entrance.begin(person, signed.session.address, signed.session.agent)

    async def turn_totp_on(self, signed: Signed, secret: bytes, code: str) -> list[str]:
        """The recovery codes, to be shown once. Raises Refused."""
        person = signed.person
        enrolled = second_step.enrol(self._installation, person.id, secret, code, self._clock.now())
        if enrolled is None:
            raise _wrong_code()
        sealed, codes = enrolled
        if person.totp or not await self._store.write(each(people.set_totp), (person.id, b"", sealed)):
            raise Refused(550, "5.5.4", "The second step is on already", reason="exists")
        return codes

    async def turn_totp_off(self, signed: Signed, code: str) -> None:
        """With a code of the app or a recovery code. Raises Refused, TryLater."""
        if not signed.person.totp:
            raise Refused(550, "5.5.4", "The second step is off already", reason="no-totp")
        person = await self._entrance.check_code(signed.person, code)
        await self._store.write(each(people.set_totp), (person.id, person.totp, b""))

    async def sessions_of(self, signed: Signed) -> list[Session]:
        """One's own, the last used first."""
        found: list[Session] = await self._store.read(
            people.list_sessions, signed.person.id, self._clock.now()
        )
        return found

    async def end_session(self, signed: Signed, session_id: str) -> None:
        """One of one's own. Raises Refused for any other."""
        await self._store.write(each(sessions.end), (signed.person.id, session_id))

    async def end_others(self, signed: Signed) -> int:
        """All but this one; how many."""
        ended: int = await self._store.write(each(sessions.end_others), (signed.person.id, signed.session.id))
        return ended


def _wrong_code() -> Refused:
    text = "This code is wrong; check that the app has this very secret and that your phone's clock is right"
    return Refused(535, "5.7.8", text, reason="bad-code")
