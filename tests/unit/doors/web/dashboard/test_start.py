"""The first steps: a sandbox or a domain, a fresh user, the message that arrives."""

from __future__ import annotations

import re
from html import unescape

from posthouse.model.account import Role
from unit.doors.api.calling import OTHER
from unit.doors.web.dashboard.desk import Desk

START = "/accounts/default/start"


def waiting(html: str) -> str:
    """The address that the page asks until the message is there."""
    return unescape(re.findall(r'hx-get="([^"]+)"', html)[0])


async def test_W_01_a_fresh_user_sends_and_the_page_turns_green(desk: Desk) -> None:
    desk.api.clock.advance(0.9)  # a script that sends in the same second is seen too
    browser = await desk.browser()
    page = await browser.fill(await browser.open(START), "Make a user and show me how")
    assert "Waiting for your first message" in page.text and "sendtestemail" in page.text
    user = re.findall(r'id="user">([^<]+)', page.html)[0]
    password = re.findall(r'id="password">([^<]+)', page.html)[0]
    await desk.api.parts.identity.refresh(desk.api.store)
    assert desk.api.parts.identity.recognise(user, password) is not None

    wait = waiting(page.html)
    assert "Waiting" in (await browser.open(wait)).text
    form = {"from": "a@shop.test", "to": "ann@good.test", "subject": "<i>first", "text": "x"}
    await desk.api.call("POST", "/v3/shop.test/messages", basic=desk.api.full, form=form)
    page = await browser.open(wait)
    assert "It arrived. “<i>first” to ann@good.test" in unescape(page.text)
    assert "<i>" not in page.html and "hx-get" not in page.html


async def test_W_01_a_sandbox_is_made_with_one_button_and_writes_to_its_maker(desk: Desk) -> None:
    browser = await desk.browser(account=OTHER)
    page = await browser.press(await browser.open(f"/accounts/{OTHER}/start"), "Try it: make a sandbox")
    assert "is ready" in page.text and "Try it" not in page.text
    (name,) = re.findall(r"sandbox-[0-9a-f]{8}\.mail\.house\.test", page.text)[:1]
    ((settings,),) = desk.api.rows(f"select settings from domain where name = '{name}'")
    assert '"is_sandbox":true' in settings and "@people.test" in settings


async def test_a_wrong_recipient_is_told_in_one_sentence(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.fill(await browser.open(START), "Make a user and show me how", recipient="nobody")
    assert page.status == 400 and "Whom to write to" in page.text
    assert desk.api.rows("select * from credential where kind = 'smtp_user'") == []


async def test_a_viewer_may_look_at_the_first_steps_only(desk: Desk) -> None:
    page = await (await desk.browser(Role.VIEWER)).open(START)
    assert page.status == 200 and "Make a user" not in page.text and "Try it" not in page.text


async def test_signing_in_leads_to_the_first_steps_until_there_is_mail(desk: Desk) -> None:
    browser = await desk.browser()
    assert (await browser.open("/accounts", follows=False)).header("location") == START
    form = {"from": "a@shop.test", "to": "ann@good.test", "subject": "x", "text": "x"}
    await desk.api.call("POST", "/v3/shop.test/messages", basic=desk.api.full, form=form)
    assert (await browser.open("/accounts", follows=False)).header("location") == "/accounts/default"
