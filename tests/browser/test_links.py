"""A real browser at the links of delivered mail: opens, clicks, leaves, comes back, chooses (D-08)."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

import pytest

from browser.photographs import photograph
from house.copies import Copy, read
from house.house import DOMAIN, House, unique
from house.mailgun import alternative

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
HTML = '<html><body><p>Hi</p><a href="https://shop.test/">Go</a></body></html>'


class Watched:
    """A page in a window, and all that it complained about or asked for."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.window = browser.new_context(**options)
        self.page = self.window.new_page()
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def close(self) -> None:
        """It asked nobody else, and nothing went wrong."""
        outside = [url for url in self.asked if not url.startswith((f"http://email.{DOMAIN}:", "data:"))]
        assert (outside, self.errors) == ([], [])
        width = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0, "the page is wider than its window"
        self.window.close()


def delivered(house: House, html: str = HTML) -> tuple[str, Copy]:
    """A recipient who nobody else is, and its copy."""
    recipient = f"{unique()}@good.test"
    house.submit(recipient, alternative(recipient, ["X-Mailgun-Track: yes"], html=html, text="Hi\n"))
    copy = read(house.internet.copy(recipient))
    house.event(recipient, "delivered")
    return recipient, copy


def link_of(copy: Copy) -> str:
    return re.findall(r"<(http://[^>]+)>", copy.field("List-Unsubscribe"))[0]


def test_D_08_a_browser_opens_the_pixel_and_follows_a_link(browser: Any, house: House, goal: str) -> None:
    recipient, copy = delivered(house, f'<html><body><a href="{escape(goal)}">Go</a></body></html>')
    window = browser.new_context()
    page = window.new_page()
    page.set_content(f'<img id="pixel" src="{copy.images[0]}">')
    page.wait_for_function("document.getElementById('pixel').naturalWidth === 1")
    assert house.event(recipient, "opened")["client"]["client-os"] == "Linux"
    page.set_content(f'<a href="{copy.links[0]}">Go</a>')
    with page.expect_navigation(url=goal):
        page.click("a")
    assert house.event(recipient, "clicked")["url"] == goal
    assert page.inner_text("h1") == "Goal"
    window.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_D_08_the_page_unsubscribes_and_takes_back_by_keyboard_alone(
    browser: Any, house: House, pictures: Path, size: dict[str, int], scheme: str
) -> None:
    recipient, copy = delivered(house)
    seen = Watched(browser, viewport=size, color_scheme=scheme, java_script_enabled=True)
    seen.page.goto(link_of(copy))
    assert recipient in seen.page.inner_text("main")
    assert house.events(recipient, "unsubscribed") == []
    name = f"{size['width']}-{scheme}"
    photograph(seen.page, pictures / f"ask-{name}.png")
    seen.page.keyboard.press("Tab")
    with seen.page.expect_navigation():
        seen.page.keyboard.press("Enter")
    assert seen.page.inner_text("h1") == "You are unsubscribed"
    photograph(seen.page, pictures / f"done-{name}.png")
    house.event(recipient, "unsubscribed")
    seen.page.keyboard.press("Tab")
    with seen.page.expect_navigation():
        seen.page.keyboard.press("Enter")
    assert seen.page.inner_text("h1") == "You are subscribed again"
    house.event(recipient, "resubscribed")
    seen.close()


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_D_08_a_person_without_scripts_chooses_what_to_get(
    browser: Any, house: House, pictures: Path, size: dict[str, int]
) -> None:
    groups = [
        house.cli("group", "add", unique(word), "--description", f"What is in {word}")["number"]
        for word in ("Offers ", "News ")
    ]
    recipient = f"{unique()}@good.test"
    options = f'{{"asm_group_id": {groups[0]}, "asm_groups_to_display": {groups}}}'
    sent = alternative(
        recipient, [f"X-SMTPAPI: {options}"], html="<p><%asm_preferences_url%></p>", text="Hi\n"
    )
    house.submit(recipient, sent, auth=house.key())
    (link,) = [each for each in read(house.internet.copy(recipient)).links if "/u/" in each]
    seen = Watched(browser, viewport=size, java_script_enabled=False, locale="de-DE")
    seen.page.goto(link)
    assert seen.page.inner_text("h1") == "Welche E-Mails möchten Sie?"
    seen.page.uncheck(f'input[value="group:{groups[0]}"]')
    photograph(seen.page, pictures / f"choose-{size['width']}.png")
    with seen.page.expect_navigation():
        seen.page.click("button")
    assert "Gespeichert." in seen.page.inner_text("main")
    assert not seen.page.is_checked(f'input[value="group:{groups[0]}"]')
    assert seen.page.is_checked(f'input[value="group:{groups[1]}"]')
    assert house.event(recipient, "unsubscribed")["group"] == groups[0]
    seen.page.check('input[value="global"]')
    with seen.page.expect_navigation():
        seen.page.click("button")
    assert seen.page.is_checked('input[value="global"]')
    assert house.event(recipient, "unsubscribed", count=2)["scopes"] == ["global"]
    seen.page.uncheck('input[value="global"]')
    seen.page.check(f'input[value="group:{groups[0]}"]')
    with seen.page.expect_navigation():
        seen.page.click("button")
    rows = house.cli_rows("suppression", "list", "--address", recipient)
    assert [row["scope"] for row in rows] == [f"group:{groups[1]}"], "what was not ticked stays away"
    photograph(seen.page, pictures / f"chosen-{size['width']}.png")
    seen.window.close()
