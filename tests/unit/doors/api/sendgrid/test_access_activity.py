"""SendGrid's call about where an account was used from."""

from __future__ import annotations

from typing import Any

from posthouse.desk import people
from posthouse.desk.passwords import Given
from posthouse.model.account import Role, Session
from posthouse.store import people as stored
from posthouse.store.engine import Connection
from unit.doors.api.calling import Api

ACTIVITY = "/v3/access_settings/activity"
GIVEN = Given("never used", "no hash")


def row(ip: str, method: str, first_at: float, last_at: float) -> dict[str, Any]:
    times = {"first_at": int(first_at), "last_at": int(last_at)}
    return {"allowed": True, "auth_method": method, "ip": ip, "location": "", **times}


async def sign_in(api: Api, account_id: str, email: str, address: str, since: float, until: float) -> None:
    def add(conn: Connection) -> None:
        added = people.add(conn, api.ids, since, account_id, email, role=Role.VIEWER, given=GIVEN)
        expires_at = api.clock.now() + 900
        session = Session(f"session {address}", added.person.id, since, until, expires_at, address, "")
        stored.add_session(conn, session)

    await api.write(add)


async def test_SG_11_where_keys_and_people_came_from_is_told(any_api: Api) -> None:
    api = any_api
    begin = api.clock.now()
    await sign_in(api, api.account_id, "ann@people.test", "192.0.2.1", begin - 90, begin - 10)
    await sign_in(api, api.other_id, "eve@people.test", "192.0.2.66", begin - 90, begin - 10)
    for key, address in ((api.full, "192.0.2.7"), (api.others, "192.0.2.77"), (api.sending, "192.0.2.7")):
        api.address = address
        await api.call("GET", "/v3/scopes", key=key)
        api.clock.advance(5)
    await api.parts.last_uses.write()
    found = (await api.call("GET", ACTIVITY, key=api.full)).json()
    keys = row("192.0.2.7", "API", begin, begin + 10)
    assert found == {"result": [keys, row("192.0.2.1", "Web", begin - 90, begin - 10)]}
    assert (await api.call("GET", f"{ACTIVITY}?limit=1", key=api.full)).json() == {"result": [keys]}


async def test_SG_11_a_key_that_sends_does_not_see_where_others_came_from(api: Api) -> None:
    assert (await api.call("GET", ACTIVITY, key=api.sending)).status == 403
