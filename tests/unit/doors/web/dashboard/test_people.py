"""The page of people: added, given roles, reset, signed out, removed (W-04, S20, S22)."""

from __future__ import annotations

import re

import pytest

from posthouse.desk import accounts, passwords, people
from posthouse.desk.passwords import Given
from posthouse.model.account import Role
from posthouse.store import audit
from posthouse.store.audit import Query
from posthouse.store.people import find_person
from unit.doors.api.calling import OTHER
from unit.doors.web.dashboard.desk import Desk

PEOPLE = "/accounts/default/people"
ANN = "ann@people.test"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing is quick."""
    monkeypatch.setattr(passwords, "hash_password", lambda password: f"hash of {password}")


async def _ann(desk: Desk, account: str = "", role: Role = Role.VIEWER) -> None:
    def add(conn: object) -> None:
        account_id = accounts.own_account(conn, account)  # type: ignore[arg-type]
        given = Given("x", "no hash")
        people.add(conn, desk.api.ids, desk.api.clock.now(), account_id, ANN, role=role, given=given)  # type: ignore[arg-type]

    await desk.api.write(add)


async def test_W_04_a_new_person_gets_a_password_that_is_shown_once(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.fill(
        await browser.open(PEOPLE), "Add person", email="Ann@People.test", role="developer"
    )
    (password,) = re.findall(r"(?:[a-z2-9]{4}-){4}[a-z2-9]{4}", page.text)
    found = await desk.api.store.read(find_person, ANN)
    assert found is not None and found.must_change and found.roles == {desk.api.account_id: Role.DEVELOPER}
    page = await browser.open(PEOPLE)
    assert ANN in page.text and "one-time" in page.text and password not in page.html
    log = await desk.api.store.read(audit.search, Query(desk.api.account_id))
    assert (log[0].what, log[0].about) == ("people.add", "Ann@People.test") and password not in str(log)


async def test_W_04_who_is_known_here_signs_in_as_before(desk: Desk) -> None:
    await _ann(desk, OTHER)
    browser = await desk.browser()
    page = await browser.fill(await browser.open(PEOPLE), "Add person", email=ANN, role="viewer")
    assert "signs in as before" in page.text


async def test_W_04_a_role_is_changed_and_sessions_end(desk: Desk) -> None:
    await _ann(desk)
    browser = await desk.browser()
    page = await browser.fill(await browser.open(f"{PEOPLE}/{ANN}"), "Change role", role="owner")
    assert f"{ANN} is owner now." in page.text
    page = await browser.press(page, "Sign out everywhere") if "Sign out everywhere" in page.text else page
    assert page.status == 200


async def test_W_04_the_last_owner_stays(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.open(PEOPLE)
    (email,) = set(re.findall(r"owner\.[^@<%]+@people\.test", page.html))
    page = await browser.fill(await browser.open(f"{PEOPLE}/{email}"), "Change role", role="viewer")
    assert page.status == 400 and "is the only owner" in page.text
    page = await browser.press(await browser.open(f"{PEOPLE}/{email}"), "Remove from this account")
    assert page.status == 400 and "is the only owner" in page.text


async def test_W_04_a_reset_shows_a_new_password_once(desk: Desk) -> None:
    await _ann(desk)
    browser = await desk.browser()
    page = await browser.press(await browser.open(f"{PEOPLE}/{ANN}"), "New one-time password")
    assert "has a new password" in page.text and re.search(r"(?:[a-z2-9]{4}-){4}", page.text)


async def test_S20_an_owner_does_not_open_other_accounts(desk: Desk) -> None:
    await _ann(desk)
    await _ann(desk, OTHER)
    theirs = await desk.browser(account=OTHER)
    here = f"/accounts/{OTHER}/people/{ANN}"
    page = await theirs.open(here)
    assert "New one-time password" not in page.text and "belongs to other accounts too" in page.text
    token = page.form("Sign out").fields["token"]
    for do in ("reset", "totp-off"):
        page = await theirs.post(here, {"token": token, "do": do})
        assert page.status == 400 and "ask whoever runs this machine" in page.text
    page = await (await desk.browser()).open(f"{PEOPLE}/{ANN}")
    assert "New one-time password" in page.text


async def test_W_04_one_session_is_ended(desk: Desk) -> None:
    browser, other = await desk.browser(), await desk.browser(Role.DEVELOPER)
    page = await browser.open(PEOPLE)
    (email,) = set(re.findall(r"developer\.[^@<%]+@people\.test", page.html))
    page = await browser.open(f"{PEOPLE}/{email}")
    assert "192.0.2.7" in page.text and "Test/1.0" in page.text
    (form,) = [form for form in page.forms if form.fields.get("session")]
    page = await browser.post(page.path, form.fields)
    assert "Ended: 1 session." in page.text
    assert (await other.open(PEOPLE)).path == "/sign-in"


async def test_W_04_somebody_is_removed(desk: Desk) -> None:
    await _ann(desk)
    browser = await desk.browser()
    page = await browser.press(await browser.open(f"{PEOPLE}/{ANN}"), "Remove from this account")
    assert page.path == PEOPLE and await desk.api.store.read(find_person, ANN) is None


async def test_S20_a_person_of_another_account_is_answered_like_none(desk: Desk) -> None:
    await _ann(desk, OTHER)
    browser = await desk.browser()
    for email in (ANN, "nobody@people.test", "nonsense"):
        page = await browser.open(f"{PEOPLE}/{email}")
        assert page.status == 404 and "There is no such person here." in page.text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER])
async def test_only_owners_change_people(desk: Desk, role: Role) -> None:
    await _ann(desk)
    browser = await desk.browser(role)
    for path in (PEOPLE, f"{PEOPLE}/{ANN}"):
        page = await browser.open(path)
        assert page.status == 200 and [form.action for form in page.forms] == ["/sign-out"]
    token = page.form("Sign out").fields["token"]
    for do in ("role", "reset", "totp-off", "sign-out", "remove"):
        page = await browser.post(f"{PEOPLE}/{ANN}", {"token": token, "do": do, "role": "owner"})
        assert page.status == 403
