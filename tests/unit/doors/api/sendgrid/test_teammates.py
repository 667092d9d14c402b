"""SendGrid's calls about the people of an account."""

from __future__ import annotations

import pytest

from posthouse.desk import people
from posthouse.desk.passwords import Given
from posthouse.model.account import Role
from unit.doors.api.calling import Api

TEAM = "/v3/teammates"
GIVEN = Given("never used", "no hash")


async def hire(api: Api, email: str, role: Role, account_id: str = "", name: str = "") -> None:
    about = (api.ids, api.clock.now(), account_id or api.account_id, email)
    await api.write(people.add, *about, role=role, given=GIVEN, name=name)


async def test_SG_11_the_people_of_the_account_are_teammates(any_api: Api) -> None:
    api = any_api
    await hire(api, "ann@people.test", Role.OWNER, name="Ann Lee")
    await hire(api, "bob@people.test", Role.VIEWER)
    await hire(api, "eve@people.test", Role.OWNER, api.other_id)
    found = (await api.call("GET", TEAM, key=api.full)).json()["result"]
    assert [(each["username"], each["user_type"], each["is_admin"]) for each in found] == [
        ("ann@people.test", "owner", True),
        ("bob@people.test", "teammate", False),
    ]
    assert (found[0]["first_name"], found[0]["last_name"], found[0]["phone"]) == ("Ann", "Lee", "")
    page = await api.call("GET", f"{TEAM}?limit=1&offset=1", key=api.full)
    assert page.json()["result"] == found[1:]
    assert 'rel="prev"' in page.headers["link"]
    one = (await api.call("GET", f"{TEAM}/bob@people.test", key=api.full)).json()
    assert {name: one[name] for name in found[1]} == found[1]
    assert "stats.read" in one["scopes"] and "mail.send" not in one["scopes"]
    access = (await api.call("GET", f"{TEAM}/bob@people.test/subuser_access", key=api.full)).json()
    assert access == {"has_restricted_subuser_access": False, "subuser_access": []}


async def test_S20_somebody_of_another_account_is_not_there(api: Api) -> None:
    await hire(api, "eve@people.test", Role.OWNER, api.other_id)
    for name in ("eve@people.test", "nobody@people.test"):
        for rest in ("", "/subuser_access"):
            reply = await api.call("GET", f"{TEAM}/{name}{rest}", key=api.full)
            told = {"errors": [{"message": "username not found", "field": "username"}]}
            assert (reply.status, reply.json()) == (404, told)


async def test_SG_11_people_are_not_changed_by_keys(api: Api) -> None:
    await hire(api, "ann@people.test", Role.OWNER)
    before = api.books()
    for method, path in (
        ("POST", TEAM),
        ("PATCH", f"{TEAM}/ann@people.test"),
        ("DELETE", f"{TEAM}/ann@people.test"),
    ):
        reply = await api.call(method, path, key=api.full, json={"email": "new@people.test"})
        assert (reply.status, "posthouse person" in reply.json()["errors"][0]["message"]) == (400, True)
    assert (await api.call("GET", f"{TEAM}/pending", key=api.full)).json() == {"result": []}
    for method, rest in (("DELETE", ""), ("POST", "/resend")):
        assert (await api.call(method, f"{TEAM}/pending/x{rest}", key=api.full)).status == 404
    assert api.books() == before


@pytest.mark.parametrize("path", ["", "/ann@people.test", "/pending"])
async def test_SG_11_a_key_that_sends_does_not_see_people(api: Api, path: str) -> None:
    await hire(api, "ann@people.test", Role.OWNER)
    assert (await api.call("GET", f"{TEAM}{path}", key=api.sending)).status == 403
