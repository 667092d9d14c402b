"""The pages of webhooks: state, events, log, tests, posts once more, signing keys."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.desk import hook_keys, hook_rotation, hooks
from posthouse.desk.hook_rotation import Standing
from posthouse.desk.hook_samples import Sampled
from posthouse.desk.hooks import Wanted
from posthouse.dialects.table import HOOK_FORMS
from posthouse.doors.web.dashboard import webhook_page
from posthouse.doors.web.dashboard.verifying import SNIPPETS
from posthouse.doors.web.dashboard.webhooks import EXPLAINED
from posthouse.model.account import Role
from posthouse.model.event import EventKind
from posthouse.model.hook import Hook, HookKey
from posthouse.net.httpout import PostResult
from posthouse.store import hook_log
from posthouse.store import hooks as stored
from posthouse.store.hook_log import HookAttempt
from unit.doors.api.calling import OTHER
from unit.doors.web.dashboard.desk import Desk

LIST = "/accounts/default/webhooks"
URL = "https://shop.example/posts"
HOSTILE = "<script>alert(1)</script>"


async def _hook(desk: Desk, dialect: str = "mailgun", account: str = "", url: str = URL) -> Hook:
    made: Hook = await desk.api.write(
        hooks.add,
        desk.api.ids,
        desk.api.clock.now(),
        HOOK_FORMS,
        account_id=account or desk.api.account_id,
        dialect=dialect,
        wanted=Wanted(url),
        allows_plain=False,
    )
    return made


async def _posted(desk: Desk, hook: Hook, number: int, answer: str = "OK", status: int = 200) -> list[str]:
    """Entries of the log, each for an event that is there; their ids."""
    await desk.api.call(
        "POST",
        "/posthouse/v1/messages",
        key=desk.api.full,
        json={"from": "a@shop.test", "to": ["ann@good.test"], "text": "Hello"},
    )
    event = desk.api.events("accepted")[0].id
    rows = [
        HookAttempt(
            desk.api.ids.new(), hook.id, desk.api.clock.now(), 1, status, 20, status == 200, [event],
            f"POST /posts\r\n\r\n{HOSTILE}".encode(), answer,
        )
        for _ in range(number)
    ]  # fmt: skip
    await desk.api.write(hook_log.add_attempts, rows)
    return [row.id for row in rows]


async def test_W_01_a_webhook_is_added_changed_switched_and_removed(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.open(f"{LIST}/new?form=mailgun")
    values: dict[str, Any] = page.form("Add webhook").fields | {"url": URL, "event": ["opened", "clicked"]}
    page = await browser.post(f"{LIST}/new", values)
    assert "The webhook is there. Its posts are not signed yet" in page.text
    assert desk.api.rows("select kinds from hook")[0][0].split() == ["clicked", "opened"]
    values = page.form("Change webhook").fields | {"event": ["delivered"], "name": "Ours", "url": ""}
    page = await browser.post(page.path, values)
    assert "The webhook is changed." in page.text and page.title == "Ours"
    assert desk.api.rows("select url, kinds from hook") == [(URL, "delivered")]
    page = await browser.press(page, "Switch off")
    assert "The webhook is off" in page.text and "off" in (await browser.open(LIST)).text
    page = await browser.press(page, "Switch on")
    page = await browser.press(page, "Remove")
    assert page.path == LIST and "There are no webhooks yet." in page.text


@pytest.mark.parametrize(
    ("url", "sentence"),
    [("http://shop.example/", "https URLs only"), ("ftp://x/", "is no URL"), ("https://a b/", "printable")],
)
async def test_a_url_that_cannot_be_posted_to_is_refused_and_stays_typed(
    desk: Desk, url: str, sentence: str
) -> None:
    browser = await desk.browser()
    page = await browser.fill(await browser.open(f"{LIST}/new"), "Add webhook", url=url)
    assert page.status == 400 and sentence in page.text
    assert page.form("Add webhook").fields["url"] == url


async def test_a_webhook_without_events_is_refused(desk: Desk) -> None:
    browser = await desk.browser()
    fields = (await browser.open(f"{LIST}/new")).form("Add webhook").fields
    fields.pop("event")
    page = await browser.post(f"{LIST}/new", fields | {"url": URL})
    assert page.status == 400 and "Tick at least one event." in page.text


async def test_W_01_the_list_says_since_when_a_receiver_fails_and_until_when_it_rests(desk: Desk) -> None:
    hook = await _hook(desk)
    now = desk.api.clock.now()
    await desk.api.write(
        stored.note_failed, hook.id, now - 60, began_at=now - 60, probe_until=0.0, until=now + 300
    )
    page = await (await desk.browser()).open(LIST)
    assert "rests" in page.text and "failing since" in page.text and "resting until" in page.text


async def test_the_password_of_a_url_is_never_shown(desk: Desk) -> None:
    hook = await _hook(desk, url="https://me:wonderland@shop.example/")
    browser = await desk.browser()
    for path in (LIST, f"{LIST}/{hook.id}"):
        assert "wonderland" not in (await browser.open(path)).html


async def test_W_01_the_log_comes_page_by_page_and_a_post_is_shown_whole(desk: Desk) -> None:
    hook = await _hook(desk)
    ids = await _posted(desk, hook, 60, answer=HOSTILE, status=500)
    browser = await desk.browser()
    page = await browser.open(f"{LIST}/{hook.id}")
    assert page.html.count("/log/") == 50 and HOSTILE in page.text and HOSTILE not in page.html
    older = await browser.open(f"{LIST}/{hook.id}{page.link('next')}")
    assert older.html.count("/log/") == 10
    assert (await browser.open(f"{LIST}/{hook.id}{older.link('prev')}")).html.count("/log/") == 50
    page = await browser.open(f"{LIST}/{hook.id}/log/{ids[0]}")
    assert "POST /posts" in page.text and HOSTILE in page.text and HOSTILE not in page.html


async def test_W_01_events_are_posted_again_by_post_by_id_and_by_time(desk: Desk) -> None:
    hook = await _hook(desk, "native")
    (post,) = await _posted(desk, hook, 1)
    await desk.api.fold()
    event = desk.api.events("accepted")[0].id
    browser = await desk.browser()
    page = await browser.open(f"{LIST}/{hook.id}")
    page = await browser.press(page, "Post again", attempt=post)
    assert "1 event is posted again." in page.text
    page = await browser.fill(page, "Post again", event_id=event)
    assert "1 event is posted again." in page.text
    desk.api.clock.advance(60)
    page = await browser.fill(page, "Post again", since="1h")
    assert "1 event is posted again." in page.text
    assert desk.api.rows("select event_id from hook_item") == [(event,)]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({}, "Say since when"),
        ({"since": "noon"}, "is no time"),
        ({"event_id": "x"}, "There is no event x here"),
    ],
)
async def test_posting_again_says_what_is_missing(desk: Desk, typed: dict[str, str], sentence: str) -> None:
    hook = await _hook(desk)
    browser = await desk.browser()
    page = await browser.fill(await browser.open(f"{LIST}/{hook.id}"), "Post again", **typed)
    assert page.status == 400 and sentence in page.text


async def test_W_01_a_test_shows_what_is_answered_to_each_kind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answered(*given: Any) -> list[Sampled]:
        return [
            Sampled(["opened"], PostResult(200, "fine")),
            Sampled(["clicked"], PostResult(500, HOSTILE)),
        ]

    monkeypatch.setattr(webhook_page, "try_receiver", answered)
    hook = await _hook(desk)
    browser = await desk.browser()
    page = await browser.press(await browser.open(f"{LIST}/{hook.id}"), "Post made-up events")
    assert "opened 200 fine" in page.text and f"clicked 500 {HOSTILE}" in page.text
    assert HOSTILE not in page.html and not desk.api.rows("select * from hook_item")


async def test_S20_another_accounts_webhook_is_answered_like_none(desk: Desk) -> None:
    hook = await _hook(desk, account=desk.api.other_id)
    browser = await desk.browser()
    texts = [(await browser.open(f"{LIST}/{id}")).text for id in (hook.id, "nobodys")]
    assert texts[0] == texts[1] and "There is no such webhook here." in texts[0]
    token = (await browser.open(LIST)).form("Sign out").fields["token"]
    for do in ("change", "enable", "disable", "remove", "test", "again"):
        page = await browser.post(f"{LIST}/{hook.id}", {"token": token, "do": do, "since": "1h"})
        assert page.status in (400, 404), do
    assert len(desk.api.rows("select id from hook")) == 1
    assert (
        await (await desk.browser(account=OTHER)).open(f"/accounts/{OTHER}/webhooks/{hook.id}")
    ).status == 200


async def test_a_viewer_sees_webhooks_without_buttons(desk: Desk) -> None:
    hook = await _hook(desk)
    (post,) = await _posted(desk, hook, 1)
    browser = await desk.browser(Role.VIEWER)
    for path in ("", "/new", "/keys", f"/{hook.id}", f"/{hook.id}/log/{post}"):
        page = await browser.open(f"{LIST}{path}")
        assert page.status == 200 and [form.action for form in page.forms] == ["/sign-out"], path
    token = page.form("Sign out").fields["token"]
    for path, do in (("/new", "add"), ("/keys", "new"), ("/keys", "bring"), (f"/{hook.id}", "test")):
        assert (await browser.post(f"{LIST}{path}", {"token": token, "do": do})).status == 403


# Keys


async def standing(desk: Desk, dialect: str) -> Standing:
    now = desk.api.clock.now()
    found: Standing = await desk.api.read(hook_rotation.standing, desk.api.account_id, dialect, "", now)
    return found


async def signing(desk: Desk, dialect: str) -> HookKey:
    place = (desk.api.parts.installation, desk.api.account_id, dialect, "", desk.api.clock.now())
    key: HookKey = await desk.api.read(hook_rotation.load_signing_key, *place)
    return key


async def test_W_01_a_signing_key_is_shown_once_and_can_be_rotated(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.press(await browser.open(f"{LIST}/keys"), "Make a key", dialect="mailgun")
    secret = page.html.partition('id="once-3">')[2].partition("<")[0]
    assert len(secret) == 32 and secret not in (await browser.open(f"{LIST}/keys")).html
    page = await browser.fill(await browser.open(f"{LIST}/keys"), "Rotate the key", dialect="mailgun")
    assert "Keep this signing key" in page.text and secret not in page.html
    assert "carries one signature: the old key signs until" in page.text
    assert (await signing(desk, "mailgun")).secret == secret.encode()
    new = page.html.partition('id="once-3">')[2].partition("<")[0]
    page = await browser.open(f"{LIST}/keys")
    assert "signs from" in page.text and new not in page.html
    page = await browser.press(page, "End the old keys", dialect="mailgun")
    assert "signs until" not in page.text
    assert (await signing(desk, "mailgun")).secret == new.encode()


async def test_W_01_WH_1_a_rotated_key_is_brought_along_and_the_old_one_ends_when_wanted(desk: Desk) -> None:
    browser = await desk.browser()
    await browser.press(await browser.open(f"{LIST}/keys"), "Make a key", dialect="native")
    old = await signing(desk, "native")
    made = hook_keys.make("native")
    page = await browser.fill(
        await browser.open(f"{LIST}/keys"), "Rotate the key", dialect="native", keep="7d", key=made.text
    )
    assert "a signature of the old key too until" in page.text
    both = await signing(desk, "native")
    assert (both.secret, both.older) == (made.key.secret, (old.secret,))
    await browser.fill(await browser.open(f"{LIST}/keys"), "Rotate the key", dialect="native", keep="now")
    alone = await signing(desk, "native")
    assert alone.older == () and alone.secret not in (old.secret, made.key.secret)
    page = await browser.fill(
        await browser.open(f"{LIST}/keys"), "Rotate the key", dialect="native", key="short"
    )
    assert page.status == 400 and "Not a key for native" in page.text


async def test_a_public_key_is_shown_at_any_time(desk: Desk) -> None:
    browser = await desk.browser()
    await browser.press(await browser.open(f"{LIST}/keys"), "Make a key", dialect="sendgrid")
    found = await standing(desk, "sendgrid")
    assert found.newest.public in (await browser.open(f"{LIST}/keys")).html


async def test_W_01_a_key_is_brought_along_and_a_bad_one_is_told(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.fill(
        await browser.open(f"{LIST}/keys"), "Bring it along", dialect="mailgun", key="short"
    )
    assert page.status == 400 and "Not a key for mailgun" in page.text
    key = "a-secret-of-another-service"
    await browser.fill(await browser.open(f"{LIST}/keys"), "Bring it along", dialect="mailgun", key=key)
    assert (await signing(desk, "mailgun")).secret == key.encode()


@pytest.mark.parametrize("dialect", SNIPPETS)
def test_the_shown_check_of_a_signature_takes_our_posts_and_no_others(dialect: str) -> None:
    names: dict[str, Any] = {}
    exec(SNIPPETS[dialect], names)
    made = hook_keys.make(dialect)
    request = HOOK_FORMS[dialect].request([("01HF7YAT00", {"event": "opened"})], made.key, 1_700_000_000.0)
    headers = {name.lower(): value for name, value in request.headers.items()}
    own, other = made.text or made.key.public, hook_keys.make(dialect)
    assert names["is_ours"](own, headers, request.content)
    assert not names["is_ours"](other.text or other.key.public, headers, request.content)


def test_every_event_is_explained() -> None:
    assert set(EXPLAINED) == set(EventKind)
