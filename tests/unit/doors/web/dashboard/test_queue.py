"""The pages of the queue and of receiving sites (W-01, S20)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from browsing import Page
from posthouse.model.account import Role
from posthouse.model.site import SLOW, Rest
from posthouse.model.trust import StsPolicy
from posthouse.net.lookup import DnsTrouble
from posthouse.pipeline.trust_report import HostReport, TrustReport
from posthouse.store import sites, workers
from posthouse.store.connection import Connection
from unit.doors.api.calling import OTHER
from unit.doors.web.dashboard.desk import Desk

QUEUE, SITES = "/accounts/default/queue", "/accounts/default/sites"
SITE = "mx1.good.test,mx2.good.test"
REPLY = {
    "code": 421, "enhanced": "4.7.0", "text": "<b>not now</b>", "phase": "mail", "mx": "mx1.good.test",
    "count": 3, "first_at": 1000.0, "last_at": 1060.0,
}  # fmt: skip
VIEW = {
    "origin": "built in: [default]", "limits": {"connections": 10}, "active": 2, "waiting": 7, "width": 4,
    "share": 5, "taken": 12, "taken_at": 990.0, "domains": ["good.test"], "replies": [REPLY],
}  # fmt: skip


async def send(desk: Desk, *recipients: str) -> None:
    """Letters that wait: nothing is delivered here."""
    for recipient in recipients:
        letter = {"from": "a@shop.test", "to": [recipient], "subject": "Hello", "text": "Hello"}
        reply = await desk.api.call("POST", "/posthouse/v1/messages", key=await native(desk), json=letter)
        assert reply.status < 300, reply.text


async def native(desk: Desk) -> str:
    return (await desk.api.issue(dialect="native")).secret


async def see(desk: Desk) -> None:
    """A worker that has seen one site."""

    def seen(conn: Connection) -> None:
        now = desk.api.clock.now()
        workers.register(conn, workers.Worker("w1", "here", 1, now, now))
        sites.put_views(conn, "w1", now, [(SITE, json.dumps(VIEW))], [])

    await desk.api.write(seen)


def states(desk: Desk) -> list[str]:
    return [state for (state,) in desk.api.rows("select state from delivery order by recipient")]


def lane_link(page: Page, domain: str) -> str:
    return re.findall(rf'href="([^"]+)">{domain}<', page.html)[0].replace("&amp;", "&")


async def test_W_01_the_queue_shows_lanes_and_why_they_wait(desk: Desk) -> None:
    await send(desk, "ann@good.test", "bob@good.test", "cy@slow.test")
    browser = await desk.browser()
    page = await browser.open(QUEUE)
    assert "good.test" in page.text and "slow.test" in page.text and "Waits for its turn" in page.text
    assert "3 waiting" in page.text
    page = await browser.open(f"{QUEUE}?domain=slow")
    assert "slow.test" in page.text and ">good.test<" not in page.html


async def test_W_01_an_unchanged_queue_is_answered_with_nothing(desk: Desk) -> None:
    await send(desk, "ann@good.test")
    browser = await desk.browser()
    seen = re.findall(r"seen=(\w+)", (await browser.open(QUEUE)).html)[0]
    again = await browser.open(f"{QUEUE}?part=lanes&seen={seen}")
    assert (again.status, again.html) == (204, "")
    await send(desk, "bob@slow.test")
    changed = await browser.open(f"{QUEUE}?part=lanes&seen={seen}")
    assert changed.status == 200 and "slow.test" in changed.text and "<html" not in changed.html


@pytest.mark.parametrize(
    ("button", "said", "state"),
    [
        ("Hold", "1 delivery was held.", "held"),
        ("Drop", "1 delivery was given up.", "cancelled"),
        ("Retry now", "tried now.", "waiting"),
    ],
)
async def test_W_01_one_lane_is_held_dropped_or_tried_now(
    desk: Desk, button: str, said: str, state: str
) -> None:
    await send(desk, "ann@good.test", "bob@slow.test")
    browser = await desk.browser()
    link = lane_link(await browser.open(QUEUE), "good.test")
    page = await browser.press(await browser.open(link), button)
    assert said in page.text, page.text
    assert states(desk) == [state, "waiting"]


async def test_W_01_the_whole_queue_is_held_and_released(desk: Desk) -> None:
    await send(desk, "ann@good.test", "bob@slow.test")
    browser = await desk.browser()
    page = await browser.press(await browser.open(QUEUE), "Hold all")
    assert states(desk) == ["held", "held"] and "2 deliveries were held." in page.text
    await browser.press(page, "Release all")
    assert states(desk) == ["waiting", "waiting"]


async def test_S20_lanes_of_others_are_like_lanes_that_are_empty(desk: Desk) -> None:
    await send(desk, "ann@good.test")
    link = lane_link(await (await desk.browser()).open(QUEUE), "good.test")
    other = await desk.browser(account=OTHER)
    theirs = await other.open(link.replace("/default/", f"/{OTHER}/"))
    nothing = await other.open(f"/accounts/{OTHER}/queue/lane?name=x|nowhere.test|single")
    assert theirs.status == nothing.status == 200
    assert theirs.title == nothing.title == "Nothing waits here"
    page = await other.open(f"/accounts/{OTHER}/queue")
    lane = desk.api.rows("select lane from delivery")[0][0]
    form = page.form("Hold all").fields | {"lane": lane}
    await other.post(f"/accounts/{OTHER}/queue/lane", form)
    await other.press(page, "Drop all")
    assert states(desk) == ["waiting"]


async def test_a_viewer_looks_at_the_queue_and_changes_nothing(desk: Desk) -> None:
    await send(desk, "ann@good.test")
    page = await (await desk.browser(Role.VIEWER)).open(QUEUE)
    assert "good.test" in page.text and [form.button for form in page.forms] == ["Sign out"]


async def test_W_01_sites_are_shown_suspended_and_resumed(desk: Desk) -> None:
    await see(desk)
    browser = await desk.browser()
    page = await browser.open(SITES)
    assert "mx1.good.test, mx2.good.test" in page.text and "4 of 5" in page.text
    assert "<b>not" not in page.html
    page = await browser.open(f"{SITES}/{SITE}")
    assert "The next letter goes at once" in page.text and "421 4.7.0 <b>not now</b>" in page.text
    page = await browser.fill(page, "Suspend", reason="ticket 4711", **{"for": "2h"})
    assert "Nothing is sent" in page.text and "ticket 4711" in page.text
    page = await browser.press(page, "Resume")
    assert "1 decision ended" in page.text and desk.api.rows("select * from site_rest") == []
    assert ("resume", SITE) in desk.api.rows("select kind, detail from nudge")


async def test_W_01_an_automations_decision_has_its_reason(desk: Desk) -> None:
    await see(desk)
    now = desk.api.clock.now()
    await desk.api.write(
        sites.add_rests, [Rest(SITE, SLOW, "", now + 600, now, "421 too fast", "too-fast", 2, 1)]
    )
    page = await (await desk.browser()).open(f"{SITES}/{SITE}")
    assert "decided by the automation too-fast" in page.text and "421 too fast" in page.text


@pytest.mark.parametrize("for_s", ["", "5", "99d"])
async def test_a_bad_span_is_refused(desk: Desk, for_s: str) -> None:
    await see(desk)
    browser = await desk.browser()
    page = await browser.fill(await browser.open(f"{SITES}/{SITE}"), "Suspend", **{"for": for_s})
    assert page.status == 400 and "is not a span" in page.text


REPORT = TrustReport(
    domain="good.test",
    site=SITE,
    is_route=False,
    kept=None,
    published=StsPolicy("good.test", "7", "enforce", ("*.good.test",), 5.0, 5.0),
    trouble="",
    validates=True,
    is_mx_secure=False,
    hosts=(HostReport("mx1.good.test", 10, ("192.0.2.1",), (), "MTA-STS enforce: TLS <b>", True, True),),
)


def _answer(monkeypatch: pytest.MonkeyPatch, answer: TrustReport | Exception) -> list[str]:
    """What the look-up finds; the names that it was asked for."""
    asked: list[str] = []

    async def report(settings: Any, rules: Any, clock: Any, shelf: Any, domain: str) -> TrustReport:
        asked.append(domain)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("posthouse.doors.web.dashboard.site_lookup.trust_report", report)
    return asked


async def test_W_01_a_domain_leads_to_its_site_hosts_and_tls_policy(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await see(desk)
    asked = _answer(monkeypatch, REPORT)
    page = await (await desk.browser(Role.VIEWER)).open(f"{SITES}/where?domain=Ann%40GOOD.test.")
    assert asked == ["good.test"] and page.status == 200
    for text in ("mx1.good.test, mx2.good.test", "enforce, id 7", "192.0.2.1", "TLS <b>", "The next letter"):
        assert text in page.text or text in page.html.replace("&lt;", "<").replace("&gt;", ">"), text
    assert f'href="{SITES}/' in page.html and "TLS <b>" not in page.html


@pytest.mark.parametrize(
    ("domain", "trouble", "sentence"),
    [
        ("a..b", REPORT, "This is not a domain"),
        (
            "good.test",
            DnsTrouble(554, "5.1.10", "good.test takes no mail", True, "null-mx"),
            "Good.test takes no mail.",
        ),
        ("good.test", TimeoutError(), "does not answer in time"),
    ],
)
async def test_a_look_up_without_an_answer_says_why_beside_its_field(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, domain: str, trouble: Any, sentence: str
) -> None:
    _answer(monkeypatch, trouble)
    page = await (await desk.browser()).open(f"{SITES}/where?domain={domain}")
    assert sentence in page.text and 'aria-describedby="domain-error"' in page.html


async def test_sites_are_for_operators(desk: Desk) -> None:
    await see(desk)
    other = await desk.browser(account=OTHER)
    for path in (f"/accounts/{OTHER}/sites{rest}" for rest in ("", f"/{SITE}", "/where")):
        assert (await other.open(path)).status == 404
    assert (await (await desk.browser()).open(f"{SITES}/mx.nowhere.test")).status == 404


@pytest.mark.parametrize(("path", "query"), [(QUEUE, "domain"), (SITES, "name")])
async def test_W_01_many_lanes_and_sites_come_page_by_page(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, path: str, query: str
) -> None:
    monkeypatch.setattr("posthouse.doors.web.dashboard.paging.ROWS", 2)
    domains = [f"to{number}.test" for number in range(5)]
    await send(desk, *[f"ann@{domain}" for domain in domains])

    def seen(conn: Connection) -> None:
        now = desk.api.clock.now()
        workers.register(conn, workers.Worker("w1", "here", 1, now, now))
        sites.put_views(conn, "w1", now, [(domain, json.dumps(VIEW)) for domain in domains], [])

    await desk.api.write(seen)
    browser = await desk.browser()
    pages = [await browser.open(path)]
    while following := pages[-1].link("next"):
        pages.append(await browser.open(path + following))
    shown = [re.findall(r">(to\d\.test)<", page.html) for page in pages]
    assert shown == [domains[:2], domains[2:4], domains[4:]]
    again = re.search(r'hx-get="([^"]+)"', pages[1].html)
    assert again and (await browser.open(again[1].replace("&amp;", "&"))).status == 204
    assert pages[2].link("prev") == pages[0].link("next") and pages[1].link("prev") == "?"
    few = await browser.open(f"{path}?{query}=to3")
    assert re.findall(r">(to\d\.test)<", few.html) == ["to3.test"] and not few.link("next")
