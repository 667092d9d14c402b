"""The pages of captured mail."""

from __future__ import annotations

import pytest

from browsing import Page
from posthouse.model.account import Role
from posthouse.store.captures import Capture, add_captures
from unit.doors.api.calling import OTHER
from unit.doors.web.dashboard.desk import Desk

AT = "/accounts/default/captured"
HOSTILE = "<script>alert(1)</script>"


async def captured(desk: Desk, subject: str = "Hello", to: str = "ann@good.test", html: str = "") -> str:
    """A letter that was accepted and captured; its delivery."""
    api = desk.api
    body = {"from": "orders@shop.test", "to": [to], "subject": subject, "text": "Hi", "tags": ["blue"]}
    body |= {"html": html} if html else {}
    reply = await api.call("POST", "/posthouse/v1/messages", key=api.full, json=body)
    message = reply.json()["id"]
    ((account_id, by),) = api.rows(f"select account_id, credential_id from message where id = '{message}'")
    ((raw,),) = api.rows(f"select raw from content where message_id = '{message}'")
    place = (f"{message}.0000", message, api.clock.now(), "orders@shop.test", to)
    await api.write(add_captures, [Capture(*place, bytes(raw), account_id, by)])
    return place[0]


async def test_W_03_captured_mail_is_listed_and_searched(desk: Desk) -> None:
    first, second = await captured(desk), await captured(desk, f"News {HOSTILE}", "bob@good.test")
    browser = await desk.browser()
    page = await browser.open(AT)
    assert page.status == 200 and "ann@good.test" in page.text and "bob@good.test" in page.text
    assert HOSTILE not in page.html and page.html.index(second) < page.html.index(first)
    found = await browser.open(f"{AT}?q=NEWS")
    assert "bob@good.test" in found.text and "ann@good.test" not in found.text
    assert "No captured mail is like this." in (await browser.open(f"{AT}?tag=red")).text
    assert "ann@good.test" in (await browser.open(f"{AT}?tag=BLUE")).text


async def test_W_03_each_application_has_an_inbox_with_its_count(desk: Desk) -> None:
    await captured(desk)
    page = await (await desk.browser()).open(AT)
    name = page.html.partition("application=")[2].partition('"')[0]
    assert name
    chosen = await (await desk.browser()).open(f"{AT}?application={name}")
    assert "ann@good.test" in chosen.text
    assert "ann@good.test" not in (await (await desk.browser()).open(f"{AT}?application=none")).text


async def test_W_03_the_list_asks_again_and_is_told_only_what_is_new(desk: Desk) -> None:
    await captured(desk)
    browser = await desk.browser()
    again = (await browser.open(AT)).html.partition('hx-get="')[2].partition('"')[0].replace("&amp;", "&")
    assert (await browser.open(again)).status == 204
    await captured(desk, "Another")
    assert "Another" in (await browser.open(again)).text


async def test_pages_go_on_behind_a_cursor(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posthouse.doors.web.dashboard.captured.PAGE_ROWS", 1)
    await captured(desk, "Apple")
    await captured(desk, "Pear")
    browser = await desk.browser()
    page = await browser.open(AT)
    assert "Pear" in page.text and "Apple" not in page.text
    page = await browser.open(AT + page.link("next"))
    assert "Apple" in page.text and "Pear" not in page.text and "hx-get" not in page.html
    assert "Pear" in (await browser.open(AT + page.link("prev"))).text


async def test_W_03_a_copy_is_shown_with_its_checks_and_neighbours(desk: Desk) -> None:
    first = await captured(desk, "First", html='<p>Hi</p><img src="/logo.png">')
    second = await captured(desk, "Second")
    browser = await desk.browser()
    page = await browser.open(f"{AT}/{first}")
    assert page.status == 200 and page.title == "First"
    assert "not a whole one" in page.text and "The mail is not signed" in page.text
    assert second in page.html and 'rel="prev"' in page.html and 'rel="next"' not in page.html
    assert (await browser.open(f"{AT}/{first}/shown")).status == 200


async def test_W_03_a_copy_is_removed_and_an_inbox_emptied(desk: Desk) -> None:
    first, _ = await captured(desk), await captured(desk, "Two")
    browser = await desk.browser()
    page = await browser.press(await browser.open(f"{AT}/{first}"), "Remove")
    assert "The copy is removed." in page.text
    page = await browser.press(await browser.open(AT), "Empty all inboxes")
    assert "is empty; 1 removed" in page.text and "Nothing was captured yet." in page.text


def _ticking(page: Page) -> dict[str, str]:
    """The form that ticks belong to."""
    return next(form.fields for form in page.forms if form.fields.get("do") == "remove")


async def test_W_03_ticked_copies_are_removed(desk: Desk) -> None:
    first, second, third = [await captured(desk, subject) for subject in ("One", "Two", "Three")]
    browser = await desk.browser()
    form = _ticking(await browser.open(AT))
    page = await browser.post(AT, form | {"copy": [first, third, "nothing.0000"]})
    assert "2 copies are removed." in page.text and "Two" in page.text and "Three" not in page.text
    nothing = await browser.post(AT, form)
    assert nothing.status == 400 and "Choose the copies to remove." in nothing.text
    entries = desk.api.rows("select what, about from audit where what = 'captured.remove'")
    assert [tuple(each) for each in entries] == [("captured.remove", f"{first} {third} nothing.0000")]
    assert second in nothing.html


async def test_S20_a_strangers_copy_cannot_be_ticked(desk: Desk) -> None:
    first = await captured(desk)
    browser = await desk.browser(account=OTHER)
    other = AT.replace("default", OTHER)
    form = _ticking(await browser.open(other))
    assert "0 copies are removed." in (await browser.post(other, form | {"copy": first})).text
    assert first in (await (await desk.browser()).open(AT)).html
    assert not desk.api.rows("select id from audit where what = 'captured.remove'"), "nothing was changed"


async def test_W_03_a_copy_is_released_to_somebody(desk: Desk) -> None:
    first = await captured(desk)
    browser = await desk.browser()
    page = await browser.fill(
        await browser.open(f"{AT}/{first}"), "Release", follows=False, to="bob@good.test"
    )
    assert page.status == 303 and "/messages/" in page.header("location")
    (row,) = desk.api.rows("select state, recipient from delivery where recipient = 'bob@good.test'")
    assert tuple(row) == ("waiting", "bob@good.test")


async def test_a_release_that_cannot_be_says_why_on_the_page(desk: Desk) -> None:
    first = await captured(desk)
    browser = await desk.browser()
    page = await browser.fill(await browser.open(f"{AT}/{first}"), "Release", to="nobody")
    assert page.status == 400 and "is no address" in page.text


async def test_S20_a_strangers_copy_is_not_there(desk: Desk) -> None:
    first = await captured(desk)
    browser = await desk.browser(account=OTHER)
    other = AT.replace("default", OTHER)
    for path in (f"{other}/{first}", f"{other}/{first}/shown", f"{other}/{first}/whole"):
        assert (await browser.open(path)).status == 404
    assert (await browser.open(f"{AT}/{first}")).status == 404


async def test_a_viewer_sees_no_buttons(desk: Desk) -> None:
    first = await captured(desk)
    browser = await desk.browser(Role.VIEWER)
    for path in (AT, f"{AT}/{first}"):
        page = await browser.open(path)
        buttons = {form.button for form in page.forms}
        assert page.status == 200 and not buttons & {"Remove", "Release", "Empty all inboxes"}
