"""Our own API as schemathesis calls it, and real things for its paths to name.

Public: described, Real, check.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

import requests
import schemathesis

from house.house import House, unique
from posthouse.doors.api.native.about import document

_ENDLESS = "/posthouse/v1/events/stream"  # never ends by itself: test_native_streams reads it
MOST_URL = 30_000
_NEVER_REAL = {("DELETE", "id"), ("POST", "login")}  # the key that asks must stay


def described() -> Any:
    """The API as schemathesis sees it; well-formed calls may ask for what cannot be had (422)."""
    loaded = schemathesis.openapi.from_dict(json.loads(document()))
    accepted = loaded.config.checks.positive_data_acceptance
    accepted.expected_statuses = ["2xx", "403", "404", "409", "422"]
    loaded.config.generation.deterministic = True
    loaded.config.generation.allow_x00 = False
    # some of them are written as nothing at all; unit tests prove that unknown ones are refused
    loaded.config.generation.allow_extra_parameters = False
    return loaded.exclude(path=_ENDLESS)


@schemathesis.serializer("message/rfc822")
def _letter(context: Any, value: Any) -> bytes:
    return str(value).encode("utf-8", "replace") if not isinstance(value, bytes) else value


@dataclass(slots=True)
class Real:
    """A house, a key that may do everything, and things that are there, by the names of path parameters."""

    house: House
    key: str
    names: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.house.port_http}"

    def call(self, method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = requests.request(
            method, f"{self.url}/posthouse/v1{path}", headers=headers, timeout=30, **more
        )
        assert answer.ok, (method, path, answer.status_code, answer.text)
        return answer.json()


def furnished(house: House) -> Real:
    """One of everything that a path can name."""
    made = house.cli("key", "add", "--native", "--full")
    real = Real(house, made["key"], {})
    house.cli("domain", "add", "throw.test", "--assume-verified")
    sent = real.call(
        "POST",
        "/messages",
        json={"from": "x@throw.test", "to": ["ann@good.test"], "text": "a", "batch": "b1"},
    )
    real.call("POST", "/templates/welcome/versions", json={"html": "<p>{{name}}</p>"})
    hook = real.call("POST", "/webhooks", json={"url": "https://hooks.test/x"})
    real.names = {
        "domain": "throw.test",
        "message_id": sent["id"],
        "batch_id": "b1",
        "name": "welcome",
        "hook_id": hook["id"],
        "number": str(real.call("POST", "/groups", json={"name": unique()})["number"]),
        "login": real.call("POST", "/users", json={"login": "app@throw.test"})["login"],
        "address": "ann@good.test",
        "selector": real.call("GET", "/domains/throw.test/keys")["items"][0]["selector"],
        "dialect": "native",
        "delivery_id": real.call("GET", "/inbox/wait?to=ann@good.test")["delivery_id"],
    }
    return real


def check(case: Any, real: Real) -> None:
    """Call and look at everything that the answer must keep to; about every second path names what there
    is."""
    if case.meta is None or case.meta.generation.mode.is_positive:
        _make_real(case, real)
    if case.path.endswith("/wait") and _is_time(case.query):
        case.query["timeout"] = 0
    if len(requests.Request("GET", real.url, params=case.query).prepare().url or "") > MOST_URL:
        return  # refused before it is a call: the server reads 64 KiB of a head
    case.call_and_validate(base_url=real.url, headers={"Authorization": f"Bearer {real.key}"}, timeout=60)


def _is_time(query: Any) -> bool:
    """Would the call wait? A wrong `timeout` must stay as it is."""
    given = (query or {}).get("timeout", 30)
    return isinstance(query, dict) and isinstance(given, float | int) and 0 <= given <= 60


def _make_real(case: Any, real: Real) -> None:
    for name, value in dict(case.path_parameters or {}).items():
        is_wanted = zlib.crc32(repr(value).encode()) % 2
        if name in real.names and is_wanted and (case.method, name) not in _NEVER_REAL:
            case.path_parameters[name] = real.names[name]
