"""Messages: the search, the story of one, and what its buttons do (W-01, S13, S20)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest

from posthouse.desk.queue_choice import chosen
from posthouse.model.account import Role
from posthouse.model.event import Event, EventKind
from posthouse.store import events, queue
from posthouse.store.captures import Capture, add_captures
from unit.doors.api.calling import DOMAIN, OTHER
from unit.doors.web.dashboard.desk import Desk
from unit.doors.web.dashboard.letters import HOSTILE

MESSAGES = "/accounts/default/messages"
HARM = '"><script>alert(1)</script>'


async def sent(desk: Desk, **more: Any) -> str:
    letter = {
        "from": f"Shop <orders@{DOMAIN}>",
        "to": ["ann@good.test"],
        "subject": "Your order",
        "text": "Hello, Ann.",
        "html": "<p>Hello, <b>Ann</b>.</p>",
    }
    reply = await desk.api.call("POST", "/posthouse/v1/messages", key=desk.api.full, json=letter | more)
    assert reply.status == 202, reply
    desk.api.clock.advance(1)
    return str(reply.json()["id"])


async def happened(desk: Desk, message_id: str, kind: EventKind, **data: Any) -> None:
    """An event about the only recipient of a message, as the pipeline writes it."""
    await desk.api.write(_append, desk, message_id, kind, data)
    desk.api.clock.advance(1)


def _append(conn: Any, desk: Desk, message_id: str, kind: EventKind, data: dict[str, Any]) -> None:
    (delivery,) = queue.deliveries_of(conn, message_id)
    api = desk.api
    event = Event(
        api.ids.new(), kind, api.clock.now(), delivery.account_id, DOMAIN, message_id, delivery.id,
        delivery.recipient, data,
    )  # fmt: skip
    events.append(conn, [event])


async def hold(desk: Desk, message_id: str) -> None:
    selector = chosen(desk.api.account_id, message=message_id)
    await desk.api.write(queue.hold, selector, desk.api.clock.now(), desk.api.ids)


# Searching


async def test_W_01_messages_are_found_by_what_is_typed(desk: Desk) -> None:
    first = await sent(desk, tags=["spring sale"], metadata={"order": "7"})
    second = await sent(desk, to=["bob@other.example"], subject="Invoice 12")
    browser = await desk.browser()
    for query, ids in {
        "": [second, first],
        "ann@good.test": [first],
        "to:good.test": [first],
        'tag:"spring sale"': [first],
        "meta:order=7": [first],
        "invoice": [second],
        'subject:"invoice 12"': [second],
        f"from:{DOMAIN}": [second, first],
        f"from:orders@{DOMAIN}": [second, first],
        f"from:nobody@{DOMAIN}": [],
        "is:accepted to:bob@other.example": [second],
        "is:delivered": [],
        "since:1h until:2020-01-01": [],
    }.items():
        page = await browser.open(f"{MESSAGES}?q={quote(query)}")
        assert page.status == 200, page.text
        assert re.findall(r"/messages/(\w{26})\?copy", page.html) == ids, query


async def test_W_01_an_id_leads_to_its_message(desk: Desk) -> None:
    id = await sent(desk)
    browser = await desk.browser()
    for text in (id, f"id:{id.lower()}", f"{id}.0000"):
        page = await browser.open(f"{MESSAGES}?q={quote(text)}")
        assert page.path == f"{MESSAGES}/{id}" and page.title == "Your order", text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("colour:red", "There is no filter colour: here; there are to:, from:, subject:, tag:, is:"),
        ("is:lost", "there is no kind 'lost'; allowed: accepted, rejected"),
        ("since:soon", "'soon' is no time: write 2h or 3d (ago)"),
        ("tag:", "Tag: needs a value, a tag"),
        ("meta:x", "'x' is no pair: write key=value"),
        ("to:a@b.test to:c@d.test", "To: can be asked for once; there are 2 of it"),
        ("id:7", "'7' is no message's id"),
        (f"x&after={quote('??')}", "this is no cursor"),
    ],
)
async def test_W_01_a_wrong_filter_is_told_in_a_sentence(desk: Desk, query: str, sentence: str) -> None:
    page = await (await desk.browser()).open(f"{MESSAGES}?q={query if '&' in query else quote(query)}")
    assert page.status == 400 and sentence in page.text


async def test_W_01_pages_go_back_with_a_cursor(desk: Desk) -> None:
    for number in range(53):
        await sent(desk, subject=f"Letter {number:02}", html="")
    browser = await desk.browser()
    page = await browser.open(MESSAGES)
    assert "Letter 52" in page.text and "Letter 03" in page.text and "Letter 02" not in page.text
    page = await browser.open(MESSAGES + page.link("next"))
    assert "Letter 02" in page.text and "Letter 03" not in page.text and "Older" not in page.text
    assert "Letter 52" in (await browser.open(MESSAGES + page.link("prev"))).text
    page = await browser.open(f"{MESSAGES}?q=letter")
    assert page.html.count("?copy=") == 50 and "Older" in page.text


async def test_W_01_rows_say_what_became_of_each(desk: Desk) -> None:
    await sent(desk)
    held = await sent(desk, to=["bob@good.test"])
    await hold(desk, held)
    page = await (await desk.browser()).open(MESSAGES)
    assert "bob@good.test Your order Held" in page.text and "ann@good.test Your order Waiting" in page.text


async def test_W_01_a_live_page_asks_again_and_hears_only_what_is_new(desk: Desk) -> None:
    await sent(desk)
    browser = await desk.browser()
    page = await browser.open(f"{MESSAGES}?live=yes")
    again = re.search(r'hx-get="([^"]*rows[^"]*)"', page.html)
    assert again
    address = again[1].replace("&amp;", "&")
    assert (await browser.open(address)).status == 204
    await sent(desk, subject="Another")
    page = await browser.open(address)
    assert page.status == 200 and "Another" in page.text and page.html.strip().startswith("<div id")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("ta", ["tag:"]),
        ("ann@x.test is:de", ["ann@x.test is:delivered", "ann@x.test is:deferred"]),
        ("tag:sp", ['tag:"spring sale"']),
        ("from:sh", [f"from:{DOMAIN}"]),
        ("since:2", ["since:24h"]),
        ("nothing:x", []),
    ],
)
async def test_W_01_suggestions_go_on_with_what_is_typed(desk: Desk, text: str, lines: list[str]) -> None:
    await sent(desk, tags=["spring sale"])
    await desk.api.fold()
    page = await (await desk.browser()).open(f"{MESSAGES}/suggest?q={quote(text)}")
    found = [each.replace("&#34;", '"') for each in re.findall(r'value="([^"]*)"', page.html)]
    assert found == lines


# The story


async def test_W_01_a_story_says_why_in_words_that_anybody_understands(desk: Desk) -> None:
    id = await sent(desk, tags=["welcome"])
    await happened(
        desk, id, EventKind.DEFERRED, attempt=1, code=451, enhanced="4.7.1", text="Greylisted",
        reason="greylisted", mx="mx.good.test", policy="MTA-STS enforce", transcript="C: EHLO\nS: 250 ok",
        retry_at=desk.api.clock.now() + 300,
    )  # fmt: skip
    page = await (await desk.browser()).open(f"{MESSAGES}/{id}")
    for words in (
        "asks unknown senders to come again a little later",
        "451 4.7.1 Greylisted",
        "mx.good.test",
        "TLS policy MTA-STS enforce",
        "C: EHLO S: 250 ok",
        "welcome",
        "As it is made for ann@good.test",
    ):
        assert words in page.text, words


async def test_W_01_each_recipient_has_its_own_copy_and_story(desk: Desk) -> None:
    id = await sent(desk, to=["ann@good.test", "bob@good.test"], text="Dear %recipient%", html="")
    browser = await desk.browser()
    page = await browser.open(f"{MESSAGES}/{id}?copy={id}.0001")
    assert "What happened for bob@good.test" in page.text and "Recipients" in page.text
    assert f"{MESSAGES}/{id}/whole?copy={id}.0001" in page.html


async def test_W_01_a_captured_copy_is_shown_as_it_would_have_left(desk: Desk) -> None:
    id = await sent(desk)
    capture = Capture(f"{id}.0000", id, 1.0, "a@shop.test", "ann@good.test", HOSTILE, desk.api.account_id, "")
    await desk.api.write(add_captures, [capture])
    browser = await desk.browser()
    page = await browser.open(f"{MESSAGES}/{id}")
    assert "kept instead of being sent" in page.text and 'sandbox=""' in page.html
    shown = await browser.open(f"{MESSAGES}/{id}/shown?copy={id}.0000&view=desktop")
    assert shown.header("content-security-policy").startswith("sandbox; default-src 'none'")
    assert "<script" not in shown.html


async def test_W_01_what_is_not_kept_any_more_is_said(desk: Desk) -> None:
    id = await sent(desk)
    await desk.api.write(_forget, id)
    browser = await desk.browser()
    page = await browser.open(f"{MESSAGES}/{id}")
    assert page.status == 200 and "is not kept any more" in page.text and "Send again" not in page.text
    assert (await browser.open(f"{MESSAGES}/{id}/shown")).status == 404


def _forget(conn: Any, message_id: str) -> None:
    from sqlalchemy import delete

    from posthouse.store.statement import Statement
    from posthouse.store.tables import content

    conn.change(Statement(delete(content)))


async def test_W_01_a_message_is_sent_again_as_a_new_one(desk: Desk) -> None:
    id = await sent(desk, tags=["t"], require_tls=True)
    browser = await desk.browser()
    page = await browser.fill(await browser.open(f"{MESSAGES}/{id}"), "Send again", to="Bob@good.test")
    first, again = desk.api.accepted()
    assert page.path == f"{MESSAGES}/{again.message.id}" and "this new message" in page.text
    assert again.recipients == ["Bob@good.test"] and again.options.tags == ("t",)
    assert desk.api.rows("select count(*) from audit")[0][0] == 1
    assert again.options.require_tls and again.message.credential_id == first.message.credential_id
    await browser.fill(await browser.open(f"{MESSAGES}/{id}"), "Send again")
    assert desk.api.accepted()[2].recipients == ["ann@good.test"]
    page = await browser.fill(await browser.open(f"{MESSAGES}/{id}"), "Send again", to="nobody")
    assert page.status == 400 and "is no address" in page.text


async def test_W_01_the_buttons_release_try_now_and_give_up(desk: Desk) -> None:
    id = await sent(desk)
    await hold(desk, id)
    browser = await desk.browser()
    page = await browser.press(await browser.open(f"{MESSAGES}/{id}"), "Release")
    assert "Released: one recipient." in page.text
    page = await browser.press(page, "Try now")
    assert page.status == 200
    page = await browser.press(page, "Give up")
    assert "Given up: one recipient." in page.text and "Cancelled" in page.text
    assert [event.kind.value for event in desk.api.events()] == ["accepted", "held", "released", "cancelled"]
    assert "Give up" not in page.text


async def test_a_viewer_has_no_buttons_there(desk: Desk) -> None:
    id = await sent(desk)
    page = await (await desk.browser(Role.VIEWER)).open(f"{MESSAGES}/{id}")
    assert [form.action for form in page.forms] == ["/sign-out"] and "Hello, Ann." not in page.forms


@pytest.mark.parametrize("end", ["", "/shown", "/whole", "/parts/1"])
async def test_S20_anothers_message_is_like_none(desk: Desk, end: str) -> None:
    id = await sent(desk)
    browser = await desk.browser(account=OTHER)
    of_others = await browser.open(f"/accounts/{OTHER}/messages/{id}{end}")
    of_nobody = await browser.open(f"/accounts/{OTHER}/messages/{id[::-1]}{end}")
    assert of_others.status == of_nobody.status == 404
    assert of_others.text.replace(id, "?") == of_nobody.text.replace(id[::-1], "?")
    page = await browser.open(f"/accounts/{OTHER}/messages?q={id}")
    assert page.status == 200 and "Nothing was found" in page.text


async def test_S20_anothers_message_is_not_sent_again(desk: Desk) -> None:
    mine, id = await sent(desk), await sent(desk)
    browser = await desk.browser(account=OTHER)
    token = (await browser.open(f"/accounts/{OTHER}/messages")).form("Sign out").fields["token"]
    for do in ("resend", "release", "retry", "drop"):
        page = await browser.post(f"/accounts/{OTHER}/messages/{id}", {"token": token, "do": do})
        assert page.status == 404 or "0 recipients" in page.text or page.status == 303, do
    assert len(desk.api.accepted()) == 2 and mine


async def test_S13_hostile_words_stay_words(desk: Desk) -> None:
    id = await sent(desk, subject=HARM, tags=[HARM], metadata={HARM: HARM}, text=HARM, html=HARM)
    await happened(
        desk, id, EventKind.FAILED, attempt=1, code=550, text=HARM, reason="rejected", mx=HARM,
        transcript=HARM, warnings=[HARM], user_agent=HARM,
    )  # fmt: skip
    await desk.api.fold()
    browser = await desk.browser()
    for address in (
        MESSAGES,
        f"{MESSAGES}?q={quote(HARM)}",
        f"{MESSAGES}?q=is:failed",
        f"{MESSAGES}?q={quote('foo:' + HARM)}",
        f"{MESSAGES}/suggest?q={quote('tag:')}",
        *[f"{MESSAGES}/{id}?view={view}" for view in ("desktop", "text", "headers", "source", "links")],
    ):
        page = await browser.open(address)
        assert "<script>alert" not in page.html, address


async def test_SG_09_what_the_spam_scanner_said_is_shown_as_text(desk: Desk) -> None:
    message_id = await sent(desk)
    said = {"code": 550, "enhanced": "5.7.1", "text": "Spam Content: the score is 9.1, the limit 5"}
    await happened(
        desk, message_id, EventKind.DROPPED, reason="spam", spam_score=9.1, report=f"pts {HARM}", **said
    )
    page = await (await desk.browser()).open(f"{MESSAGES}/{message_id}")
    assert "gave it a higher score than its sender allows" in page.text
    assert "Spam score: 9.1" in page.text and "Report of the spam scanner" in page.text
    assert f"pts {HARM}" in page.text  # it is read as text
