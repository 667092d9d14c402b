"""The API of a region knows that region's domains, and says where another one's is at home."""

from __future__ import annotations

import pytest

from posthouse.desk import domains
from posthouse.dialects.mailgun.events import event_json
from posthouse.model.account import Domain
from posthouse.model.hook import Told
from unit.doors.api.calling import DOMAIN, INSTALLATION, Api

ABROAD = "europe.test"
NATIVE = "/posthouse/v1/domains"


async def _abroad(api: Api, account_id: str = "", name: str = ABROAD) -> Domain:
    draft = domains.draft(
        INSTALLATION,
        api.ids,
        api.clock.now(),
        name=name,
        region="eu",
        is_verified=True,
        algorithms=("ed25519-sha256",),
    )
    made: Domain = await api.write(domains.create_for, account_id or api.account_id, draft)
    return made


async def test_C_14_lists_show_the_domains_of_the_region_only(api: Api) -> None:
    await _abroad(api)
    shown = {
        "/v4/domains": (await api.call("GET", "/v4/domains", basic=api.full)).json()["items"],
        "/v1/dkim/keys": (await api.call("GET", "/v1/dkim/keys", basic=api.full)).json()["items"],
        "/v3/whitelabel/domains": (await api.call("GET", "/v3/whitelabel/domains", key=api.full)).json(),
        NATIVE: (await api.call("GET", NATIVE, key=api.full)).json()["items"],
    }
    for path, rows in shown.items():
        assert DOMAIN in str(rows) and ABROAD not in str(rows), path


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v4/domains/{ABROAD}"),
        ("GET", f"/v3/{ABROAD}/events"),
        ("POST", f"/v3/{ABROAD}/messages"),
        ("GET", f"{NATIVE}/{ABROAD}"),
    ],
)
async def test_C_14_a_call_about_another_regions_domain_is_told_where_that_is(
    api: Api, method: str, path: str
) -> None:
    await _abroad(api)
    shows = {"key": api.full} if path.startswith(NATIVE) else {"basic": api.full}
    answer = await api.call(method, path, form={"from": "x"} if method == "POST" else None, **shows)
    assert answer.status == 404
    assert "Domain not found: europe.test belongs to the region eu" in answer.text


async def test_C_14_S20_another_accounts_domain_is_nowhere(api: Api) -> None:
    await _abroad(api, api.other_id, "hidden.test")
    for name in ("hidden.test", "nothing.test"):
        answer = await api.call("GET", f"{NATIVE}/{name}", key=api.full)
        assert answer.status == 404 and "region" not in answer.text


async def test_C_14_events_lead_to_the_api_of_their_domains_region(api: Api) -> None:
    answer = await api.call(
        "POST",
        f"/v3/{DOMAIN}/messages",
        basic=api.full,
        form={"from": f"me@{DOMAIN}", "to": "bob@far.test", "text": "x"},
    )
    assert answer.status == 200, answer.text
    (event,) = api.events("accepted")
    found = event_json(Told(event, api_url="https://api.eu.example.com", region="eu"))
    assert found is not None
    storage = found["storage"]
    assert storage["region"] == "eu" and storage["url"].startswith("https://api.eu.example.com/v3/domains/")
    listed = (await api.call("GET", f"/v3/{DOMAIN}/events", basic=api.full)).json()["items"]
    assert {item["storage"]["region"] for item in listed} == {"us"}
