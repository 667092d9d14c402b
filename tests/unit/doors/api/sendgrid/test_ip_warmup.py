"""SendGrid's calls about addresses that warm up."""

from __future__ import annotations

import pytest

from posthouse.desk import egress, warmup
from unit.doors.api.calling import Api

WARMUP = "/v3/ips/warmup"
OWN, SHARED, THEIRS = "192.0.2.10", "192.0.2.11", "192.0.2.12"
NOT_FOUND = {"errors": [{"message": "resource not found", "field": None}]}


async def furnish(api: Api) -> None:
    await api.write(egress.add_ip, 0.0, OWN, "", api.account_id)
    await api.write(egress.add_ip, 0.0, SHARED)
    await api.write(egress.add_ip, 0.0, THEIRS, "", api.other_id)


async def test_SG_11_an_address_of_the_account_is_warmed_up(any_api: Api) -> None:
    api = any_api
    await furnish(api)
    assert (await api.call("GET", WARMUP, key=api.full)).json() == []
    begun = await api.call("POST", WARMUP, key=api.full, json={"ip": OWN})
    today = int(api.clock.now()) // 86400 * 86400
    assert (begun.status, begun.json()) == (200, [{"ip": OWN, "start_date": today}])
    assert (await api.call("GET", WARMUP, key=api.full)).json() == begun.json()
    assert (await api.call("GET", f"{WARMUP}/{OWN}", key=api.full)).json() == begun.json()
    row = await api.read(warmup.address_row, api.clock.now(), api.account_id, OWN)
    assert (row["warmup"]["plan"], row["warmup"]["day"]) == ("default", 1)
    shown = (await api.call("GET", f"/v3/ips/{OWN}", key=api.full)).json()
    assert (shown["warmup"], shown["start_date"]) == (True, today)
    assert (await api.call("DELETE", f"{WARMUP}/{OWN}", key=api.full)).status == 204
    assert (await api.call("GET", WARMUP, key=api.full)).json() == []
    shown = (await api.call("GET", f"/v3/ips/{OWN}", key=api.full)).json()
    assert (shown["warmup"], shown["start_date"]) == (False, None)


async def test_SG_11_a_warm_up_that_runs_does_not_begin_again(api: Api) -> None:
    await furnish(api)
    begun = await api.call("POST", WARMUP, key=api.full, json={"ip": OWN})
    api.clock.advance(3 * 86400)
    again = await api.call("POST", WARMUP, key=api.full, json={"ip": OWN})
    assert (again.status, again.json()) == (200, begun.json())


async def test_SG_11_an_address_that_is_warm_has_no_warm_up(api: Api) -> None:
    await furnish(api)
    for method in ("GET", "DELETE"):
        reply = await api.call(method, f"{WARMUP}/{OWN}", key=api.full)
        assert (reply.status, reply.json()) == (404, NOT_FOUND)


async def test_SG_11_what_everybody_uses_is_warmed_up_by_the_operator(api: Api) -> None:
    await furnish(api)
    reply = await api.call("POST", WARMUP, key=api.full, json={"ip": SHARED})
    assert (reply.status, "whoever runs this service" in reply.json()["errors"][0]["message"]) == (403, True)
    assert (await api.call("DELETE", f"{WARMUP}/{SHARED}", key=api.full)).status == 403
    await api.write(warmup.begin, api.clock.now(), api.account_id, SHARED, warmup.find_plan("default"))
    assert [each["ip"] for each in (await api.call("GET", WARMUP, key=api.full)).json()] == [SHARED]


@pytest.mark.parametrize("given", [{}, {"ip": 7}, {"ip": ""}])
async def test_SG_11_a_warm_up_names_its_address(api: Api, given: dict[str, object]) -> None:
    reply = await api.call("POST", WARMUP, key=api.full, json=given)
    assert (reply.status, reply.json()["errors"][0]["field"]) == (400, "ip")


async def test_S20_a_warm_up_of_another_account_is_not_there(any_api: Api) -> None:
    api = any_api
    await furnish(api)
    await api.write(warmup.begin, api.clock.now(), api.other_id, THEIRS, warmup.find_plan("default"))
    before = api.books()
    assert (await api.call("GET", WARMUP, key=api.full)).json() == []
    for ip in (THEIRS, "192.0.2.99", "nothing"):
        for method in ("GET", "DELETE"):
            reply = await api.call(method, f"{WARMUP}/{ip}", key=api.full)
            assert (reply.status, reply.json()) == (404, NOT_FOUND)
        reply = await api.call("POST", WARMUP, key=api.full, json={"ip": ip})
        assert (reply.status, reply.json()) == (404, NOT_FOUND)
    assert api.books() == before
