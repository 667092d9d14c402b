"""The pages of IP addresses, their warm-up, and pools."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from posthouse.desk import egress, warmup
from posthouse.model.account import Role
from posthouse.store import warmup as books
from unit.doors.api.calling import OTHER
from unit.doors.web.dashboard.desk import Desk, open_desk

LIST = "/accounts/default/addresses"
POOLS = "/accounts/default/pools"


@pytest_asyncio.fixture
async def trial(tmp_path: Path) -> AsyncIterator[Desk]:
    """A house that may send from loopback addresses."""
    async with open_desk(tmp_path, settings={"delivery": {"private_networks": "allow"}}) as opened:
        yield opened


async def _ip(desk: Desk, address: str, account: str = "") -> None:
    await desk.api.write(egress.add_ip, desk.api.clock.now(), address, "", account)


async def test_W_01_an_address_is_added_warmed_up_and_removed(trial: Desk) -> None:
    browser = await trial.browser()
    page = await browser.fill(await browser.open(LIST), "Add address", address="127.0.0.1")
    assert "127.0.0.1 is added." in page.text
    one = f"{LIST}/127.0.0.1"
    page = await browser.fill(await browser.open(one), "Begin", plan="slow", day="3")
    assert "No warm address stands beside it" in page.text and "day 3 of" in page.text
    page = await browser.press(page, "End the warm-up")
    assert "127.0.0.1 is warm." in page.text
    page = await browser.press(page, "Remove")
    assert page.path == LIST and "There are no addresses yet" in page.text


async def test_W_01_todays_figures_of_each_site_stand_beside_its_share(trial: Desk) -> None:
    await _ip(trial, "127.0.0.1")
    plan = warmup.find_plan("default")
    await trial.api.write(warmup.begin, trial.api.clock.now(), trial.api.account_id, "127.0.0.1", plan)
    day = int(trial.api.clock.now() // 86400)
    await trial.api.write(books.reserve, "127.0.0.1", "mx.good.test", day, 20, plan.days[0])
    page = await (await trial.browser()).open(f"{LIST}/127.0.0.1")
    assert "mx.good.test" in page.text and f"20 of {plan.days[0]}" in page.text
    assert f'<progress max="{plan.days[0]}" value="20"' in page.html


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("192.0.2.1", "is not an address of this machine"),
        ("127.0.0.0/8", "is a range"),
        ("mail.example.com", "is a name"),
        ("<b>", "is not an IPv4 or IPv6 address"),
    ],
)
async def test_an_address_that_cannot_serve_is_refused(trial: Desk, address: str, sentence: str) -> None:
    browser = await trial.browser()
    page = await browser.fill(await browser.open(LIST), "Add address", address=address)
    assert page.status == 400 and sentence in page.text and "<b>" not in page.html


@pytest.mark.parametrize("plan", ["/etc/passwd.toml", "wild", ""])
async def test_a_page_reads_no_plan_from_a_file(trial: Desk, plan: str) -> None:
    await _ip(trial, "127.0.0.1")
    browser = await trial.browser()
    page = await browser.fill(await browser.open(f"{LIST}/127.0.0.1"), "Begin", plan=plan)
    assert page.status == 400 and "Choose one of the plans." in page.text


async def test_W_01_what_dns_says_comes_as_a_piece_of_the_page(trial: Desk) -> None:
    await _ip(trial, "127.0.0.1")
    browser = await trial.browser()
    assert f'hx-get="{LIST}/dns"' in (await browser.open(LIST)).html
    piece = await browser.open(f"{LIST}/dns?address=127.0.0.1")
    assert "is not a public address" in piece.text and "<html" not in piece.html
    assert "is not a public address" in (await browser.open(f"{LIST}?dns=yes")).text
    assert (await browser.open(f"{LIST}/dns?address=127.0.0.9")).status == 404


async def test_addresses_of_another_account_are_chosen_by_its_name(trial: Desk) -> None:
    await _ip(trial, "127.0.0.3", trial.api.other_id)
    browser = await trial.browser()
    assert "127.0.0.3" not in (await browser.open(LIST)).text
    assert "127.0.0.3" in (await browser.open(f"{LIST}?account={OTHER}")).text
    assert (await browser.open(f"{LIST}/127.0.0.3")).status == 404
    assert (await browser.open(f"{LIST}?account=nobodys")).status == 404
    page = await browser.press(await browser.open(f"{LIST}/127.0.0.3?account={OTHER}"), "Remove")
    assert page.path == f"{LIST}?account={OTHER}" and not trial.api.rows("select * from ip")


async def test_the_machines_addresses_are_not_there_for_other_accounts(trial: Desk) -> None:
    browser = await trial.browser(account=OTHER)
    for path in ("", "/dns", "/127.0.0.1"):
        assert (await browser.open(f"/accounts/{OTHER}/addresses{path}")).status == 404


async def test_a_viewer_sees_addresses_and_pools_without_buttons(trial: Desk) -> None:
    await _ip(trial, "127.0.0.1")
    await trial.api.write(egress.put_pool, trial.api.ids, trial.api.account_id, "bulk", ["127.0.0.1"])
    browser = await trial.browser(Role.VIEWER)
    for path in (LIST, f"{LIST}/127.0.0.1", POOLS):
        page = await browser.open(path)
        assert page.status == 200 and [form.action for form in page.forms] == ["/sign-out"], path
    token = page.form("Sign out").fields["token"]
    for path, do in ((LIST, "add"), (f"{LIST}/127.0.0.1", "begin"), (POOLS, "remove")):
        assert (await browser.post(path, {"token": token, "do": do})).status == 403


async def test_W_01_a_pool_is_made_filled_and_removed(trial: Desk) -> None:
    await _ip(trial, "127.0.0.1")
    await _ip(trial, "127.0.0.2")
    browser = await trial.browser()
    fields = (await browser.open(POOLS)).form("Add pool").fields
    page = await browser.post(POOLS, fields | {"name": "bulk <b>", "address": ["127.0.0.1"]})
    assert "bulk <b>" in page.text and "<b>" not in page.html
    page = await browser.fill(page, "Add to pool", address="127.0.0.2")
    assert "has 2 addresses." in page.text
    page = await browser.fill(page, "Save", name="slow", description="For news")
    assert "The pool slow is changed" in page.text and "For news" in page.text
    page = await browser.fill(page, "Save", name="x" * 65, description="")
    assert page.status == 400 and "A pool's name has 1 to 64 visible characters." in page.text
    page = await browser.press(page, "Take out", address="127.0.0.1")
    assert "127.0.0.1 is out of the pool" in page.text
    page = await browser.press(page, "Remove pool")
    assert "There are no pools yet." in page.text


async def test_S20_a_pool_takes_no_address_of_another_account(trial: Desk) -> None:
    await _ip(trial, "127.0.0.2")
    await _ip(trial, "127.0.0.3", trial.api.other_id)
    browser = await trial.browser()
    page = await browser.open(POOLS)
    assert "127.0.0.3" not in page.text
    fields = page.form("Add pool").fields
    texts = []
    for address in ("127.0.0.3", "127.0.0.4"):
        page = await browser.post(POOLS, fields | {"name": "bulk", "address": address})
        texts.append(
            page.text.partition("There is no address")[2].partition("Purpose")[0].replace(address, "X")[:60]
        )
    assert texts[0] == texts[1] and not trial.api.rows("select * from pool")
