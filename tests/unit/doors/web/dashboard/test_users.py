"""The page of SMTP users."""

from __future__ import annotations

from unit.doors.web.dashboard.desk import Desk

USERS = "/accounts/default/users"
OWN = "bring-along-7731-Quite-Long"


async def test_W_01_a_new_smtp_user_signs_in_with_the_password_shown_once(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.fill(await browser.open(USERS), "Add user", login="App@Shop.test")
    password = page.html.partition('id="once-2">')[2].partition("<")[0]
    assert page.status == 200 and desk.api.parts.identity.recognise("app@shop.test", password) is None
    await desk.api.parts.identity.refresh(desk.api.store)
    assert desk.api.parts.identity.recognise("app@shop.test", password) is not None
    assert password not in (await browser.open(USERS)).html


async def test_W_01_a_reset_ends_the_old_password(desk: Desk) -> None:
    browser = await desk.browser()
    await browser.fill(await browser.open(USERS), "Add user", login="app@shop.test", password=OWN)
    page = await browser.press(await browser.open(USERS), "Reset password", login="app@shop.test")
    assert "has a new password" in page.text
    await desk.api.parts.identity.refresh(desk.api.store)
    assert desk.api.parts.identity.recognise("app@shop.test", OWN) is None


async def test_a_refused_form_says_why_and_keeps_what_was_typed(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.fill(
        await browser.open(USERS), "Add user", login="app@nobodys.test", ranges="192.0.2.0/24"
    )
    assert page.status == 400 and 'role="alert"' in page.html
    assert page.form("Add user").fields["ranges"] == "192.0.2.0/24"
    assert "password" not in page.form("Add user").fields or not page.form("Add user").fields["password"]


async def test_what_was_done_is_said_once(desk: Desk) -> None:
    browser = await desk.browser()
    await browser.fill(await browser.open(USERS), "Add user", login="app@shop.test")
    page = await browser.press(await browser.open(USERS), "Remove", login="app@shop.test")
    assert "app@shop.test can no longer sign in." in page.text
    assert "can no longer" not in (await browser.open(USERS)).text


async def test_W_04_a_refusal_stands_beside_the_field_that_it_is_about(desk: Desk) -> None:
    browser = await desk.browser()
    users = "/accounts/default/users"
    for login, password, field in (("nobody", "", "login"), ("app@shop.test", "short", "password")):
        page = await browser.fill(await browser.open(users), "Add user", login=login, password=password)
        assert page.status == 400 and page.html.count('aria-invalid="true"') == 1
        words = page.html.partition(f'<small id="{field}-error" class="bad-text">')[2].partition("</small>")[
            0
        ]
        assert words and words in page.html.partition('role="alert">')[2].partition("</p>")[0]
        assert f'aria-describedby="{field}-error {field}-help"' in page.html
    assert "aria-invalid" not in (await browser.open(users)).html
