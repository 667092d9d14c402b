"""The overview: figures against the period before, and what needs attention."""

from __future__ import annotations

import json
import re
from html import unescape

from unit.doors.web.dashboard.desk import Desk

FIRST = "/accounts/default"
FORM = {"from": "a@shop.test", "to": "ann@good.test", "subject": "x", "text": "x"}


async def post(desk: Desk, times: int = 1) -> None:
    for _ in range(times):
        reply = await desk.api.call("POST", "/v3/shop.test/messages", basic=desk.api.full, form=FORM)
        assert reply.status == 200
    await desk.api.fold()


def chart(html: str) -> dict[str, list[int]]:
    """The lines of the first chart by label."""
    (text, *_) = re.findall(r"data-chart='([^']*)'", html)
    return {each["label"]: each["values"] for each in json.loads(unescape(text))["series"]}


async def test_W_01_the_overview_shows_the_period_and_the_one_before(desk: Desk) -> None:
    await post(desk, 2)
    desk.api.clock.advance(7 * 86400)
    await post(desk, 3)
    page = await (await desk.browser()).open(FIRST)
    lines = chart(page.html)
    assert sum(lines["Accepted"]) == 3 and sum(lines["Accepted before"]) == 2
    assert len(lines["Accepted"]) == len(lines["Accepted before"]) == 7
    assert "+50.0 % against before" in page.text and "All is well" in page.text


async def test_the_overview_looks_at_one_domain_or_all(desk: Desk) -> None:
    await desk.api.add_domain("two.test")
    await post(desk)
    browser = await desk.browser()
    of = {
        name: (await browser.open(f"{FIRST}?period=day&domain={name}"))
        for name in ("shop.test", "two.test", "x")
    }
    assert [sum(chart(page.html)["Accepted"]) for page in of.values()] == [1, 0, 1]


async def test_what_needs_attention_stands_there_with_a_link(desk: Desk) -> None:
    await desk.api.add_domain("<b>new.test".removeprefix("<b>"), is_verified=False)
    page = await (await desk.browser()).open(FIRST)
    assert "new.test is not verified" in page.text and f'href="{FIRST}/domains/new.test"' in page.html


async def test_the_figures_come_again_as_a_piece(desk: Desk) -> None:
    page = await (await desk.browser()).open(f"{FIRST}/figures?period=nonsense")
    assert page.status == 200 and "<html" not in page.html and "Accepted" in page.text
