"""A real browser walks through the dashboard: every page and every button, as owner and as viewer, on a
desktop and on a phone, with hostile mail in it (W-01, W-03, S13)."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from browser.demo import OWNER, SIZES, VIEWER, Demo, running_demo
from browser.walk import AXE, Walker, pattern_of

MOST_BYTES = 200_000
MARK = "window.hacked"
HOSTILE = f"""<html><head><base href="https://evil.test/"><meta http-equiv="refresh" content="0;url=https://evil.test/">
<script>{MARK}=1;top.location='https://evil.test/'</script><style>@import url(https://evil.test/a.css);
body{{background:url(https://evil.test/b.png)}}</style></head><body onload="{MARK}=2">
<img src=x onerror="{MARK}=3"><img src="https://evil.test/pixel.gif"><svg onload="{MARK}=4"></svg>
<iframe src="https://evil.test/"></iframe><a href="javascript:{MARK}=5">click</a>
<form action="https://evil.test/"><input name=a autofocus onfocus="{MARK}=6"></form>
<link rel="stylesheet" href="https://evil.test/c.css"><video src="https://evil.test/v" autoplay>
</video></body></html>"""
WORDS = f'"><img src=x onerror={MARK}=7><script>{MARK}=8</script>{{{{7*7}}}}'


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A day of mail and some that means harm."""
    with running_demo(tmp_path_factory.mktemp("demo"), "--hours", "24", "--scale", "0.5") as running:
        _send_hostile(running)
        yield running


def _send_hostile(demo: Demo) -> None:
    (user,) = demo.command("user", "add", "hostile@shop.example")
    with smtplib.SMTP("127.0.0.1", demo.smtp, timeout=60) as smtp:
        smtp.login(user["login"], user["password"])
        for number in range(3):
            mail = EmailMessage()
            mail["From"] = '"<b>Mallory</b>" <hostile@shop.example>'
            mail["To"] = f"victim{number}@bluemail.example"
            mail["Subject"] = WORDS
            mail["X-Mailgun-Tag"] = "<script>alert(1)</script>"
            mail.set_content(WORDS)
            mail.add_alternative(HOSTILE, subtype="html")
            mail.add_attachment(b"<script>1</script>", maintype="text", subtype="html", filename='"><b>.html')
            smtp.send_message(mail)


def _opened(browser: Any, demo: Demo, email: str, size: str, **more: Any) -> Walker:
    walker = Walker(browser, demo.url, viewport=SIZES[size], with_axe=AXE.exists(), **more)
    demo.sign_in(walker.page, email)
    return walker


@pytest.mark.timeout(900)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("email", [OWNER, VIEWER])
def test_W_01_S13_every_page_is_sound_and_runs_nothing_of_strangers(
    browser: Any, demo: Demo, email: str, size: str
) -> None:
    walker = _opened(browser, demo, email, size)
    kinds: set[str] = set()
    troubles: list[str] = []
    for seen in walker.walk(f"{demo.url}/accounts/default"):
        kinds.add(pattern_of(seen.url))
        troubles += [f"{seen.url}: {each}" for each in seen.troubles]
        if seen.status != 200:
            troubles.append(f"{seen.url}: {seen.status}")
        if seen.weight > MOST_BYTES:
            troubles.append(f"{seen.url}: {seen.weight} octets")
        if walker.page.evaluate(MARK):
            troubles.append(f"{seen.url}: a stranger's script ran")
        if email == VIEWER and "/accounts/" in seen.url:
            # a template's editor shows previews to everybody; what stores is not there for a viewer
            forms = walker.page.locator("main form[method=post]:not(#editor)").count()
            troubles += [f"{seen.url}: {forms} forms for a viewer"] if forms else []
    walker.close()
    assert not troubles, "\n".join(troubles)
    assert len(kinds) >= 20, sorted(kinds)


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not here: bash tests/clients/install.sh")
@pytest.mark.timeout(600)
def test_W_01_dark_pages_have_enough_contrast(browser: Any, demo: Demo) -> None:
    walker = _opened(browser, demo, VIEWER, "desktop", color_scheme="dark")
    troubles = [
        f"{seen.url}: {each}"
        for seen in walker.walk(f"{demo.url}/accounts/default")
        for each in seen.troubles
    ]
    walker.close()
    assert not troubles, "\n".join(troubles)


def test_W_01_the_keyboard_alone_reaches_content_and_sections(browser: Any, demo: Demo) -> None:
    walker = _opened(browser, demo, VIEWER, "desktop")
    walker.page.goto(f"{demo.url}/accounts/default")
    walker.page.keyboard.press("Tab")
    assert walker.page.evaluate("document.activeElement.textContent") == "Skip to content"
    walker.page.keyboard.press("Enter")
    assert walker.page.evaluate("document.activeElement.id") == "content"
    walker.close()


def test_W_01_the_menu_of_a_phone_opens_and_closes_by_keyboard(browser: Any, demo: Demo) -> None:
    walker = _opened(browser, demo, VIEWER, "phone")
    walker.page.goto(f"{demo.url}/accounts/default")
    assert not walker.page.locator("#sections").is_visible()
    walker.page.locator("button.menu").press("Enter")
    assert walker.page.locator("#sections").is_visible()
    walker.page.keyboard.press("Escape")
    assert not walker.page.locator("#sections").is_visible()
    walker.close()


def test_W_01_the_first_steps_end_with_a_message_on_the_screen(browser: Any, demo: Demo) -> None:
    walker = _opened(browser, demo, OWNER, "desktop")
    page = walker.page
    page.goto(f"{demo.url}/accounts/default/start")
    page.select_option("#domain", "shop.example")
    page.click("text=Make a user and show me how")
    user, password = page.inner_text("#user"), page.inner_text("#password")
    with smtplib.SMTP("127.0.0.1", demo.smtp, timeout=60) as smtp:
        smtp.login(user, password)
        smtp.sendmail(
            user, ["ann@bluemail.example"], f"From: {user}\nTo: ann@bluemail.example\nSubject: First\n\nHi\n"
        )
    page.wait_for_selector("#seen.good", timeout=30_000)
    page.click("text=See what became of it")
    assert "First" in page.inner_text("main")
    walker.close()


@pytest.mark.timeout(900)
def test_W_01_every_button_does_something_and_no_page_breaks(browser: Any, demo: Demo) -> None:
    """The last test here: afterwards passwords are new, and much is gone."""
    walker = _opened(browser, demo, OWNER, "desktop")
    walked = walker.walk(f"{demo.url}/accounts/default")
    pages = [seen.url for seen in walked if seen.is_page and "/accounts/" in seen.url]
    pressed: set[tuple[str, str, str]] = set()
    troubles: list[str] = []
    for url in pages:
        while (form := _next_form(walker, url, pressed)) is not None:
            walker.troubles = []
            _fill(form)
            with (
                walker.page.expect_response(lambda answer: answer.request.method == "POST") as caught,
                walker.page.expect_navigation(wait_until="load", timeout=90_000),
            ):
                form.evaluate("form => { form.dataset.confirmed = 'yes'; form.requestSubmit(); }")
            status = caught.value.status
            if status >= 500 or status in (403, 405, 415):
                troubles.append(f"{url}: {sorted(pressed)[-1:]} answered {status}")
            troubles += [f"{url}: {each}" for each in walker.troubles if "status of 4" not in each]
    walker.close()
    assert not troubles, "\n".join(troubles)
    assert len(pressed) >= 25, sorted(pressed)


def _next_form(walker: Walker, url: str, pressed: set[tuple[str, str, str]]) -> Any:
    """A form of this page that was not sent yet; signing out is another test's."""
    walker.page.goto(url, wait_until="load")
    for form in walker.page.query_selector_all("main form[method=post]"):
        do = form.query_selector("input[name=do]")
        if do is None:
            continue
        button = form.query_selector("button")
        key = (
            pattern_of(url),
            do.get_attribute("value") or "",
            (button.inner_text() if button else "").strip(),
        )
        if key not in pressed:
            pressed.add(key)
            return form
    return None


def _fill(form: Any) -> None:
    """Something plausible into every field that must have something."""
    words = {"email": "someone@bluemail.example", "number": "1", "url": "https://crm.shop.example/in"}
    form.evaluate("form => form.querySelectorAll('details').forEach(each => each.open = true)")
    for box in form.query_selector_all("input[required], textarea[required]"):
        kind = box.get_attribute("type") or "text"
        if kind in ("hidden", "checkbox", "radio", "file") or box.input_value():
            continue
        box.evaluate("(box, text) => { box.value = text; }", words.get(kind, "x1.shop.example"))
    form.evaluate("form => { form.noValidate = true; }")
