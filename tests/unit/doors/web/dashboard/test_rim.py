"""The rim of the dashboard: who gets in, whose account it is, where a form comes from (S20, S28)."""

from __future__ import annotations

import re

import pytest

from posthouse.doors.web.dashboard.table import PAGES
from posthouse.model.account import Role
from unit.doors.api.calling import OTHER
from unit.doors.web.dashboard.desk import Desk

USERS = "/accounts/default/users"


async def test_who_is_not_signed_in_comes_back_to_the_page_after_signing_in(desk: Desk) -> None:
    browser = desk.stranger()
    page = await browser.open(USERS)
    assert page.path == "/sign-in" and browser.cookies["posthouse_to"] == USERS


async def test_a_piece_of_a_page_sends_the_whole_page_to_sign_in(desk: Desk) -> None:
    browser = desk.stranger()
    browser.headers["HX-Request"] = "true"
    page = await browser.open(USERS)
    assert page.status == 401 and page.header("HX-Redirect") == "/sign-in"


async def test_the_first_address_leads_to_the_persons_account(desk: Desk) -> None:
    page = await (await desk.browser(account=OTHER)).open("/accounts", follows=False)
    assert page.header("location") == f"/accounts/{OTHER}/start"


@pytest.mark.parametrize("account", [OTHER, "nobodys"])
async def test_S20_anothers_account_is_answered_like_one_that_is_not_there(desk: Desk, account: str) -> None:
    page = await (await desk.browser()).open(f"/accounts/{account}/users")
    assert page.status == 404 and f"There is no account {account} here." in page.text


async def test_a_viewer_sees_no_buttons_and_may_not_post(desk: Desk) -> None:
    browser = await desk.browser(Role.VIEWER)
    page = await browser.open(USERS)
    assert page.status == 200 and [form.action for form in page.forms] == ["/sign-out"]
    token = page.form("Sign out").fields["token"]
    page = await browser.post(USERS, {"token": token, "do": "add", "login": "app@shop.test"})
    assert page.status == 403 and "ask an owner" in page.text


@pytest.mark.parametrize("form", [{}, {"token": "0" * 32}])
async def test_S28_a_form_of_another_site_changes_nothing(desk: Desk, form: dict[str, str]) -> None:
    browser = await desk.browser()
    await browser.open(USERS)
    page = await browser.post(USERS, {"do": "add", "login": "app@shop.test", **form})
    assert page.status == 403
    assert desk.api.rows("select login from credential where kind = 'smtp_user'") == []


async def test_a_form_that_does_nothing_known_is_refused(desk: Desk) -> None:
    browser = await desk.browser()
    token = (await browser.open(USERS)).form("Sign out").fields["token"]
    page = await browser.post(USERS, {"token": token, "do": "shout"})
    assert page.status == 400


@pytest.mark.parametrize("path", [page.path for page in PAGES if "{" not in page.path])
@pytest.mark.parametrize("role", [Role.OWNER, Role.VIEWER])
async def test_W_01_every_page_opens_and_is_kept_nowhere(desk: Desk, path: str, role: Role) -> None:
    page = await (await desk.browser(role)).open(f"/accounts/default{path}")
    assert page.status == 200, page.text
    assert "default-src 'none'" in page.header("content-security-policy")
    assert page.header("cache-control") == "no-store"


async def test_S19_a_page_named_by_what_no_store_takes_is_not_there(desk: Desk) -> None:
    browser = await desk.browser()
    for path in {re.sub(r"{\w+}", "%00", page.path) for page in PAGES if "{" in page.path}:
        page = await browser.open(f"/accounts/default{path}")
        assert page.status == 404 and "There is no such page here." in page.text, path


async def test_files_of_the_pages_come_packed_and_are_kept_for_good(desk: Desk) -> None:
    browser = await desk.browser()
    found = re.findall(r'(?:href|src)="(/static/[^"]+)"', (await browser.open(USERS)).html)
    assert len(found) >= 5
    for address in found:
        page = await browser.open(address)
        assert page.status == 200 and "immutable" in page.header("cache-control")
        assert (await browser.open(address.replace("/static/", "/static/0"))).status == 404
