"""The audit log of the pages: written with each change, read on its page (W-04, S20, S22)."""

from __future__ import annotations

from posthouse.doors.web.dashboard.table import PAGES
from posthouse.model.account import Role
from posthouse.store import audit
from posthouse.store.audit import Entry, Query
from unit.doors.api.calling import OTHER
from unit.doors.web.dashboard.desk import Desk

USERS = "/accounts/default/users"
AUDIT = "/accounts/default/audit"
MARKER = "marker-5527-Secret-Long"


async def entries(desk: Desk, account_id: str | None = None) -> list[Entry]:
    query = Query(desk.api.account_id if account_id is None else account_id)
    found: list[Entry] = await desk.api.store.read(audit.search, query)
    return found


async def test_W_04_a_change_is_written_down_with_who_what_about_when_and_from_where(desk: Desk) -> None:
    browser = await desk.browser()
    await browser.fill(await browser.open(USERS), "Add user", login="app@shop.test", password=MARKER)
    (entry,) = await entries(desk)
    assert (entry.kind, entry.what, entry.about) == ("person", "users.add", "app@shop.test")
    assert entry.who.startswith("owner.") and entry.at == desk.api.clock.now() and entry.address
    page = await browser.open(AUDIT)
    assert all(text in page.text for text in (entry.who, "users.add", "app@shop.test", entry.address))


async def test_W_04_what_was_refused_is_not_written_down(desk: Desk) -> None:
    browser = await desk.browser()
    await browser.fill(await browser.open(USERS), "Add user", login="app@nobodys.test")
    assert await entries(desk) == []
    assert "Nothing was changed yet." in (await browser.open(AUDIT)).text


async def test_S20_the_log_of_another_account_is_not_shown(desk: Desk) -> None:
    theirs = await desk.browser(account=OTHER)
    page = await theirs.open(f"/accounts/{OTHER}/users")
    await theirs.fill(page, "Add user", login="app@other.test")
    assert len(await entries(desk, desk.api.other_id)) == 1
    page = await (await desk.browser()).open(AUDIT)
    assert "other.test" not in page.text
    page = await (await desk.browser()).open(f"/accounts/{OTHER}/audit")
    assert page.status == 404


async def test_the_machines_log_is_for_those_who_look_after_it(desk: Desk) -> None:
    made = Entry(desk.api.ids.new(), 5.0, "", "command", "root", "", "account add", "newcomer", "")
    await desk.api.write(audit.append, made)
    page = await (await desk.browser()).open(f"{AUDIT}?log=machine")
    assert "newcomer" in page.text
    page = await (await desk.browser(account=OTHER)).open(f"/accounts/{OTHER}/audit?log=machine")
    assert page.status == 200 and "newcomer" not in page.text and "Machine" not in page.text


async def test_the_log_is_filtered_and_paged(desk: Desk) -> None:
    for number in range(60):
        new = Entry(
            desk.api.ids.new(),
            5.0,
            desk.api.account_id,
            "key",
            "k1",
            "",
            f"word{number:02}.",
            f"n{number}",
            "",
        )
        await desk.api.write(audit.append, new)
    browser = await desk.browser(Role.VIEWER)
    page = await browser.open(f"{AUDIT}?who=k1")
    assert "word59." in page.text and "word09." not in page.text
    page = await browser.open(AUDIT + page.link("next"))
    assert "word09." in page.text and "word10." not in page.text
    page = await browser.open(f"{AUDIT}?what=word33")
    assert "word33." in page.text and "word34." not in page.text
    page = await browser.open(f"{AUDIT}?since=yesterday")
    assert page.status == 400 and "is no time" in page.text


SECRETS = (
    "password",
    "secret",
    "private",
    "chain",
    "key",
    "signing_key",
    "token_given",
    "code",
    "url",
    "text",
)
WORKS = [(page, do) for page in PAGES for do in page.works]


async def test_S22_nothing_that_is_typed_but_names_stands_in_the_log(desk: Desk) -> None:
    """Every form of every page, with a marker in each field that may hold a secret."""
    browser = await desk.browser()
    token = (await browser.open(USERS)).form("Sign out").fields["token"]
    names = {"login": "app@shop.test", "name": "shop.test", "domain": "shop.test", "email": "ann@shop.test"}
    more = {"role": "viewer", "dialect": "native", "form": "native", "selector": "s9"}
    params = {"{name}": "shop.test", "{email}": "ann@shop.test", "{id}": desk.api.sending.id}
    for page, do in WORKS:
        if do in ("remove", "revoke") or page.is_operators:
            continue
        path = page.path
        for hole, value in params.items():
            path = path.replace(hole, value)
        fields = {"token": token, "do": do, **names, **more, **dict.fromkeys(SECRETS, MARKER)}
        answer = await browser.post(f"/accounts/default{path}", fields, follows=False)
        assert answer.status < 500 or answer.status == 503, (path, do, answer.text)
    found = await entries(desk)
    assert "users.add" in {entry.what for entry in found} and MARKER not in str(found)


def test_S22_no_form_names_a_secret_as_its_subject() -> None:
    assert not {field for page, do in WORKS for field in page.works[do].about} & set(SECRETS)
