"""Mailgun's calls about templates and their versions, of a domain and of the account."""

from __future__ import annotations

from typing import Any

import pytest

from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN, Api, Reply


async def _call(api: Api, method: str, path: str, **more: Any) -> Reply:
    return await api.call(method, path, basic=api.full, **more)


@pytest.mark.parametrize("base", [f"/v3/{DOMAIN}/templates", "/v4/templates"], ids=["domain", "account"])
async def test_a_template_lives_through_all_calls(api: Api, base: str) -> None:
    said = {
        "name": "Welcome",
        "description": "first",
        "template": "Hi {{name}}",
        "comment": "c",
        "createdBy": "ann",
        "headers": '{"subject": "Hello {{name}}"}',
    }
    made = (await _call(api, "POST", base, form=said)).json()
    assert made["message"] == "template has been stored"
    about, version = made["template"], made["template"]["version"]
    assert (about["name"], about["description"], about["createdBy"]) == ("welcome", "first", "ann")
    assert about["createdAt"].endswith(" UTC")
    assert (version["tag"], version["active"], version["comment"]) == ("initial", True, "c")
    assert (version["template"], version["headers"]) == ("Hi {{name}}", {"Subject": "Hello {{name}}"})
    one = f"{base}/welcome"
    assert "version" not in (await _call(api, "GET", one)).json()["template"]
    active = (await _call(api, "GET", f"{one}?active=yes")).json()["template"]
    assert active == about
    changed = await _call(api, "PUT", one, form={"description": "second"})
    assert changed.json() == {"message": "template has been updated", "template": {"name": "welcome"}}
    second = await _call(
        api, "POST", f"{one}/versions", form={"tag": "V1", "template": "Ho", "active": "yes"}
    )
    assert second.json()["message"] == "new version of the template has been stored"
    held = (await _call(api, "GET", f"{one}/versions")).json()
    assert [(item["tag"], item["active"]) for item in held["template"]["versions"]] == [
        ("initial", False),
        ("v1", True),
    ]
    assert held["paging"]["next"].startswith("http://") and held["template"]["description"] == "second"
    updated = await _call(api, "PUT", f"{one}/versions/v1", form={"template": "He", "comment": "new"})
    assert updated.json() == {
        "message": "version has been updated",
        "template": {"name": "welcome", "version": {"tag": "v1"}},
    }
    shown = (await _call(api, "GET", f"{one}/versions/v1")).json()["template"]["version"]
    assert (shown["template"], shown["comment"], shown["active"]) == ("He", "new", True)
    copied = await _call(api, "PUT", f"{one}/versions/v1/copy/v2?comment=copy")
    assert copied.json()["message"] == "version has been copied"
    assert copied.json()["template"]["version"]["template"] == "He"
    gone = await _call(api, "DELETE", f"{one}/versions/v2")
    assert gone.json()["message"] == "version has been deleted"
    assert (await _call(api, "DELETE", f"{one}/versions/v1")).status == 400
    assert (await _call(api, "GET", f"{one}/versions/v2")).status == 404
    last = await _call(api, "DELETE", one)
    assert last.json() == {"message": "template has been deleted", "template": {"name": "welcome"}}
    missing = await _call(api, "GET", one)
    assert (missing.status, missing.json()) == (404, {"message": "template not found"})


async def test_templates_are_paged_and_deleted_together(api: Api) -> None:
    base = f"/v3/{DOMAIN}/templates"
    for name in ("a", "b", "c"):
        await _call(api, "POST", base, form={"name": name, "template": "x"})
    page = (await _call(api, "GET", f"{base}?limit=2")).json()
    assert [item["name"] for item in page["items"]] == ["a", "b"]
    rest = (await _call(api, "GET", f"{base}?page=next&p=b&limit=2")).json()
    assert [item["name"] for item in rest["items"]] == ["c"]
    empty = await _call(api, "POST", base, form={"name": "later"})
    assert empty.status == 200 and "version" not in empty.json()["template"]
    every = await _call(api, "DELETE", base)
    assert every.json() == {"message": "templates have been deleted"}
    assert (await _call(api, "GET", base)).json()["items"] == []


async def test_a_bad_template_is_refused_and_a_foreign_one_is_not_there(api: Api) -> None:
    base = f"/v3/{DOMAIN}/templates"
    for said in ({}, {"name": "x", "template": "{{#if"}, {"name": "x", "template": "y", "headers": "no"}):
        assert (await _call(api, "POST", base, form=said)).status == 400
    foreign = await _call(api, "GET", f"/v3/{OTHER_DOMAIN}/templates")
    assert (foreign.status, foreign.json()) == (404, {"message": "domain not found"})
    assert (await _call(api, "GET", f"{base}/x")).status == 404
