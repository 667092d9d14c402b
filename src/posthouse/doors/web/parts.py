"""What the pages for people share in one worker.

Public: WebParts, web_parts.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from posthouse.desk.entrance import Entrance, Store
from posthouse.desk.installation import Installation
from posthouse.desk.passwords import Passwords
from posthouse.desk.self_service import SelfService
from posthouse.desk.sessions import Signed
from posthouse.desk.wrong_codes import Counts, WrongCodes
from posthouse.doors.throttle import Throttle
from posthouse.doors.web.forms import SESSION, cookie
from posthouse.doors.web.guard import Guard
from posthouse.model.clock import Clock, Ids


@dataclass(frozen=True, slots=True)
class WebParts:
    """What the pages of a worker need. `issuer` is what an authenticator app calls this service."""

    entrance: Entrance
    own: SelfService
    installation: Installation
    guard: Guard
    issuer: str

    async def signed(self, request: Request) -> Signed | None:
        """Who sends this request; None: nobody who is signed in. Raises TryLater."""
        return await self.entrance.signed(cookie(request, SESSION))


def web_parts(
    store: Store,
    clock: Clock,
    ids: Ids,
    installation: Installation,
    passwords: Passwords,
    throttle: Throttle,
    counts: Counts,
    issuer: str,
) -> WebParts:
    """The parts put together."""
    entrance = Entrance(
        store=store,
        clock=clock,
        installation=installation,
        passwords=passwords,
        wrong_codes=WrongCodes(clock, counts),
    )
    own = SelfService(
        store=store,
        clock=clock,
        ids=ids,
        installation=installation,
        passwords=passwords,
        entrance=entrance,
    )
    return WebParts(entrance, own, installation, Guard(throttle), issuer)
