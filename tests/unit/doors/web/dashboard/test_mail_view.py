"""One letter on a page, in a frame that can do nothing (S13)."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.responses import Response

from browsing import Browser
from posthouse.doors.web.dashboard import rim
from posthouse.doors.web.dashboard.mail_view import letter_pages, letter_view
from posthouse.doors.web.dashboard.page import Page
from posthouse.doors.web.dashboard.visit import Visit
from unit.doors.web.dashboard.desk import Desk
from unit.doors.web.dashboard.letters import HOSTILE

AT = "/accounts/default/letter"
PLAIN = b"Subject: x\r\n\r\nHello\r\n"


async def reader(desk: Desk, raw: bytes) -> Browser:
    """The browser of somebody whose dashboard has a page with that letter."""

    async def find(visit: Visit) -> bytes:
        return raw

    async def look(visit: Visit) -> Response:
        return visit.fragment(
            "_letter.html", letter=await letter_view(visit, raw, visit.at("/letter"), {"copy": "7"})
        )

    pages = [Page("/letter", "events.read", look), *letter_pages("/letter", "events.read", find)]
    desk.app = Starlette(routes=rim.routes(desk.api.all_parts.web, desk.api.parts, pages))
    return await desk.browser()


async def test_S13_the_frame_may_do_nothing(desk: Desk) -> None:
    browser = await reader(desk, HOSTILE)
    page = await browser.open(AT)
    assert 'sandbox=""' in page.html and f'src="{AT}/shown?copy=7&amp;view=desktop"' in page.html
    shown = await browser.open(f"{AT}/shown?copy=7&view=desktop")
    policy = shown.header("content-security-policy")
    assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; ")
    assert "frame-ancestors 'self'" in policy and shown.header("x-frame-options") == "SAMEORIGIN"
    assert shown.header("referrer-policy") == "no-referrer" and shown.header("cache-control") == "no-store"
    for harm in (
        "<script",
        "<base",
        "<meta http",
        "<link",
        "<iframe",
        "<form",
        "<object",
        "<svg",
        "javascript:",
    ):
        assert harm not in shown.html
    assert "data:image/png;base64,AAEC" in shown.html


async def test_S13_pictures_from_elsewhere_come_only_when_asked_for(desk: Desk) -> None:
    browser = await reader(desk, HOSTILE)
    page = await browser.open(AT)
    assert "Load images" in page.text
    page = await browser.open(f"{AT}?view=phone&images=yes")
    assert "Load images" not in page.text and "view=phone&amp;images=yes" in page.html
    shown = await browser.open(f"{AT}/shown?images=yes")
    assert "img-src data: https: http:;" in shown.header("content-security-policy")


@pytest.mark.parametrize(
    "view", ["phone", "desktop", "dark", "text", "links", "headers", "source", "parts", "<b>"]
)
async def test_S13_no_view_of_a_hostile_letter_brings_its_markup_into_our_page(desk: Desk, view: str) -> None:
    page = await (await reader(desk, HOSTILE)).open(f"{AT}?view={view}")
    assert page.status == 200
    for harm in ("<script", "<img", 'javascript:alert(1)"', "<svg", "\u202e"):
        assert harm not in page.html


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ("text", "</pre><script>alert(2)</script>"),
        ("headers", "Subject <img src=x onerror=alert(1)>"),
        ("source", "Content-ID: <logo@shop>"),
        ("links", "https://shop.test/order?a=1&b=2 javascript:alert(1)"),
        ("parts", "4 text/html"),
    ],
)
async def test_each_view_tells_what_stands_in_the_letter(desk: Desk, view: str, words: str) -> None:
    browser = await reader(desk, HOSTILE)
    assert words in (await browser.open(f"{AT}?view={view}")).text


async def test_links_open_in_a_tab_that_knows_nothing_of_us(desk: Desk) -> None:
    page = await (await reader(desk, HOSTILE)).open(f"{AT}?view=links")
    assert (
        'href="https://shop.test/order?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow"'
        in page.html
    )
    assert 'href="javascript' not in page.html


async def test_S17_a_part_is_a_file_of_no_type_under_a_harmless_name(desk: Desk) -> None:
    browser = await reader(desk, HOSTILE)
    page = await browser.open(f"{AT}/parts/4?copy=7")
    assert page.html == "<script>alert(3)</script>"
    assert page.header("content-type") == "application/octet-stream"
    assert page.header("content-security-policy") == "sandbox"
    assert page.header("content-disposition") == (
        "attachment; filename=\"fdp._b_exe_;x=_y\"; filename*=UTF-8''fdp._b_exe_%3Bx%3D_y"
    )
    for number in ("0", "5", "x", "9" * 9):
        assert (await browser.open(f"{AT}/parts/{number}")).status == 404


async def test_the_whole_letter_is_a_file(desk: Desk) -> None:
    page = await (await reader(desk, PLAIN)).open(f"{AT}/whole")
    assert page.html.encode() == PLAIN and "message.eml" in page.header("content-disposition")


async def test_a_letter_without_html_is_text(desk: Desk) -> None:
    page = await (await reader(desk, PLAIN)).open(f"{AT}?view=dark")
    assert "Hello" in page.text and "iframe" not in page.html and "Phone" not in page.text
