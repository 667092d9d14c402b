"""SendGrid's lists of suppressed addresses and unsubscribe groups, call by call (sendgrid.md 3.12)."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.desk import suppressions as desk
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.store import suppressions
from unit.doors.api.calling import DOMAIN, Api, Reply

LISTS = {
    "bounces": SuppressionKind.BOUNCE,
    "blocks": SuppressionKind.BLOCK,
    "invalid_emails": SuppressionKind.INVALID,
    "spam_reports": SuppressionKind.COMPLAINT,
    "unsubscribes": SuppressionKind.UNSUBSCRIBE,
}


async def ask(api: Api, method: str, path: str, json: Any = None, **more: Any) -> Reply:
    return await api.call(method, f"/v3{path}", key=more.pop("key", api.full), json=json, **more)


async def put(api: Api, kind: SuppressionKind, *rows: tuple[str, float], domain: str = "") -> None:
    made = [
        Suppression(api.account_id, address, kind, domain, "", at, "550 5.1.1 no such user")
        for address, at in rows
    ]
    await api.write(suppressions.add, made)


def emails(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.text
    return [row["email"] for row in reply.json()]


# Lists


SHAPES = {
    "bounces": {"reason": "550 5.1.1 no such user", "status": "5.1.1"},
    "blocks": {"reason": "550 5.1.1 no such user", "status": "5.1.1"},
    "invalid_emails": {"reason": "550 5.1.1 no such user"},
    "spam_reports": {"ip": ""},
    "unsubscribes": {},
}


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_shows_the_newest_first_in_its_own_shape(api: Api, name: str) -> None:
    await put(api, LISTS[name], ("old@x.test", 10), ("new@x.test", 30.7), ("ann@x.test", 20))
    reply = await ask(api, "GET", f"/suppression/{name}")
    assert emails(reply) == ["new@x.test", "ann@x.test", "old@x.test"]
    assert reply.json()[0] == {"created": 30, "email": "new@x.test", **SHAPES[name]}


@pytest.mark.parametrize("name", LISTS)
async def test_one_address_is_a_list_of_one_or_none(api: Api, name: str) -> None:
    await put(api, LISTS[name], ("ann@x.test", 20))
    assert emails(await ask(api, "GET", f"/suppression/{name}/Ann%40X.test")) == ["ann@x.test"]
    assert (await ask(api, "GET", f"/suppression/{name}/bob@x.test")).json() == []
    assert (await ask(api, "DELETE", f"/suppression/{name}/ann@x.test")).status == 204
    gone = await ask(api, "DELETE", f"/suppression/{name}/ann@x.test")
    assert (gone.status, gone.json()) == (404, {"errors": [{"message": "resource not found", "field": None}]})


async def test_one_spam_report_has_a_path_in_the_singular_too(api: Api) -> None:
    await put(api, SuppressionKind.COMPLAINT, ("ann@x.test", 20))
    assert emails(await ask(api, "GET", "/suppression/spam_report/ann@x.test")) == ["ann@x.test"]
    assert (await ask(api, "DELETE", "/suppression/spam_report/ann@x.test")).status == 204


async def test_times_limit_offset_and_email_choose(api: Api) -> None:
    await put(api, SuppressionKind.BOUNCE, *((f"p{number}@x.test", 100.0 + number) for number in range(6)))
    path = "/suppression/bounces"
    assert emails(await ask(api, "GET", f"{path}?start_time=101&end_time=103")) == [
        "p3@x.test",
        "p2@x.test",
        "p1@x.test",
    ], "both ends count"
    first = await ask(api, "GET", f"{path}?limit=2")
    assert emails(first) == ["p5@x.test", "p4@x.test"]
    assert 'rel="next"; title="2"' in first.headers["link"]
    assert f"{path}?limit=2&offset=2>" in first.headers["link"]
    last = await ask(api, "GET", f"{path}?limit=4&offset=4")
    assert emails(last) == ["p1@x.test", "p0@x.test"]
    assert 'rel="next"' not in last.headers["link"] and 'rel="prev"' in last.headers["link"]
    assert emails(await ask(api, "GET", f"{path}?email=P2@x.test")) == ["p2@x.test"]
    assert emails(await ask(api, "GET", f"{path}?email=p2@x.test&end_time=5")) == []


@pytest.mark.parametrize("query", ["limit=-1", "offset=x", "start_time=1.5", "end_time=tomorrow"])
async def test_a_bad_number_is_told_with_its_name(api: Api, query: str) -> None:
    reply = await ask(api, "GET", f"/suppression/blocks?{query}")
    name = query.partition("=")[0]
    wanted = {"message": f"{name} must be a positive integer", "field": name}
    assert (reply.status, reply.json()) == (400, {"errors": [wanted]})


async def test_some_or_all_are_taken_off(api: Api) -> None:
    rows = [(f"p{number}@x.test", float(number)) for number in range(5)]
    await put(api, SuppressionKind.BOUNCE, *rows)
    await put(api, SuppressionKind.BOUNCE, ("p1@x.test", 9.0), domain=DOMAIN)
    some = {"delete_all": False, "emails": ["p1@x.test", "P2@X.test", "nobody@x.test"]}
    assert (await ask(api, "DELETE", "/suppression/bounces", some)).status == 204
    assert emails(await ask(api, "GET", "/suppression/bounces")) == ["p4@x.test", "p3@x.test", "p0@x.test"]
    assert (await ask(api, "DELETE", "/suppression/bounces", {"delete_all": True})).status == 204
    assert emails(await ask(api, "GET", "/suppression/bounces")) == []


async def test_a_long_list_is_emptied_in_steps(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posthouse.doors.api.sendgrid.suppressions._STEP", 2)
    await put(api, SuppressionKind.BLOCK, *((f"p{number}@x.test", float(number)) for number in range(5)))
    assert (await ask(api, "DELETE", "/suppression/blocks", {"delete_all": True})).status == 204
    assert emails(await ask(api, "GET", "/suppression/blocks")) == []


BAD_DELETES: list[tuple[Any, str]] = [
    ({"delete_all": True, "emails": ["a@x.test"]}, "delete_all and emails cannot be used together"),
    ({}, "either delete_all or emails is required"),
    ({"delete_all": False}, "either delete_all or emails is required"),
    ({"emails": "a@x.test"}, "emails must be a list of email addresses"),
    ({"emails": [1]}, "emails must be a list of email addresses"),
    ({"delete_all": "yes"}, "delete_all must be a boolean"),
    (["a@x.test"], "the body must be a JSON object"),
]


@pytest.mark.parametrize(("body", "text"), BAD_DELETES)
async def test_what_is_to_go_must_be_clear(api: Api, body: Any, text: str) -> None:
    await put(api, SuppressionKind.BOUNCE, ("a@x.test", 1))
    reply = await ask(api, "DELETE", "/suppression/bounces", body)
    assert (reply.status, reply.json()["errors"][0]["message"]) == (400, text)
    assert emails(await ask(api, "GET", "/suppression/bounces")) == ["a@x.test"]


async def test_who_moves_in_brings_lists_along(api: Api) -> None:
    rows = [{"email": "Ann@x.test", "created": 5, "reason": "550 5.1.1 gone"}, "bob@x.test"]
    reply = await ask(api, "POST", "/suppression/bounces", rows)
    assert (reply.status, reply.json()) == (201, {"emails": ["ann@x.test", "bob@x.test"]})
    assert (await ask(api, "GET", "/suppression/bounces/ann@x.test")).json() == [
        {"created": 5, "email": "ann@x.test", "reason": "550 5.1.1 gone", "status": "5.1.1"}
    ]
    again = await ask(api, "POST", "/suppression/spam_reports", {"recipient_emails": ["eve@x.test"]})
    assert again.status == 201
    assert (await ask(api, "POST", "/suppression/invalid_emails", {"email": "not at all"})).status == 201


BAD_POSTS: list[tuple[Any, str]] = [
    ([], "the body must be a list of 1 to 10000 entries"),
    ({"x": 1}, "the body must be a list of 1 to 10000 entries"),
    ([{"created": 5}], "each entry is an address, or an object with email"),
    ([{"email": "a@x.test", "created": 1e15}], "created must be a time of the past in seconds"),
    ([{"email": "a@x.test", "reason": 7}], "reason must be a string"),
    (["no address"], "Not an address"),
]


@pytest.mark.parametrize(("body", "text"), BAD_POSTS)
async def test_a_bad_entry_brings_nobody_onto_a_list(api: Api, body: Any, text: str) -> None:
    reply = await ask(api, "POST", "/suppression/bounces", body)
    assert reply.status == 400 and text in reply.text
    assert emails(await ask(api, "GET", "/suppression/bounces")) == []


async def test_who_left_one_domain_has_not_left_everything(api: Api) -> None:
    await put(api, SuppressionKind.UNSUBSCRIBE, ("ann@x.test", 1), domain=DOMAIN)
    assert emails(await ask(api, "GET", "/suppression/unsubscribes")) == []
    assert (await ask(api, "GET", "/asm/suppressions/global/ann@x.test")).json() == {}


# Groups


async def group(api: Api, name: str = "News", **more: Any) -> int:
    reply = await ask(api, "POST", "/asm/groups", {"name": name, "description": "all of it", **more})
    assert reply.status == 201, reply.text
    return int(reply.json()["id"])


async def test_a_group_from_its_beginning_to_its_end(api: Api) -> None:
    made = await ask(api, "POST", "/asm/groups", {"name": "News", "description": "d", "is_default": True})
    number = made.json()["id"]
    brief = {"id": number, "name": "News", "description": "d", "is_default": True}
    assert (made.status, made.json()) == (201, brief)
    full = {**brief, "last_email_sent_at": None, "unsubscribes": 0}
    assert (await ask(api, "GET", f"/asm/groups/{number}")).json() == full
    changed = await ask(api, "PATCH", f"/asm/groups/{number}", {"id": 103, "name": "Offers"})
    assert (changed.status, changed.json()) == (201, {**brief, "name": "Offers"})
    assert (await ask(api, "DELETE", f"/asm/groups/{number}")).status == 204
    assert (await ask(api, "GET", "/asm/groups")).json() == []
    for method in ("GET", "PATCH", "DELETE"):
        reply = await ask(api, method, f"/asm/groups/{number}", {} if method == "PATCH" else None)
        assert (reply.status, reply.json()["errors"][0]["message"]) == (404, "resource not found")


async def test_groups_are_chosen_by_number(api: Api) -> None:
    numbers = [await group(api, name) for name in ("a", "b", "c")]
    reply = await ask(api, "GET", f"/asm/groups?id={numbers[0]}&id={numbers[2]}&id=x")
    assert [each["name"] for each in reply.json()] == ["a", "c"]


BAD_GROUPS: list[tuple[dict[str, Any], str, str]] = [
    ({"description": "d"}, "name", "name is required"),
    ({"name": " ", "description": "d"}, "name", "name is required"),
    ({"name": "n" * 31, "description": "d"}, "name", "name must have at most 30 characters"),
    ({"name": 7, "description": "d"}, "name", "name must be a string"),
    ({"name": "n"}, "description", "description is required"),
    ({"name": "n", "description": "d" * 101}, "description", "at most 100 characters"),
    ({"name": "n", "description": "a\nb"}, "description", "one line"),
    ({"name": "n", "description": "d", "is_default": "x"}, "is_default", "must be a boolean"),
    ({"name": "News", "description": "d"}, "name", "There is a group News already"),
]


@pytest.mark.parametrize(("body", "field", "text"), BAD_GROUPS)
async def test_a_group_that_cannot_be(api: Api, body: dict[str, Any], field: str, text: str) -> None:
    await group(api)
    reply = await ask(api, "POST", "/asm/groups", body)
    (error,) = reply.json()["errors"]
    assert (reply.status, error["field"]) == (400, field) and text in error["message"]


async def test_there_are_so_many_groups_and_no_more(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posthouse.doors.api.sendgrid.unsubscribe_groups.MOST_GROUPS", 1)
    await group(api)
    reply = await ask(api, "POST", "/asm/groups", {"name": "n", "description": "d"})
    assert reply.status == 400 and "at most 1 groups" in reply.text


async def test_who_leaves_a_group_is_found_in_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posthouse.doors.api.sendgrid.group_suppressions._PAGE", 2)
    number = await group(api)
    other = await group(api, "Offers")
    path = f"/asm/groups/{number}/suppressions"
    people = [f"p{each}@x.test" for each in range(5)]
    reply = await ask(api, "POST", path, {"recipient_emails": people})
    assert (reply.status, reply.json()) == (201, {"recipient_emails": people})
    assert (await ask(api, "GET", path)).json() == people
    assert (await ask(api, "GET", f"/asm/groups/{other}/suppressions")).json() == []
    sought = {"recipient_emails": ["P1@x.test", "nobody@x.test", "p4@x.test"]}
    found = await ask(api, "POST", f"{path}/search", sought)
    assert (found.status, found.json()) == (200, ["P1@x.test", "p4@x.test"])
    assert (await ask(api, "GET", f"/asm/groups/{number}")).json()["unsubscribes"] == 5
    assert (await ask(api, "DELETE", f"{path}/p1@x.test")).status == 204
    assert (await ask(api, "DELETE", f"{path}/p1@x.test")).status == 204
    rows = (await ask(api, "GET", "/asm/suppressions")).json()
    assert [row["email"] for row in rows] == ["p0@x.test", "p2@x.test", "p3@x.test", "p4@x.test"]
    at = int(api.clock.now())
    assert rows[0] == {"email": "p0@x.test", "group_id": number, "group_name": "News", "created_at": at}
    (first, second) = (await ask(api, "GET", "/asm/suppressions/p2@x.test")).json()["suppressions"]
    about = {"id": number, "name": "News", "description": "all of it", "is_default": False}
    assert first == {**about, "suppressed": True}
    assert (second["id"], second["suppressed"]) == (other, False)


async def test_an_unknown_group_sends_nobody_anywhere(api: Api) -> None:
    for path in ("/asm/groups/99/suppressions", "/asm/groups/x/suppressions"):
        reply = await ask(api, "POST", path, {"recipient_emails": ["a@x.test"]})
        assert (reply.status, reply.json()["errors"][0]["message"]) == (404, "resource not found")
        assert (await ask(api, "GET", path)).status == 404
        assert (await ask(api, "POST", f"{path}/search", {"recipient_emails": []})).status == 404
        assert (await ask(api, "DELETE", f"{path}/a@x.test")).status == 404
    assert (await ask(api, "GET", "/asm/suppressions/global/a@x.test")).json() == {}


async def test_who_leaves_everything(api: Api) -> None:
    path = "/asm/suppressions/global"
    given = {"recipient_emails": ["Ann@x.test", "bob@x.test"]}
    reply = await ask(api, "POST", path, given)
    assert (reply.status, reply.json()) == (201, given)
    assert (await ask(api, "GET", f"{path}/ann@x.test")).json() == {"recipient_email": "ann@x.test"}
    assert emails(await ask(api, "GET", "/suppression/unsubscribes")) == ["bob@x.test", "ann@x.test"]
    assert (await ask(api, "DELETE", f"{path}/ann@x.test")).status == 204
    assert (await ask(api, "GET", f"{path}/ann@x.test")).json() == {}
    bad = await ask(api, "POST", path, {"recipient_emails": ["c@x.test", "no address"]})
    assert bad.status == 400 and emails(await ask(api, "GET", "/suppression/unsubscribes")) == ["bob@x.test"]


async def test_the_same_key_of_idempotency_makes_one_group(api: Api) -> None:
    body, headers = {"name": "News", "description": "d"}, {"Idempotency-Key": "k1"}
    first = await ask(api, "POST", "/asm/groups", body, headers=headers)
    second = await ask(api, "POST", "/asm/groups", body, headers=headers)
    assert (second.status, second.json()) == (201, first.json())


async def test_another_accounts_groups_are_not_there(api: Api) -> None:
    number = (await api.write(desk.add_group, api.other_id, "Theirs")).number
    for method, path in (
        ("GET", f"/asm/groups/{number}"),
        ("PATCH", f"/asm/groups/{number}"),
        ("DELETE", f"/asm/groups/{number}"),
        ("GET", f"/asm/groups/{number}/suppressions"),
    ):
        reply = await ask(api, method, path, {} if method == "PATCH" else None)
        assert (reply.status, reply.json()["errors"][0]["message"]) == (404, "resource not found")
    assert (await ask(api, "GET", f"/asm/groups/{number}", key=api.others)).status == 200
