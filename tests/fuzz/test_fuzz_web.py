"""The pages for people: whatever is sent, the answer is a page of ours, and nobody is in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blank_store import make_store
from browsing import Browser, Page
from posthouse.desk.entrance import Step
from posthouse.doors.web.forms import form_token
from posthouse.store import people
from posthouse.store.engine import connect
from unit.desk.entry import EMAIL, PASSWORD, Entry
from unit.doors.web.conftest import Web

FORM_COOKIE = "c" * 22
NAMES = ("token", "step", "do", "email", "password", "again", "code", "current", "secret", "proof", "session")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    url = f"sqlite:///{Path(tmp_path_factory.mktemp('web'))}/web.db"
    make_store(url)
    with connect(url) as conn:
        made = Web(Entry(conn))
        yield made
        made.entry.passwords.close()


def ask(web: Web, method: str, path: str, cookies: dict[str, str], body: bytes) -> Page:
    browser: Browser = web.browser()
    browser.cookies.update(cookies)
    return asyncio.run(browser._ask(method, path, body, False))


# what a header may carry, and what a form may
texts = st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters=";,"), max_size=80)
values = st.one_of(
    st.text(max_size=60), st.sampled_from(["password", "code", "choose", "end", "totp-on", EMAIL, PASSWORD])
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(["/sign-in", "/account", "/sign-out"]),
    method=st.sampled_from(["GET", "POST"]),
    cookies=st.dictionaries(st.sampled_from(["posthouse_session", "posthouse_step", "x"]), texts),
    fields=st.one_of(st.binary(max_size=200), st.dictionaries(st.sampled_from(NAMES), values)),
    is_ours=st.booleans(),
)
def test_every_request_gets_a_page_and_nothing_changes(
    web: Web,
    path: str,
    method: str,
    cookies: dict[str, str],
    fields: bytes | dict[str, str],
    is_ours: bool,
) -> None:
    before = web.entry.person()
    if is_ours and isinstance(fields, dict):
        cookies["posthouse_form"] = FORM_COOKIE
        fields["token"] = form_token(web.entry.installation, FORM_COOKIE)
    guessed_right = isinstance(fields, dict) and fields.get("password") == PASSWORD
    body = fields if isinstance(fields, bytes) else urlencode(fields, errors="replace").encode()
    page = ask(web, method, path, cookies, body)
    assert page.status in (200, 303, 400, 403, 415)
    assert page.header("Content-Security-Policy")
    if not guessed_right:
        assert web.entry.person() == before
        assert people.list_sessions(web.entry.conn, before.id, web.entry.clock.now()) == []
    for session in people.list_sessions(web.entry.conn, before.id, web.entry.clock.now()):
        with web.entry.conn.transaction():
            people.end_session(web.entry.conn, before.id, session.id)


@settings(deadline=None)
@given(at=st.integers(0, 200), sign=st.characters(min_codepoint=33, max_codepoint=126))
def test_no_changed_ticket_leads_anywhere(web: Web, at: int, sign: str) -> None:
    ticket = web.entry.entrance.ticket(web.entry.person(), Step.CHOOSE)
    place = at % len(ticket)
    changed = ticket[:place] + sign + ticket[place + 1 :]
    held = asyncio.run(web.entry.entrance.holder(changed))
    assert (held is not None) == (changed == ticket)
