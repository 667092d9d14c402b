"""Mailgun's calls about addresses that warm up (`/v3/ip_warmups`)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from posthouse.desk import egress, warmup
from posthouse.rules.warmup import day_of
from posthouse.store import warmup as books
from unit.doors.api.calling import Api, Reply

HERE = "/v3/ip_warmups"
OURS, SHARED, THEIRS, NOBODYS = "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.9"
DAY = 86_400.0


async def call(api: Api, method: str, path: str = "", **more: Any) -> Reply:
    return await api.call(method, HERE + path, **({"basic": api.full} | more))


@pytest.fixture
async def held(api: Api) -> Api:
    for address, account_id in ((OURS, api.account_id), (SHARED, ""), (THEIRS, api.other_id)):
        await api.write(egress.add_ip, api.clock.now(), address, "", account_id)
    return api


def text(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_MG_26_a_warm_up_is_begun_looked_at_and_cancelled(held: Api) -> None:
    assert (await call(held, "GET")).json()["items"] == []
    absent = await call(held, "GET", f"/{OURS}")
    assert (absent.status, absent.json()) == (404, {"message": f"{OURS} is not warming up"})
    begun = await call(held, "POST", f"/{OURS}")
    assert (begun.status, begun.json()) == (200, {"message": "success"})
    first = held.clock.now() // DAY * DAY
    held.clock.advance(first + 2 * DAY + 6 * 3600 - held.clock.now())  # the third day, at six
    today = day_of(held.clock.now())
    await held.write(books.note, OURS, "mx.good.test", today - 1, 70, 0)
    await held.write(books.note, OURS, "mx.good.test", today, 20, 5)
    await held.write(books.note, OURS, "mx.other.test", today, 50, 0)
    (item,) = (await call(held, "GET")).json()["items"]
    assert item == {
        "ip": OURS,
        "sent_within_stage": "25%",
        "throttle": 70,
        "stage_number": 3,
        "stage_start_volume": 70,
        "stage_start_time": text(first + 2 * DAY),
        "stage_volume_limit": 200,
    }
    details = (await call(held, "GET", f"/{OURS}")).json()["details"]
    assert (details["stage"], details["stage_limit"], details["total_stages"]) == (3, 200, 17)
    assert (details["hourly_limit"], details["hour_started_at"]) == (9, text(held.clock.now()))
    assert (details["plan_started_at"], details["stage_started_at"]) == (text(first), text(first + 2 * DAY))
    assert [each["limit"] for each in details["stage_history"]] == [50, 100]
    assert details["stage_history"][1]["completed_at"] == text(first + 2 * DAY)
    again = await call(held, "POST", f"/{OURS}")
    assert again.status == 400 and "is warming up already" in again.json()["message"]
    assert (await call(held, "DELETE", f"/{OURS}")).json() == {"message": "success"}
    assert (await call(held, "DELETE", f"/{OURS}")).status == 404
    assert (await held.read(warmup.address_row, held.clock.now(), held.account_id, OURS))["warmup"] is None


@pytest.mark.parametrize(
    ("address", "status"), [(SHARED, 403), (THEIRS, 404), (NOBODYS, 404), ("x", 404)], ids=str
)
async def test_S20_only_addresses_of_the_accounts_own_are_warmed_up(
    held: Api, address: str, status: int
) -> None:
    await held.write(warmup.begin, held.clock.now(), held.other_id, THEIRS, warmup.find_plan("slow"))
    before = held.books()
    for method in ("GET", "POST", "DELETE"):
        reply = await call(held, method, f"/{address}")
        assert (reply.status, "message" in reply.json()) == (status, True), reply
    assert (await call(held, "GET")).json()["items"] == []
    assert held.books()["ip"] == before["ip"]
    (theirs,) = (await call(held, "GET", basic=held.others)).json()["items"]
    assert theirs["ip"] == THEIRS


async def test_MG_26_warm_ups_come_in_pages(held: Api) -> None:
    for number in range(10, 13):
        await held.write(egress.add_ip, held.clock.now(), f"192.0.2.{number}", "", held.account_id)
        assert (await call(held, "POST", f"/192.0.2.{number}")).status == 200
    seen: list[str] = []
    page = (await call(held, "GET", "?limit=2")).json()
    while page["items"]:
        seen += [item["ip"] for item in page["items"]]
        path = page["paging"]["next"].partition(HERE)[2]
        page = (await call(held, "GET", path)).json()
    assert seen == [f"192.0.2.{number}" for number in range(10, 13)]
