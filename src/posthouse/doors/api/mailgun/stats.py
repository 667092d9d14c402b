"""Statistics of domains and tags (`/v3/…/stats`, `…/aggregates`, mailgun.md 5.8).

Aggregates by provider, device and country are counted from the log when they are asked for, of the newest
events up to a limit.

Public: ENDPOINTS.
"""

from __future__ import annotations

from typing import Any

from posthouse.desk import tags
from posthouse.desk.statistics import Period, series
from posthouse.dialects.mailgun.metrics import STATS, WORDS
from posthouse.dialects.mailgun.parameters import plain_name
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.aggregates import AGGREGATES, aggregate
from posthouse.doors.api.mailgun.asked import UTC, date_text
from posthouse.doors.api.mailgun.periods import read_period
from posthouse.doors.api.mailgun.phrases import said
from posthouse.rules.metrics import ACCOUNT, DOMAIN, DOMAIN_TAG
from posthouse.store.connection import Connection


async def _of_account(call: Call) -> Answer:
    return json_answer(await _stats(call, ACCOUNT, ""))


async def _of_domain(call: Call) -> Answer:
    return json_answer(await _stats(call, DOMAIN, call.domain.name))


async def _of_tag(call: Call) -> Answer:
    tag = await _tag(call)
    found = await _stats(call, DOMAIN_TAG, f"{call.domain.name} {tag.name}")
    return json_answer({"tag": tag.name, **found, "description": tag.description})


async def _tag(call: Call) -> tags.Tag:
    name = call.params.get("tag") or call.query.get("tag", "")
    return await call.read(tags.load_tag, name, account_id=call.account_id, domain=call.domain.name)


async def _stats(call: Call, dim: str, name: str) -> dict[str, Any]:
    given = [value for name, value in call.query.multi_items() if plain_name(name) == "event"]
    wanted = [each for value in given for each in value.split(",")]
    if not wanted:
        raise said("Missing mandatory parameter: event")
    for each in wanted:
        if each not in STATS:
            raise said(f"'event' parameter is not valid: use {', '.join(STATS)}")
    asked = [call.query.get(each, "") for each in ("start", "end", "resolution", "duration")]
    when = read_period(call.now, *asked)
    found = await call.read(_series, call.account_id, when, dim, name)
    return {
        "description": "",
        "start": _time(when, when.first),
        "end": _time(when, when.last),
        "resolution": when.span,
        "stats": [
            {"time": _time(when, begin), **{each: STATS[each](counts) for each in wanted}}
            for begin, counts in zip(when.points(), found, strict=True)
        ],
    }


def _series(conn: Connection, account_id: str, when: Period, dim: str, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = series(conn, account_id, when, dim=dim, name=name, metrics=WORDS)["series"]
    return found


def _time(when: Period, number: int) -> str:
    return date_text(when.instant(number).timestamp(), UTC)


async def _aggregates_of_tag(call: Call) -> Answer:
    kind = call.params.get("type") or call.query.get("type", "")
    if kind not in AGGREGATES:
        raise said("'type' parameter is not valid: use provider, device or country")
    tag = await _tag(call)
    found = await aggregate(call, AGGREGATES[kind], call.domain.name, (tag.name,))
    return json_answer({"tag": tag.name, AGGREGATES[kind]: found})


async def _aggregates_of_domain(call: Call) -> Answer:
    kind = AGGREGATES.get(call.params["type"])
    if kind is None:
        raise said("Not Found: there are aggregates of providers, devices and countries", 404)
    return json_answer({_PLURALS[kind]: await aggregate(call, kind, call.domain.name, ())})


_PLURALS = {"provider": "providers", "device": "devices", "country": "countries"}
_READ = "stats.read"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/stats/total", _READ, _of_account),
    Endpoint("GET", "/v3/{domain}/stats/total", _READ, _of_domain),
    Endpoint("GET", "/v3/{domain}/tag/stats", _READ, _of_tag),
    Endpoint("GET", "/v3/{domain}/tags/{tag}/stats", _READ, _of_tag),
    Endpoint("GET", "/v3/{domain}/tag/stats/aggregates", _READ, _aggregates_of_tag),
    Endpoint("GET", "/v3/{domain}/tags/{tag}/stats/aggregates/{type}", _READ, _aggregates_of_tag),
    Endpoint("GET", "/v3/{domain}/aggregates/{type}", _READ, _aggregates_of_domain),
)
