"""What our own API says of itself is what it does, and the copy in docs/ is up to date."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from posthouse.doors.api.native.about import ENDPOINTS as ABOUT
from posthouse.doors.api.native.about import document
from posthouse.doors.api.native.endpoint import NativeEndpoint
from posthouse.doors.api.native.service import NATIVE
from posthouse.doors.api.native.table import ENDPOINTS
from posthouse.rules.permissions import PERMISSIONS
from unit.doors.api.calling import Api

COPY = Path(__file__).parents[5] / "docs" / "openapi.json"
OPEN = ("/posthouse/v1/openapi.json", "/posthouse/v1/docs", "/posthouse/v1/problems/no-domain")


def test_the_copy_in_docs_is_the_description() -> None:
    version = json.loads(document())["info"]["version"]
    copy = json.loads(COPY.read_text())
    copy["info"]["version"] = version
    assert copy == json.loads(document()), "write it anew: python -m docs.generate_openapi"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_every_call_tells_what_it_needs(endpoint: NativeEndpoint) -> None:
    assert endpoint.summary and not endpoint.summary.endswith(".")
    assert endpoint.topic and endpoint.name and endpoint.statuses
    assert endpoint.action in (*PERMISSIONS, "")
    assert endpoint.gives is not None or endpoint.media
    assert (endpoint.method == "GET") == (409 not in endpoint.statuses)


def test_names_are_unique_and_all_are_described() -> None:
    told = json.loads(document())
    names = [call["operationId"] for path in told["paths"].values() for call in path.values()]
    assert len(names) == len(set(names))
    described = {(method.upper(), path) for path, calls in told["paths"].items() for method in calls}
    served = {(each.method, each.path) for each in NATIVE.endpoints.all}
    about = {(each.method, each.path) for each in ABOUT}
    assert served - described <= about and described <= served


def test_nothing_refers_to_what_is_not_there() -> None:
    told = json.loads(document())
    for reference in set(re.findall(r'"\$ref": "#/components/(\w+)/([^"]+)"', document().decode())):
        assert reference[1] in told["components"][reference[0]], reference


async def test_it_is_served_to_anybody(api: Api) -> None:
    described = await api.call("GET", OPEN[0])
    assert described.status == 200 and described.body == document()
    page = await api.call("GET", OPEN[1])
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"<(script|link|img|iframe)|https?://", page.text), "nothing from outside"
    assert 'name="viewport"' in page.text
    assert all(each.summary in page.text.replace("&#x27;", "'") for each in ENDPOINTS)
    problem = await api.call("GET", OPEN[2])
    assert "There is no such domain" in problem.text
    strange = await api.call("GET", "/posthouse/v1/problems/%3Cscript%3E")
    assert strange.status == 200 and "<script" not in strange.text
    assert (await api.call("GET", "/posthouse/v1/version")).json()["api"] == "v1"
    assert (await api.call("GET", "/posthouse/v1/health")).json() == {"status": "ok"}


def _closed(endpoint: NativeEndpoint) -> str:
    return re.sub(r"\{\w+\}", "x", endpoint.path)


async def test_all_else_needs_a_key(api: Api) -> None:
    for endpoint in ENDPOINTS:
        reply = await api.call(endpoint.method, _closed(endpoint))
        assert reply.status == 401, endpoint.path
        assert reply.headers["www-authenticate"].startswith("Bearer")
        assert reply.json()["type"] == "/posthouse/v1/problems/no-credentials"


async def test_each_permission_is_asked_for(api: Api) -> None:
    keys: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        if not endpoint.action:
            continue
        if endpoint.action not in keys:
            others = [word for word in PERMISSIONS if word != endpoint.action]
            keys[endpoint.action] = await api.issue(others, dialect="native")
        reply = await api.call(endpoint.method, _closed(endpoint), key=keys[endpoint.action])
        assert reply.status == 403 and endpoint.action in reply.json()["detail"], endpoint.path


async def test_keys_of_one_domain_do_not_see_the_account(api: Api) -> None:
    for endpoint in ENDPOINTS:
        if endpoint.is_for_domains or "{domain}" in endpoint.path:
            continue
        reply = await api.call(endpoint.method, _closed(endpoint), key=api.bound)
        assert reply.status == 403, endpoint.path


async def test_wrong_methods_and_addresses(api: Api) -> None:
    wrong = await api.call("PUT", "/posthouse/v1/messages", key=api.full)
    assert wrong.status == 405 and wrong.headers["content-type"] == "application/problem+json"
    gone = await api.call("GET", "/posthouse/v1/letters", key=api.full)
    assert gone.status == 404 and gone.json()["type"].endswith("/no-path")
