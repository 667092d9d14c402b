"""SendGrid's templates and versions, call by call (sendgrid.md 3.9)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from posthouse.desk import templates as desk
from unit.doors.api.calling import DOMAIN, Api, Reply

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
DYNAMIC = re.compile(r"d-[0-9a-f]{32}\Z")


async def ask(api: Api, method: str, path: str = "", json: Any = None, **more: Any) -> Reply:
    return await api.call(method, f"/v3/templates{path}", key=more.pop("key", api.full), json=json, **more)


async def template(api: Api, name: str = "Welcome", generation: str = "dynamic") -> str:
    reply = await ask(api, "POST", "", {"name": name, "generation": generation})
    assert reply.status == 201, reply.text
    return str(reply.json()["id"])


async def version(api: Api, id: str, **more: Any) -> dict[str, Any]:
    body = {"name": "one", "subject": "Hello {{name}}", "html_content": "<p>Hi {{name}}</p>", **more}
    reply = await ask(api, "POST", f"/{id}/versions", body)
    assert reply.status == 201, reply.text
    found: dict[str, Any] = reply.json()
    return found


def told(reply: Reply) -> tuple[int, str | None, str]:
    (error,) = reply.json()["errors"]
    assert set(error) == {"field", "message", "error_id"} and error["error_id"]
    return reply.status, error["field"], error["message"]


async def test_a_template_from_its_beginning_to_its_end(api: Api) -> None:
    made = await ask(api, "POST", "", {"name": "Welcome", "generation": "dynamic"})
    shown = made.json()
    assert made.status == 201 and DYNAMIC.match(shown["id"])
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\Z", shown["updated_at"])
    assert {key: shown[key] for key in ("name", "generation", "versions")} == {
        "name": "Welcome",
        "generation": "dynamic",
        "versions": [],
    }
    path = f"/{shown['id']}"
    assert (await ask(api, "GET", path)).json() == shown
    api.clock.advance(60)
    renamed = await ask(api, "PATCH", path, {"name": "Good day"})
    assert (renamed.status, renamed.json()["name"]) == (200, "Good day")
    assert renamed.json()["updated_at"] > shown["updated_at"]
    assert (await ask(api, "DELETE", path)).status == 204
    for method in ("GET", "PATCH", "DELETE", "POST"):
        reply = await ask(api, method, path, {"name": "x"} if method == "PATCH" else None)
        assert told(reply) == (404, None, "resource not found")


async def test_without_a_word_a_template_is_legacy(api: Api) -> None:
    made = await ask(api, "POST", "", {"name": "example_name"})
    assert (made.json()["generation"], bool(UUID.match(made.json()["id"]))) == ("legacy", True)


async def test_two_templates_may_have_one_name(api: Api) -> None:
    assert await template(api) != await template(api)


BAD_TEMPLATES: list[tuple[Any, str, str]] = [
    ({}, "name", "name is required"),
    ({"name": ""}, "name", "name is required"),
    ({"name": 5}, "name", "name is required"),
    ({"name": "n" * 101}, "name", "name must have at most 100 printable characters"),
    ({"name": "a\nb"}, "name", "name must have at most 100 printable characters"),
    ({"name": "n", "generation": "old"}, "generation", "generation must be legacy or dynamic"),
]


@pytest.mark.parametrize(("body", "field", "text"), BAD_TEMPLATES)
async def test_a_template_that_cannot_be(api: Api, body: Any, field: str, text: str) -> None:
    assert told(await ask(api, "POST", "", body)) == (400, field, text)


async def test_lists_by_generation_and_by_page(api: Api) -> None:
    ids = []
    for number in range(3):
        ids.insert(0, await template(api, f"t{number}"))
        api.clock.advance(1)
    legacy = await template(api, "old", "legacy")
    old = await ask(api, "GET")
    assert [each["id"] for each in old.json()["templates"]] == [legacy], "the form and choice of old clients"
    both = await ask(api, "GET", "?generations=legacy,dynamic&page_size=200")
    assert [each["id"] for each in both.json()["result"]] == [legacy, *ids]
    repeated = await ask(api, "GET", "?generations=legacy&generations=dynamic")
    assert len(repeated.json()["templates"]) == 4
    first = (await ask(api, "GET", "?generations=dynamic&page_size=2")).json()
    assert [each["id"] for each in first["result"]] == ids[:2]
    assert first["_metadata"]["count"] == 3 and "prev" not in first["_metadata"]
    query = first["_metadata"]["next"].partition("/v3/templates")[2]
    second = (await ask(api, "GET", query)).json()
    assert [each["id"] for each in second["result"]] == ids[2:]
    assert "next" not in second["_metadata"]
    back = second["_metadata"]["prev"].partition("/v3/templates")[2]
    assert (await ask(api, "GET", back)).json()["result"] == first["result"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("generations=new", "generations"),
        ("page_size=0", "page_size"),
        ("page_size=201", "page_size"),
        ("page_size=x", "page_size"),
        ("page_size=5&page_token=x", "page_token"),
    ],
)
async def test_a_list_that_nobody_can_give(api: Api, query: str, field: str) -> None:
    status, told_field, _ = told(await ask(api, "GET", f"?{query}"))
    assert (status, told_field) == (400, field)


async def test_a_version_from_its_beginning_to_its_end(api: Api) -> None:
    id = await template(api)
    first = await version(api, id, test_data='{"name": "Ann"}', editor="design")
    assert UUID.match(first["id"])
    assert {key: first[key] for key in first if key not in ("id", "updated_at")} == {
        "template_id": id,
        "active": 1,
        "name": "one",
        "subject": "Hello {{name}}",
        "html_content": "<p>Hi {{name}}</p>",
        "plain_content": "Hi {{name}}\n",
        "generate_plain_content": True,
        "editor": "design",
        "test_data": '{"name": "Ann"}',
        "thumbnail_url": "",
        "warnings": [],
    }
    api.clock.advance(1)
    second = await version(api, id, name="two", plain_content="own text", active=0)
    assert (second["active"], second["plain_content"], second["generate_plain_content"]) == (
        0,
        "own text",
        False,
    )
    path = f"/{id}/versions/{second['id']}"
    assert (await ask(api, "GET", path)).json() == second
    changed = await ask(api, "PATCH", path, {"name": "2", "subject": "s", "html_content": "<b>b</b>"})
    assert changed.status == 200
    assert {key: changed.json()[key] for key in ("name", "subject", "html_content", "plain_content")} == {
        "name": "2",
        "subject": "s",
        "html_content": "<b>b</b>",
        "plain_content": "own text",
    }
    made = await ask(api, "PATCH", path, {"generate_plain_content": True, "plain_content": "ignored"})
    assert made.json()["plain_content"] == "b\n", "asked for, it is always made"
    activated = await ask(api, "POST", f"{path}/activate")
    assert (activated.status, activated.json()["active"]) == (200, 1)
    whole = (await ask(api, "GET", f"/{id}")).json()
    assert [(each["name"], each["active"]) for each in whole["versions"]] == [("one", 0), ("2", 1)]
    assert whole["versions"][1]["html_content"] == "<b>b</b>"
    (brief,) = (await ask(api, "GET", "?generations=dynamic")).json()["templates"]
    assert "html_content" not in brief["versions"][0]
    assert (await ask(api, "DELETE", path)).status == 204
    (left,) = (await ask(api, "GET", f"/{id}")).json()["versions"]
    assert (left["id"], left["active"]) == (first["id"], 1), "the rest goes on with one that is there"
    assert (await ask(api, "DELETE", f"/{id}/versions/{first['id']}")).status == 204
    for method, tail in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/activate")):
        reply = await ask(api, method, path + tail, {} if method == "PATCH" else None)
        assert told(reply) == (404, None, "resource not found")


async def test_the_body_tags_of_a_legacy_template_survive(api: Api) -> None:
    id = await template(api, generation="legacy")
    made = await version(api, id, html_content="<p><%body%></p>", subject="<%subject%>", active=1)
    assert (made["html_content"], made["plain_content"]) == ("<p><%body%></p>", "<%body%>\n")


async def test_a_draft_may_be_empty(api: Api) -> None:
    made = await version(api, await template(api), html_content="", subject="")
    assert (made["html_content"], made["subject"]) == ("", "")


BAD_VERSIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"name": None}, "name", "name is required"),
    ({"subject": None}, "subject", "subject is required"),
    ({"subject": "s" * 256}, "subject", "subject must not be longer than 255"),
    ({"subject": "a\r\nBcc: x@y.test"}, "subject", "subject must be a single line"),
    ({"html_content": 5}, "html_content", "html_content must be a string"),
    ({"html_content": "x" * 1_048_577}, "html_content", "html_content must not be longer than 1048576"),
    ({"plain_content": "x" * 1_048_577}, "plain_content", "plain_content must not be longer than"),
    ({"html_content": "{{#if x}}"}, "html_content", "The template is wrong in the HTML text"),
    ({"editor": "vi"}, "editor", "editor must be code or design"),
    ({"active": 2}, "active", "active must be 0 or 1"),
    ({"generate_plain_content": "x"}, "generate_plain_content", "must be a boolean"),
    ({"test_data": "{"}, "test_data", "test_data must be JSON"),
]


@pytest.mark.parametrize(("change", "field", "text"), BAD_VERSIONS)
async def test_a_version_that_cannot_be(api: Api, change: dict[str, Any], field: str, text: str) -> None:
    id = await template(api)
    body = {"name": "one", "subject": "s", "html_content": "x", **change}
    status, told_field, message = told(await ask(api, "POST", f"/{id}/versions", body))
    assert (status, told_field) == (400, field) and text in message
    assert (await ask(api, "GET", f"/{id}")).json()["versions"] == []


async def test_a_copy_has_versions_of_its_own(api: Api) -> None:
    id = await template(api)
    made = await version(api, id)
    reply = await ask(api, "POST", f"/{id}")
    copy = reply.json()
    assert (reply.status, copy["name"]) == (201, "Duplicate: Welcome")
    assert copy["id"] != id and copy["versions"][0]["id"] != made["id"]
    assert copy["versions"][0]["html_content"] == made["html_content"]
    named = await ask(api, "POST", f"/{id}", {"name": "Twin"})
    assert named.json()["name"] == "Twin"


async def test_there_are_so_many_templates_and_no_more(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    few = desk.Bounds(templates=1, versions=1, may_be_empty=True)
    for module in ("templates", "template_versions"):
        monkeypatch.setattr(f"posthouse.doors.api.sendgrid.{module}.BOUNDS", few)
    id = await template(api)
    await version(api, id)
    assert "There are 1 templates" in told(await ask(api, "POST", "", {"name": "n"}))[2]
    assert "There are 1 templates" in told(await ask(api, "POST", f"/{id}"))[2]
    body = {"name": "n", "subject": "s"}
    assert "has 1 versions already" in told(await ask(api, "POST", f"/{id}/versions", body))[2]


async def test_templates_that_others_made_show_here_too(api: Api) -> None:
    draft = desk.Draft(api.account_id, DOMAIN, "from-a-command", "v1", "<p>", fields={"Subject": "s"})
    about = (await api.write(desk.store_version, api.ids, api.clock.now(), draft)).template
    shown = (await ask(api, "GET", f"/{about.id}")).json()
    assert (shown["name"], shown["generation"], shown["versions"][0]["id"]) == (
        "from-a-command",
        "dynamic",
        "v1",
    )
    added = await version(api, about.id, name="two", active=1)
    found = await api.read(desk.load, api.account_id, DOMAIN, "from-a-command")
    assert found.id == about.id and added["active"] == 1


async def test_another_accounts_templates_are_not_there(api: Api) -> None:
    id = await template(api)
    made = await version(api, id)
    for method, path in (
        ("GET", f"/{id}"),
        ("DELETE", f"/{id}"),
        ("POST", f"/{id}"),
        ("GET", f"/{id}/versions/{made['id']}"),
        ("DELETE", f"/{id}/versions/{made['id']}"),
        ("POST", f"/{id}/versions/{made['id']}/activate"),
    ):
        assert told(await ask(api, method, path, key=api.others)) == (404, None, "resource not found")
    other = await template(api)
    strange = await ask(api, "GET", f"/{other}/versions/{made['id']}")
    assert strange.status == 404, "a version of another template"


async def test_what_is_made_here_is_what_is_sent(api: Api) -> None:
    id = await template(api)
    await version(api, id)
    letter = {
        "from": {"email": f"me@{DOMAIN}"},
        "personalizations": [{"to": [{"email": "ann@x.test"}], "dynamic_template_data": {"name": "Ann"}}],
        "template_id": id,
    }
    reply = await api.call("POST", "/v3/mail/send", key=api.full, json=letter)
    assert reply.status == 202, reply.text
    sent = api.accepted_one()
    assert (sent.message.subject, "Hi {{name}}" in sent.content.decode()) == ("Hello Ann", True)
    assert sent.options.is_template
