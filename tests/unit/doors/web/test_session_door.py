"""The door where people sign in: the way in and out, guessing, forged forms, limits, headers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

from browsing import Browser, Page
from posthouse.desk import accounts
from posthouse.desk.sessions import LONGEST_S
from posthouse.doors.web.guard import MOST_AT_ONCE
from posthouse.model.account import Role
from posthouse.rules import totp
from posthouse.store import people
from unit.desk.entry import EMAIL, PASSWORD
from unit.doors.web.conftest import Web


async def sign_in(browser: Browser, email: str = EMAIL, password: str = PASSWORD) -> Page:
    page = await browser.open("/sign-in")
    return await browser.submit(page.form("Sign in"), email=email, password=password)


async def signed_in(web: Web, **more: Any) -> tuple[Browser, Page]:
    """A browser in which Ann is signed in, and her account page."""
    browser = web.browser(**more)
    page = await sign_in(browser)
    assert page.title == "Your account"
    return browser, page


def code_now(web: Web, secret: str) -> str:
    return totp.code_at(totp.parse_secret(secret), totp.step_at(web.entry.clock.now()))


async def turn_totp_on(web: Web) -> tuple[str, list[str]]:
    """Ann's secret and recovery codes, as the pages show them."""
    browser, page = await signed_in(web)
    page = await browser.submit(page.form("Go on", do="totp-start"), current=PASSWORD)
    assert page.title == "Turn on the second step"
    secret = page.form("Turn on").fields["secret"]
    assert f"otpauth://totp/mail.shop.test:{EMAIL}?secret={secret}&issuer=mail.shop.test" in page.text
    page = await browser.submit(page.form("Turn on"), code=code_now(web, secret))
    assert page.title == "The second step is on"
    codes = re.findall(r"<code>(\w{5}-\w{5})</code>", page.html)
    assert len(codes) == 8
    web.entry.clock.advance(totp.STEP_S)
    return secret, codes


# -- in and out --------------------------------------------------------------------------------------------


async def test_the_password_leads_to_the_account_and_signing_out_ends_it(web: Web) -> None:
    browser, page = await signed_in(web)
    assert (page.status, page.hops) == (200, [303, 303])
    assert EMAIL in page.text and "one , owner" in page.text
    token = browser.cookies["posthouse_session"]
    assert (await browser.open("/sign-in")).title == "Your account", "who is in need not sign in"
    assert (await browser.open("/sign-out")).title == "Your account", "looking at it signs nobody out"
    page = await browser.submit(page.form("Sign out"))
    assert (page.title, "You are signed out." in page.text) == ("Sign in", True)
    assert "posthouse_session" not in browser.cookies
    browser.cookies["posthouse_session"] = token
    assert (await browser.open("/account")).title == "Sign in"


async def test_a_given_password_is_changed_first(web: Web) -> None:
    web.entry.add("bob@shop.test", Role.VIEWER)
    browser = web.browser()
    page = await sign_in(browser, "bob@shop.test", "given-word")
    assert page.title == "Choose a password"
    assert (await browser.open("/account")).title == "Choose a password", "nothing opens before"
    form = page.form("Save and sign in")
    page = await browser.submit(form, password="short", again="short")
    assert (page.status, "12 to 256 characters" in page.text) == (400, True)
    page = await browser.submit(form, password="a password of Bob", again="a password of Rob")
    assert (page.status, "are not the same." in page.text) == (400, True)
    page = await browser.submit(form, password="a password of Bob", again="a password of Bob")
    assert page.title == "Your account"
    assert "posthouse_step" not in browser.cookies
    assert (await sign_in(web.browser(), "bob@shop.test", "given-word")).status == 403
    assert (await sign_in(web.browser(), "bob@shop.test", "a password of Bob")).title == "Your account"


async def test_the_second_step_asks_for_a_code_that_opens_once(web: Web) -> None:
    secret, codes = await turn_totp_on(web)
    browser = web.browser()
    page = await sign_in(browser)
    assert page.title == "Your code"
    wrong = await browser.submit(page.form("Go on"), code="000000")
    assert (wrong.status, wrong.title) == (403, "Your code")
    code = code_now(web, secret)
    assert (await browser.submit(page.form("Go on"), code=code)).title == "Your account"
    again = web.browser()
    page = await sign_in(again)
    page = await again.submit(page.form("Go on"), code=code)
    assert (page.status, "was used already" in page.text) == (403, True)
    assert (await again.submit(page.form("Go on"), code=codes[0])).title == "Your account"
    last = web.browser()
    page = await sign_in(last)
    assert (await last.submit(page.form("Go on"), code=codes[0])).status == 403


async def test_a_reset_with_a_second_step_asks_for_the_code_before_the_new_password(web: Web) -> None:
    secret, _ = await turn_totp_on(web)
    with web.entry.conn.transaction():
        ann = web.entry.person()
        people.set_password(
            web.entry.conn, ann.id, "hash of given-word", must_change=True, at=web.entry.clock.now()
        )
    browser = web.browser()
    page = await sign_in(browser, EMAIL, "given-word")
    assert page.title == "Your code"
    page = await browser.submit(page.form("Go on"), code=code_now(web, secret))
    assert page.title == "Choose a password"


async def test_one_can_start_again_between_two_steps(web: Web) -> None:
    await turn_totp_on(web)
    browser = web.browser()
    await sign_in(browser)
    assert (await browser.open("/sign-in")).title == "Your code"
    assert (await browser.open("/sign-in?again=1")).title == "Sign in"


async def test_a_step_that_took_too_long_begins_again(web: Web) -> None:
    secret, _ = await turn_totp_on(web)
    browser = web.browser()
    page = await sign_in(browser)
    web.entry.clock.advance(601)
    page = await browser.submit(page.form("Go on"), code=code_now(web, secret))
    assert (page.status, "This took too long" in page.text) == (403, True)


async def test_a_suspended_account_is_explained_to_its_own_people_only(web: Web) -> None:
    browser, _ = await signed_in(web)
    web.entry.change(accounts.suspend, "one")
    assert (await browser.open("/account")).title == "Sign in", "the session has ended"
    page = await sign_in(web.browser())
    assert (page.status, "Your account is suspended" in page.text) == (403, True)
    page = await sign_in(web.browser(), EMAIL, "guessed")
    assert "E-mail address or password is wrong." in page.text


# -- one's own account -------------------------------------------------------------------------------------


async def test_the_page_says_what_a_role_may(web: Web) -> None:
    for role, words in (
        (Role.OWNER, "You may see and change everything."),
        (Role.DEVELOPER, "You may see everything and change all but: people, account."),
        (Role.VIEWER, "You may see everything and change nothing."),
    ):
        email = f"{role}@shop.test"
        web.entry.add(email, role, password=PASSWORD)
        assert words in (await sign_in(web.browser(), email)).text


async def test_a_new_password_needs_the_old_one_and_ends_the_other_sessions(web: Web) -> None:
    other, _ = await signed_in(web)
    browser, page = await signed_in(web)
    form = page.form("Change password")
    new = "a new password of Ann"
    refused = await browser.submit(form, current="guessed", password=new, again=new)
    assert (refused.status, "Your password is wrong." in refused.text) == (403, True)
    same = await browser.submit(form, current=PASSWORD, password=PASSWORD, again=PASSWORD)
    assert (same.status, "This is the old password" in same.text) == (400, True)
    page = await browser.submit(form, current=PASSWORD, password=new, again=new)
    assert (page.title, "Your password is changed" in page.text) == ("Your account", True)
    assert (await other.open("/account")).title == "Sign in"
    assert (await sign_in(web.browser())).status == 403
    assert (await sign_in(web.browser(), EMAIL, new)).status == 200


async def test_sessions_are_ended_one_by_one_and_all_others(web: Web) -> None:
    browsers = [(await signed_in(web, address=f"192.0.2.{number}"))[0] for number in range(4)]
    page = await browsers[0].open("/account")
    assert page.text.count("192.0.2.") == 4 and page.text.count("this browser") == 1
    doomed = next(each for each in page.forms if each.button == "End")
    page = await browsers[0].submit(doomed)
    assert (page.text.count("192.0.2."), "Ended." in page.text) == (3, True)
    assert [(await each.open("/account")).title for each in browsers].count("Sign in") == 1
    page = await browsers[0].submit(page.form("End all others"))
    assert [(await each.open("/account")).title for each in browsers].count("Sign in") == 3
    assert page.text.count("192.0.2.") == 1


async def test_s20_nobody_ends_or_sees_the_sessions_of_others(web: Web) -> None:
    web.entry.add("eve@shop.test", Role.OWNER, web.entry.two, password=PASSWORD)
    theirs = web.browser(address="198.51.100.9")
    await sign_in(theirs, "eve@shop.test")
    eve = web.entry.person("eve@shop.test")
    (session,) = people.list_sessions(web.entry.conn, eve.id, web.entry.clock.now())
    browser, page = await signed_in(web)
    assert "198.51.100.9" not in page.html and "eve@" not in page.html and "two" not in page.text
    form = page.form("Sign out").fields
    said = []
    for wanted in (session.id, "0" * 32):
        page = await browser.post("/account", {"token": form["token"], "do": "end", "session": wanted})
        said.append((page.status, page.text))
    assert said[0] == said[1]
    assert said[0][0] == 403 and "There is no such session." in said[0][1]
    assert (await theirs.open("/account")).title == "Your account"


async def test_the_second_step_is_turned_off_with_password_and_code(web: Web) -> None:
    secret, codes = await turn_totp_on(web)
    browser = web.browser()
    page = await sign_in(browser)
    page = await browser.submit(page.form("Go on"), code=code_now(web, secret))
    form = page.form("Turn off")
    for current, code in (("guessed", codes[0]), (PASSWORD, "000000")):
        assert (await browser.submit(form, current=current, code=code)).status == 403
    page = await browser.submit(form, current=PASSWORD, code=codes[0])
    assert "The second step is off." in page.text
    assert (await sign_in(web.browser())).title == "Your account"


async def test_a_second_step_begins_with_the_password_and_our_own_secret(web: Web) -> None:
    browser, page = await signed_in(web)
    form = page.form("Go on", do="totp-start")
    assert (await browser.submit(form, current="guessed")).status == 403
    enrol = (await browser.submit(form, current=PASSWORD)).form("Turn on")
    wrong = await browser.submit(enrol, code="000000")
    assert (wrong.status, wrong.form("Turn on").fields["secret"]) == (403, enrol.fields["secret"])
    mine = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for changed in ({"secret": mine}, {"proof": "0" * 64}, {"secret": ""}, {"proof": "é"}):
        page = await browser.post("/account", enrol.fields | {"code": code_now(web, mine)} | changed)
        assert (page.status, "please begin again" in page.text) == (403, True)
    other, _ = await signed_in(web)
    other.cookies["posthouse_form"] = browser.cookies["posthouse_form"]
    assert (await other.post("/account", enrol.fields | {"code": "1"})).status == 403
    assert not web.entry.person().totp


# -- guessing ----------------------------------------------------------------------------------------------


async def test_wrong_answers_come_slower_and_slower_and_nobody_is_locked_out(web: Web) -> None:
    guesser = web.browser(address="203.0.113.5")
    for number in range(12):
        page = await sign_in(guesser, EMAIL, f"guess {number}")
        assert page.status == 403
    assert web.sleeps == [0.5, 1.0, 2.0, 4.0, *[8.0] * 5], "three are free"
    before = len(web.sleeps)
    assert (await sign_in(web.browser(), EMAIL)).title == "Your account", "from another address at once"
    assert (await sign_in(guesser, EMAIL)).title == "Your account", "and from the same one too"
    assert len(web.sleeps) == before


async def test_many_addresses_that_guess_one_person_are_slowed_down_together(web: Web) -> None:
    for number in range(16):
        await sign_in(web.browser(address=f"203.0.113.{number}"), f" {EMAIL.upper()} ", "guess")
    assert web.sleeps == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0], "ten are free"
    await sign_in(web.browser(address="203.0.113.99"), "somebody@else.test", "guess")
    assert len(web.sleeps) == 6


async def test_one_address_that_guesses_many_people_is_slowed_down(web: Web) -> None:
    for number in range(8):
        await sign_in(web.browser(address="203.0.113.5"), f"p{number}@shop.test", "guess")
    assert web.sleeps[-1] == 8.0


async def test_from_one_address_only_a_few_are_under_way_at_once(web: Web) -> None:
    go = asyncio.Event()
    started: list[int] = []

    async def stuck() -> None:
        started.append(1)
        await go.wait()

    async def quick() -> str:
        return "in"

    guard = web.parts.guard
    tries = [asyncio.ensure_future(guard.tried("203.0.113.5", EMAIL, stuck)) for _ in range(MOST_AT_ONCE)]
    while len(started) < MOST_AT_ONCE:
        await asyncio.sleep(0)
    browser = web.browser(address="203.0.113.5")
    page = await sign_in(browser)
    assert (page.status, page.header("Retry-After"), "at once" in page.text) == (429, "10", True)
    assert await guard.tried("192.0.2.7", EMAIL, quick) == "in", "other addresses do not wait"
    go.set()
    await asyncio.gather(*tries)
    assert (await sign_in(browser)).title == "Your account"


# -- what is no form of ours -------------------------------------------------------------------------------

FORGED: dict[str, Callable[[Browser], None]] = {
    "from another site": lambda browser: browser.headers.update({"Sec-Fetch-Site": "cross-site"}),
    "from a site beside ours": lambda browser: browser.headers.update({"Sec-Fetch-Site": "same-site"}),
    "from another origin, by an older browser": lambda browser: browser.headers.update(
        {"Sec-Fetch-Site": None, "Origin": "https://evil.test"}
    ),
    "from an origin that says nothing": lambda browser: browser.headers.update(
        {"Sec-Fetch-Site": None, "Origin": "null"}
    ),
    "from an origin that is none": lambda browser: browser.headers.update(
        {"Sec-Fetch-Site": None, "Origin": "http://[mail.shop.test"}
    ),
    "without its cookie": lambda browser: browser.cookies.pop("posthouse_form") and None,
    "with the cookie of another browser": lambda browser: browser.cookies.update(posthouse_form="x" * 22),
    "with a cookie that cannot be ours": lambda browser: browser.cookies.update(posthouse_form="x" * 999),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_a_form_is_refused_that_comes(web: Web, forge: Callable[[Browser], None]) -> None:
    browser, page = await signed_in(web)
    form = page.form("Change password")
    outside = web.browser()
    first = (await outside.open("/sign-in")).form("Sign in")
    for each in (browser, outside):
        forge(each)
    new = "a new password of Ann"
    page = await browser.submit(form, current=PASSWORD, password=new, again=new)
    assert (page.status, page.title) == (403, "That did not work")
    assert (await browser.submit(sign_out_form(form), False)).status == 403
    assert (await outside.submit(first, email=EMAIL, password=PASSWORD)).status == 403
    assert (await sign_in(web.browser())).title == "Your account", "nothing was changed"


def sign_out_form(form: Any) -> Any:
    return type(form)("/sign-out", {"token": form.fields["token"]})


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": None, "Origin": "http://mail.shop.test"},
        {"Sec-Fetch-Site": None},
    ],
)
async def test_a_form_of_ours_is_taken_from_every_browser(web: Web, headers: dict[str, str | None]) -> None:
    browser = web.browser()
    browser.headers.update(headers)
    assert (await sign_in(browser)).title == "Your account"


async def test_a_token_of_one_session_opens_no_form_of_another(web: Web) -> None:
    browser, page = await signed_in(web)
    stale = page.form("Sign out").fields["token"]
    await sign_in_again(web, browser)
    assert (await browser.post("/account", {"token": stale, "do": "end-others"})).status == 403


async def sign_in_again(web: Web, browser: Browser) -> None:
    browser.cookies.pop("posthouse_session")
    assert (await sign_in(browser)).title == "Your account"


BODIES: dict[str, tuple[str, bytes, int]] = {
    "JSON": ("application/json", b"{}", 415),
    "a file": ("multipart/form-data; boundary=x", b"--x--", 415),
    "no kind": ("", b"a=b", 415),
    "too large": ("application/x-www-form-urlencoded", b"a=" + b"b" * 17_000, 413),
    "no text": ("application/x-www-form-urlencoded", b"a=\xff", 400),
    "a NUL": ("application/x-www-form-urlencoded", b"session=%00", 400),
    "too many fields": ("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 30), 400),
    "nothing": ("application/x-www-form-urlencoded", b"", 403),
    "another charset": ("application/x-www-form-urlencoded; charset=utf-16", b"a=b", 403),
}


@pytest.mark.parametrize(("kind", "body", "status"), BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("path", ["/sign-in", "/account", "/sign-out"])
async def test_any_other_body_is_answered_with_a_sentence(
    web: Web, path: str, kind: str, body: bytes, status: int
) -> None:
    browser, _ = await signed_in(web)
    browser.headers["Content-Type"] = kind
    page = await browser._ask("POST", path, body, False)
    assert (page.status, page.title) == (status, "That did not work")
    assert re.search(r"work [A-Z].*\. To your account$", page.text)


@pytest.mark.parametrize("do", ["", "delete-everything", "__class__"])
async def test_a_form_that_we_do_not_have_changes_nothing(web: Web, do: str) -> None:
    browser, page = await signed_in(web)
    page = await browser.post("/account", {"token": page.form("Sign out").fields["token"], "do": do})
    assert page.status == 400


async def test_without_a_session_there_is_only_the_way_in(web: Web) -> None:
    browser = web.browser()
    assert (await browser.open("/account")).title == "Sign in"
    assert (await browser.post("/account", {"do": "end-others"})).title == "Sign in"
    assert (await browser.post("/sign-out", {})).title == "Sign in"
    for odd in ("x", "é", "x" * 4000, '"', "a;b"):
        browser.cookies["posthouse_session"] = odd
        assert (await browser.open("/account")).title == "Sign in"


async def test_trouble_is_a_page_too(web: Web) -> None:
    browser, page = await signed_in(web)
    web.entry.store.is_away = True
    away = await browser.open("/account")
    assert (away.status, away.header("Retry-After")) == (503, "10")
    assert "The mail store is not available" in away.text
    page = await browser.submit(page.form("Sign out"))
    assert page.status == 503
    web.entry.store.is_away = False
    web.parts.own.sessions_of = None  # type: ignore[assignment,method-assign]
    page = await browser.open("/account")
    assert (page.status, "it is written in the log" in page.text) == (500, True)
    assert "NoneType" not in page.html


# -- headers, cookies, marks -------------------------------------------------------------------------------


async def test_every_answer_carries_the_headers_that_keep_others_out(web: Web) -> None:
    browser, page = await signed_in(web)
    answers = [
        page,
        await web.browser().open("/sign-in"),
        await web.browser().open("/account", False),
        await browser.post("/account", {}),
        await browser.submit(page.form("Sign out"), False),
    ]
    for answer in answers:
        policy = answer.header("Content-Security-Policy")
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "form-action 'self'" in policy and "frame-ancestors 'none'" in policy
        assert answer.header("Cache-Control") == "no-store"
        assert answer.header("X-Content-Type-Options") == "nosniff"
        assert "<script" not in answer.html and " style=" not in answer.html


async def test_cookies_are_for_the_browser_alone(web: Web) -> None:
    for scheme in ("http", "https"):
        browser, page = await signed_in(web, scheme=scheme)
        await browser.submit(page.form("Sign out"))
        for header in browser.set_cookies:
            assert "HttpOnly" in header and "SameSite=lax" in header and "Path=/" in header
            assert ("Secure" in header) == (scheme == "https")
        kept = next(each for each in browser.set_cookies if each.startswith("posthouse_session="))
        assert f"Max-Age={int(LONGEST_S)}" in kept


async def test_what_others_wrote_is_text_and_no_mark_up(web: Web) -> None:
    evil = '"><script>alert(1)</script>'
    browser = web.browser(User_Agent=evil)
    page = await sign_in(browser, evil, "x")
    assert page.status == 403 and evil not in page.html and "<script" not in page.html
    page = await sign_in(browser)
    assert evil in page.text and "<script" not in page.html


AGENTS = {
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36": (
        "Chrome on Linux"
    ),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0": "Firefox on Windows",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/26.0 Safari/605.1.15": (
        "Safari on Mac"
    ),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605 CriOS/156 Safari/604": (
        "Chrome on iPhone"
    ),
    "Mozilla/5.0 (Linux; Android 16) Chrome/156 Mobile Safari/537 EdgA/156": "Edge on Android",
    "curl/8.5": "curl/8.5",
    "": "a browser without a name",
}


@pytest.mark.parametrize(("agent", "name"), AGENTS.items(), ids=AGENTS.values())
async def test_a_session_is_shown_by_the_name_of_its_browser(web: Web, agent: str, name: str) -> None:
    _, page = await signed_in(web, User_Agent=agent)
    assert f"192.0.2.7 {name} since" in page.text


async def test_no_page_repeats_a_password(web: Web) -> None:
    browser = web.browser()
    page = await sign_in(browser, EMAIL, "a-wrong-secret-word")
    assert "a-wrong-secret-word" not in page.html
    assert EMAIL in page.html, "but the address need not be typed again"


async def test_pages_work_on_a_phone_and_by_keyboard(web: Web) -> None:
    _, page = await signed_in(web)
    for html in (page.html, (await web.browser().open("/sign-in")).html):
        assert '<html lang="en">' in html and 'name="viewport"' in html
        ids = re.findall(r'<input id="([^"]+)"', html)
        assert len(ids) == len(set(ids)), "an id stands once on a page"
        assert set(ids) == set(re.findall(r'<label for="([^"]+)"', html)), "every field has its label"
        assert "tabindex" not in html and "outline:none" not in html
