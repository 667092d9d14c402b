"""doors.api.bodies: what a body means, its limits, and the memory for bodies."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import Any

import pytest

from posthouse.doors.api.answers import Problem
from posthouse.doors.api.bodies import MOST_DEPTH, Held, Incoming, parse_json, read_body
from posthouse.doors.budget import BodyBudget
from unit.doors.api.calling import Api
from unit.doors.api.echo import PATH, serve

MIB = 1024 * 1024


def incoming(*chunks: bytes, length: str = "", encoding: str = "", leaves: bool = False) -> Incoming:
    left = list(chunks)

    async def receive() -> dict[str, Any]:
        if not left:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left) or leaves}

    return Incoming(receive, length, encoding)


async def refusal(given: Incoming, most: int = MIB, held: Held | None = None) -> Problem:
    with pytest.raises(Problem) as caught:
        await read_body(given, most, held or Held(BodyBudget(1 << 30)))
    return caught.value


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("", b"hello"),
        ("identity", b"hello"),
        ("gzip", gzip.compress(b"hello")),
        ("GZIP", gzip.compress(b"hello")),
        ("x-gzip", gzip.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello", wbits=-15)),
    ],
    ids=range(7),
)
async def test_a_body_may_be_packed(encoding: str, packed: bytes) -> None:
    held = Held(BodyBudget(MIB))
    assert await read_body(incoming(packed[:3], packed[3:], encoding=encoding), MIB, held) == b"hello"
    assert held.budget.held_bytes == held.octets >= len(packed)
    held.give_back()
    assert held.budget.held_bytes == 0


@pytest.mark.parametrize(
    ("given", "status", "reason"),
    [
        (incoming(b"x" * 11), 413, "too-large"),
        (incoming(b"x" * 6, b"x" * 5), 413, "too-large"),
        (incoming(length="11"), 413, "too-large"),
        (incoming(length="9" * 5000), 413, "too-large"),
        (incoming(b"x", leaves=True), 400, "client-left"),
        (incoming(b"x", encoding="br"), 415, "bad-encoding"),
        (incoming(b"x", encoding="gzip, gzip"), 415, "bad-encoding"),
        (incoming(b"plain", encoding="gzip"), 400, "bad-encoding"),
        (incoming(gzip.compress(b"hello")[:-3], encoding="gzip"), 400, "bad-encoding"),
        (incoming(gzip.compress(b"hello")[:-9], encoding="gzip"), 400, "bad-encoding"),
        (incoming(b"", encoding="gzip"), 400, "bad-encoding"),
        (incoming(zlib.compress(b"hello")[:-1], encoding="deflate"), 400, "bad-encoding"),
    ],
    ids=range(12),
)
async def test_a_body_that_is_not_taken(given: Incoming, status: int, reason: str) -> None:
    refused = await refusal(given, 10 if not given.encoding else MIB)
    assert (refused.status, refused.reason) == (status, reason)


async def test_something_behind_a_packed_body_is_refused() -> None:
    refused = await refusal(incoming(gzip.compress(b"hello") * 2, encoding="gzip"))
    assert refused.reason == "bad-encoding"


@pytest.mark.parametrize("layer", ["gzip", "deflate"])
async def test_S12_a_bomb_is_unpacked_only_up_to_the_limit(layer: str) -> None:
    pack = gzip.compress if layer == "gzip" else zlib.compress
    held = Held(BodyBudget(1 << 30))
    refused = await refusal(incoming(pack(bytes(100 * MIB)), encoding=layer), 2 * MIB, held)
    assert refused.status == 413
    assert held.octets <= 3 * MIB


async def test_a_body_waits_for_memory_and_those_in_arrival_go_on() -> None:
    budget = BodyBudget(1000)
    first, second, third = Held(budget), Held(budget), Held(budget)
    await read_body(incoming(b"x" * 760), MIB, first)
    refused = await refusal(incoming(b"x"), held=second)
    assert refused.status == 503 and refused.retry_s and budget.held_bytes == 760
    first.take(200)
    first.give_back()
    await read_body(incoming(b"x" * 700), MIB, second)
    assert (await refusal(incoming(b"x" * 301), held=third)).status == 503
    for held in (second, third):
        held.give_back()
    assert budget.held_bytes == 0


# JSON (S19)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b' [1, -0, 1.5e3, true, null, "\\u00fc\\ud83d\\ude00"] ', [1, 0, 1500.0, True, None, "ü😀"]),
        (b'{"__proto__": {"x": 1}, "": 2}', {"__proto__": {"x": 1}, "": 2}),
        (b'"\\\\u0000"', "\\u0000"),
        (b"[" * MOST_DEPTH + b"]" * MOST_DEPTH, ...),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
    ],
    ids=range(6),
)
def test_S19_json_that_is_taken(body: bytes, value: Any) -> None:
    assert value is ... or parse_json(body) == value
    parse_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{} {}",
        b"{'a': 1}",
        b'{"a": NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        b"[01]",
        b'"\\ud800"',
        b'"\\ud800abc"',
        b'"\\udc00\\ud800"',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b"\xff\xfe{\0}\0",
        b"\xef\xbb\xbf{}",
        b'"\x00"',
        b'"\\u0000"',
        b'{"\\u0000": 1}',
        b'[{"a": ["x\\u0000"]}]',
        b"[" * (MOST_DEPTH + 1) + b"]" * (MOST_DEPTH + 1),
        b'{"a":' * 101 + b"1" + b"}" * 101,
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_S19_json_that_is_not_taken(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        parse_json(body)
    assert (caught.value.status, caught.value.reason) == (400, "bad-json")
    assert len(caught.value.text) < 300


# Through the rim


async def test_bodies_of_all_kinds_through_the_rim(api: Api) -> None:
    serve(api)
    reply = await api.call("POST", PATH, key=api.full, json={"a": [1]})
    assert reply.json()["said"] == {"a": [1]} and reply.json()["who"] == api.account_id
    reply = await api.call("POST", PATH, key=api.full, form={"to": ["a", "b"], "x": "ü&="})
    assert reply.json()["said"] == [[["to", "a"], ["to", "b"], ["x", "ü&="]], []]
    reply = await api.call(
        "POST", PATH, key=api.full, form={"x": "ü"}, files=[("f", "n.txt", b"123", "text/x")]
    )
    assert reply.json()["said"] == [[["x", "ü"]], [["f", "n.txt", "text/x", 3]]]
    packed = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    reply = await api.call("POST", PATH, key=api.full, body=gzip.compress(b'{"a":1}'), headers=packed)
    assert reply.json()["said"] == {"a": 1}
    assert api.parts.budget.held_bytes == 0


async def test_what_a_call_holds_of_the_memory_is_free_once_it_is_answered(api: Api) -> None:
    serve(api)
    body = json.dumps(["x" * 10_000]).encode()
    reply = await api.call(
        "POST", PATH, key=api.full, body=body, headers={"Content-Type": "application/json"}
    )
    assert reply.json()["held"] == 2 * len(body)
    for bad in (b"{", b'"\\ud800"'):
        reply = await api.call(
            "POST", PATH, key=api.full, body=bad, headers={"Content-Type": "application/json"}
        )
        assert reply.status == 400
    assert api.parts.budget.held_bytes == 0


async def test_too_much_mail_at_once_is_503_and_who_has_no_body_is_served(api: Api) -> None:
    serve(api)
    api.parts.budget.held_bytes = api.parts.budget.limit_bytes
    reply = await api.call("POST", PATH, key=api.full, json={})
    assert reply.status == 503 and int(reply.headers["retry-after"]) > 0
    assert "Too much mail" in reply.text
    assert (await api.call("GET", "/posthouse/v1/whole", key=api.full)).status in (200, 503)
    api.parts.budget.held_bytes = 0
    assert (await api.call("POST", PATH, key=api.full, json={})).status == 200


async def test_a_large_body_is_refused_before_it_is_sent(api: Api) -> None:
    serve(api)
    most = api.parts.settings.http.request_bytes
    reply = await api.call("POST", PATH, key=api.full, body=b"x", headers={"Content-Length": str(most + 1)})
    assert reply.status == 413 and "connection" not in reply.headers


async def test_who_unpacks_a_large_body_lets_others_be_served() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    packed = gzip.compress(bytes(20 * MIB))
    await read_body(incoming(packed, encoding="gzip"), 32 * MIB, Held(BodyBudget(1 << 30)))
    beside.cancel()
    assert turns > 10
