"""The pages of API keys, tokens and SMTP users (W-04, S20, S22)."""

from __future__ import annotations

import re

import pytest

from posthouse.desk import keys
from posthouse.model.account import CredentialKind, Role
from posthouse.rules.permissions import FULL, SEND_ONLY
from posthouse.store import audit, credentials
from posthouse.store.audit import Query
from unit.doors.api.calling import DOMAIN, Api
from unit.doors.web.dashboard.desk import Desk

KEYS, USERS = "/accounts/default/keys", "/accounts/default/users"


async def _newest(api: Api, kind: CredentialKind = CredentialKind.API_KEY) -> object:
    found = await api.store.read(credentials.of_account, api.account_id, kind)
    return max(found, key=lambda each: each.id)


@pytest.mark.parametrize(
    ("dialect", "opening", "words"),
    [
        ("native", "ph_", "posthouse/v1/messages"),
        ("sendgrid", "SG.", "SendGridAPIClient"),
        ("mailpace", "", "MailPace-Server-Token"),
    ],
)
async def test_W_04_a_new_key_is_shown_once_with_programs_that_use_it(
    desk: Desk, dialect: str, opening: str, words: str
) -> None:
    browser = await desk.browser()
    page = await browser.fill(
        await browser.open(KEYS), "Make key", name="Deploy", dialect=dialect, domain=DOMAIN
    )
    secret = page.html.partition('id="once-key">')[2].partition("<")[0]
    assert page.status == 200 and secret.startswith(opening) and len(secret) > 30
    assert words in page.text and page.html.count(secret) >= 2 and DOMAIN in page.text
    await desk.api.parts.identity.refresh(desk.api.store)
    principal = desk.api.parts.identity.recognise("apikey" if dialect != "mailpace" else secret, secret)
    assert principal is not None and principal.domain == DOMAIN
    assert secret not in (await browser.open(KEYS)).html
    log = await desk.api.store.read(audit.search, Query(desk.api.account_id))
    assert log[0].what == "keys.add" and "Deploy" in log[0].about and secret not in str(log)


@pytest.mark.parametrize(("chosen", "words"), [("full", FULL), ("send-only", SEND_ONLY)])
async def test_W_04_a_preset_says_what_a_key_may_do(desk: Desk, chosen: str, words: tuple[str, ...]) -> None:
    browser = await desk.browser()
    await browser.fill(await browser.open(KEYS), "Make key", name="n", dialect="native", preset=chosen)
    found = [
        each.permissions
        for each in await desk.api.store.read(
            credentials.of_account, desk.api.account_id, CredentialKind.API_KEY
        )
        if each.name == "n"
    ]
    assert found == [words]


async def test_W_04_single_permissions_are_ticked(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.open(KEYS)
    page = await browser.fill(page, "Make key", name="n", dialect="native", preset="own")
    assert page.status == 400 and "Tick what the key may do" in page.text
    page = await browser.fill(page, "Make key", dialect="native", preset="own", permission="stats.read")
    assert page.status == 200
    (id,) = re.findall(r"<dt>Its id</dt><dd><code>([^<]+)<", page.html)
    page = await browser.open(f"{KEYS}/{id}")
    assert "stats.read" in page.text and page.title == "API key n"


async def test_W_04_a_key_is_changed_and_revoked(desk: Desk) -> None:
    browser = await desk.browser()
    here = f"{KEYS}/{desk.api.sending.id}"
    page = await browser.fill(
        await browser.open(here), "Save", name="Shop", ranges="192.0.2.0/24", messages="10", preset=""
    )
    assert "192.0.2.0/24" in page.text and page.title == "API key Shop"
    page = await browser.fill(page, "Save", preset="full", ranges="")
    assert "anywhere" in page.text and "keys.write" in page.text
    page = await browser.fill(page, "Save", ranges="nonsense")
    assert page.status == 400
    page = await browser.press(await browser.open(here), "Revoke")
    assert page.path == KEYS and "no longer valid" in page.text
    assert (await browser.open(here)).status == 404


async def test_W_04_a_key_expires_on_the_day_that_was_said_and_shows_it(desk: Desk) -> None:
    browser = await desk.browser()
    here = f"{KEYS}/{desk.api.sending.id}"
    page = await browser.fill(await browser.open(here), "Save", expires="yesterday")
    assert page.status == 400 and "is no time: write 90d" in page.text
    page = await browser.fill(await browser.open(here), "Save", expires="1h")
    assert "expired" not in page.text
    at = desk.api.clock.now() + 3600
    key = await desk.api.read(keys.load, desk.api.account_id, CredentialKind.API_KEY, desk.api.sending.id)
    assert key.expires_at == at
    desk.api.clock.advance(3600)
    assert "expired" in (await browser.open(KEYS)).text
    page = await browser.fill(await browser.open(here), "Save", name="Shop")
    assert page.status == 200 and "expired" in page.text, "what was not touched stays"
    page = await browser.fill(page, "Save", expires="")
    assert "expired" not in page.text
    key = await desk.api.read(keys.load, desk.api.account_id, CredentialKind.API_KEY, desk.api.sending.id)
    assert key.expires_at is None


async def test_W_04_a_token_needs_its_domain(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.fill(await browser.open(KEYS), "Make key", dialect="mailpace", domain="")
    assert page.status == 400 and "A token is for one domain" in page.text


async def test_S20_a_key_of_another_account_is_answered_like_none(desk: Desk) -> None:
    page = await (await desk.browser()).open(f"{KEYS}/{desk.api.others.id}")
    assert page.status == 404 and "There is no such key here." in page.text


async def test_a_viewer_sees_keys_and_no_buttons(desk: Desk) -> None:
    browser = await desk.browser(Role.VIEWER)
    for path in (KEYS, f"{KEYS}/{desk.api.full.id}"):
        page = await browser.open(path)
        assert page.status == 200 and [form.action for form in page.forms] == ["/sign-out"]
    token = page.form("Sign out").fields["token"]
    page = await browser.post(f"{KEYS}/{desk.api.full.id}", {"token": token, "do": "revoke"})
    assert page.status == 403


async def test_W_04_a_users_terms_are_changed(desk: Desk) -> None:
    browser = await desk.browser()
    await browser.fill(await browser.open(USERS), "Add user", login=f"app@{DOMAIN}", ranges="192.0.2.0/24")
    page = await browser.open(USERS)
    page = await browser.fill(page, "Save", ranges="198.51.100.0/24", messages="5", connections="")
    assert "198.51.100.0/24" in page.text
    (user,) = await desk.api.store.read(credentials.of_account, desk.api.account_id, CredentialKind.SMTP_USER)
    assert user.limits.messages_per_connection == 5 and user.limits.connections_per_address is None
