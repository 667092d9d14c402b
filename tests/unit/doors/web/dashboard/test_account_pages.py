"""The pages of settings and limits, and of the machine's accounts (W-04, S20)."""

from __future__ import annotations

import pytest

from posthouse.desk import account_settings, domain_settings
from posthouse.doors.web.dashboard.settings_form import ACCOUNT_GROUPS, DOMAIN_GROUPS, LIMIT_GROUP
from posthouse.model.account import Account, Role
from posthouse.store import audit, identity
from posthouse.store.audit import Query
from posthouse.store.people import find_person
from unit.doors.api.calling import DOMAIN, OTHER
from unit.doors.web.dashboard.desk import Desk

SETTINGS, LIMITS = "/accounts/default/settings", "/accounts/default/limits"
HERE = "/accounts/default/accounts-here"


async def _account(desk: Desk, name: str = "default") -> Account | None:
    found: Account | None = await desk.api.store.read(identity.find_account, name)
    return found


def test_the_forms_have_every_setting_once() -> None:
    own = [each.key for group in (*ACCOUNT_GROUPS, LIMIT_GROUP) for each in group.settings]
    assert sorted(own) == sorted(account_settings.KINDS)
    domains = [each.key for group in DOMAIN_GROUPS for each in group.settings]
    assert sorted(domains) == sorted(set(domain_settings.KINDS) - {"authorised"})


async def test_W_04_settings_are_read_as_the_command_reads_them(desk: Desk) -> None:
    browser = await desk.browser(Role.DEVELOPER)
    page = await browser.open(SETTINGS)
    page = await browser.fill(page, "Save settings", footer="yes", footer_text="Shop\r\nStreet 1")
    found = await _account(desk)
    assert found is not None and found.settings.footer and found.settings.footer_text == "Shop\nStreet 1"
    page = await browser.fill(await browser.open(SETTINGS), "Save settings", footer_text="")
    assert page.status == 400 and "needs a text before footer is on" in page.text
    page = await browser.fill(await browser.open(SETTINGS), "Save settings")
    assert "Nothing was changed." in page.text


@pytest.mark.parametrize(
    ("path", "button", "name", "text"),
    [
        (SETTINGS, "Save settings", "purge_hard_days", "soon"),
        (SETTINGS, "Save settings", "forward_complaints_to", "nobody"),
        (LIMITS, "Save limits", "daily_messages", "many"),
        (f"/accounts/default/domains/{DOMAIN}/settings", "Save settings", "page_colour", "red-ish"),
        (f"/accounts/default/domains/{DOMAIN}/settings", "Save settings", "ip_pool", "nowhere"),
    ],
)
async def test_W_04_a_setting_that_cannot_be_is_told_beside_its_field(
    desk: Desk, path: str, button: str, name: str, text: str
) -> None:
    browser = await desk.browser()
    page = await browser.fill(await browser.open(path), button, **{name: text})
    assert page.status == 400 and page.html.count('aria-invalid="true"') == 1
    assert f'<small id="{name}-error" class="bad-text">' in page.html
    assert page.form(button).fields[name] == text


async def test_settings_do_not_change_limits(desk: Desk) -> None:
    browser = await desk.browser(Role.DEVELOPER)
    page = await browser.open(SETTINGS)
    await browser.fill(page, "Save settings", daily_messages="7")
    found = await _account(desk)
    assert found is not None and found.settings.daily_messages == 0


async def test_W_04_limits_are_shown_with_their_use_and_changed_by_owners(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.open(LIMITS)
    assert "There are no limits." in page.text
    page = await browser.fill(page, "Save limits", daily_messages="500")
    assert "500" in page.text and "day" in page.text
    page = await browser.fill(page, "Save limits", daily_messages="many")
    assert page.status == 400 and "daily_messages cannot be" in page.text
    page = await (await desk.browser(Role.DEVELOPER)).open(LIMITS)
    assert "500" in page.text and "Save limits" not in page.text


async def test_W_04_an_owner_of_another_account_does_not_lift_its_limits(desk: Desk) -> None:
    browser = await desk.browser(account=OTHER)
    page = await browser.open(f"/accounts/{OTHER}/limits")
    assert "decided by whoever runs this machine" in page.text
    token = page.form("Sign out").fields["token"]
    page = await browser.post(page.path, {"token": token, "do": "save", "daily_messages": "9"})
    assert page.status == 403
    found = await _account(desk, OTHER)
    assert found is not None and found.settings.daily_messages == 0


async def test_W_04_an_account_from_its_making_to_its_end(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.fill(
        await browser.open(HERE), "Add account", name="Newcomer", owner="Ann@Newcomer.test"
    )
    assert page.path == HERE and "ann@newcomer.test" in page.text and "One-time password" in page.text
    page = await browser.open(f"{HERE}/newcomer")
    assert "active" in page.text
    page = await browser.fill(page, "Save limits", daily_messages="100")
    page = await browser.press(page, "Suspend")
    found = await _account(desk, "newcomer")
    assert found is not None and found.settings.is_suspended and found.settings.daily_messages == 100
    page = await browser.press(page, "Resume")
    assert "goes on" in page.text
    page = await browser.fill(page, "Remove account", force="yes")
    assert page.path == HERE and await _account(desk, "newcomer") is None
    log = await desk.api.store.read(audit.search, Query(""))
    assert [each.what.partition(".")[2] for each in log] == ["remove", "resume", "suspend", "limits", "add"]
    assert {each.about.lower() for each in log} == {"newcomer", "newcomer ann@newcomer.test"}


async def test_W_04_a_new_account_is_owned_by_somebody_who_signs_in_already(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.fill(await browser.open(HERE), "Add account", name="first", owner="ann@people.test")
    assert "One-time password" in page.text
    page = await browser.fill(await browser.open(HERE), "Add account", name="second", owner="ann@people.test")
    assert page.path == f"{HERE}/second" and "They sign in as before." in page.text
    ann = await desk.api.store.read(find_person, "ann@people.test")
    assert set(ann.roles.values()) == {Role.OWNER} and len(ann.roles) == 2


async def test_W_04_no_account_is_left_without_its_owner(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.fill(await browser.open(HERE), "Add account", name="newcomer", owner="nobody")
    assert page.status == 400 and "Not an e-mail address" in page.text
    assert await _account(desk, "newcomer") is None


async def test_W_04_queued_mail_keeps_an_account_until_it_is_given_up(desk: Desk) -> None:
    mail = {"from": "a@other.test", "to": ["b@b.test"], "subject": "x", "text": "x"}
    reply = await desk.api.call("POST", "/posthouse/v1/messages", key=desk.api.others, json=mail)
    assert reply.status < 300, reply.text
    browser = await desk.browser()
    page = await browser.fill(await browser.open(f"{HERE}/{OTHER}"), "Remove account")
    assert page.status == 400 and "1 delivery in the queue" in page.text
    page = await browser.fill(page, "Remove account", force="yes")
    assert page.path == HERE and await _account(desk, OTHER) is None


@pytest.mark.parametrize("path", ["", f"/{OTHER}"])
async def test_S20_the_machines_accounts_are_not_for_others(desk: Desk, path: str) -> None:
    page = await (await desk.browser(account=OTHER)).open(f"/accounts/{OTHER}/accounts-here{path}")
    assert page.status == 404
    assert (await (await desk.browser()).open(f"{HERE}/nobodys")).status == 404


async def test_the_operators_account_is_neither_suspended_nor_removed(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.open(f"{HERE}/default")
    assert "Suspend" not in page.text and "Remove account" not in page.text
    token = page.form("Sign out").fields["token"]
    for do in ("suspend", "remove"):
        page = await browser.post(page.path, {"token": token, "do": do})
        assert page.status == 400


@pytest.mark.parametrize("path", [SETTINGS, LIMITS, HERE, f"{HERE}/{OTHER}"])
async def test_a_viewer_looks_and_changes_nothing(desk: Desk, path: str) -> None:
    browser = await desk.browser(Role.VIEWER)
    page = await browser.open(path)
    assert page.status == 200 and [form.action for form in page.forms] == ["/sign-out"]
    token = page.form("Sign out").fields["token"]
    for do in ("save", "add", "suspend", "limits", "remove"):
        page = await browser.post(path, {"token": token, "do": do, "name": DOMAIN})
        assert page.status in (400, 403)
