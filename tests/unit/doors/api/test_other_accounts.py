"""S20: every endpoint of every service, called with what is another account's: it is answered like what does
not exist, and nothing of it changes.

The endpoints come from `services.SERVICES`, so a new one is tried as soon as it is there. What is named in a
query or a body stands in `NAMED`: `<kind>` is a thing of that kind, `<own>` the caller's domain.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from posthouse.desk import egress
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.service import Service
from posthouse.doors.api.services import SERVICES
from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN, Api, Reply, open_api
from unit.doors.api.test_garbage import ASKING_DNS, FORM, JSON, WAITING

NOWHERE_DOMAIN = "none.test"
PARAMETER = re.compile(r"\{(\w+)\}")
PLACE = re.compile(r"<(\w+)>")
MADE = re.compile(r"[0-9A-Za-z_-]{16,}|[0-9]+")  # ids, instants and secrets: other ones in each answer
PAGES = re.compile(r'"pagination":\{[^}]*\}')  # hold what was asked, encoded
NATIVE = "/posthouse/v1"

FITTING = {
    "batch_id": ("batch",),
    "delivery_id": ("delivery",),
    "email": ("address",),
    "group": ("group",),
    "hook_id": ("hook",),
    "hostname": ("domain",),
    "ip": ("ip",),
    "key": ("key", "token", "message", "stored"),
    "login": ("login",),
    "message_id": ("message",),
    "page": ("message",),
    "selector": ("selector",),
    "tag": ("tag", "name"),
    "template": ("template", "name"),
    "version": ("version",),
}
"""By the name of a path's parameter: what it may be. What does not stand here is tried with everything."""


class Said(NamedTuple):
    """A call. `body`: a text is a form, anything else JSON."""

    method: str
    path: str
    body: Any = None


def _filter(attribute: str, value: str) -> dict[str, Any]:
    values = [{"label": value, "value": value}]
    return {"filter": {"AND": [{"attribute": attribute, "comparator": "=", "values": values}]}}


_TIMES: dict[str, Any] = {"duration": "1d", "resolution": "day"}
_MAIL = "from=a@<own>&to=ann@good.test&subject=s&text=x"
_SENT: dict[str, Any] = {
    "personalizations": [{"to": [{"email": "ann@good.test"}]}],
    "from": {"email": "a@other.test"},
    "subject": "s",
    "content": [{"type": "text/plain", "value": "x"}],
}
_POSTED: dict[str, Any] = {"from": "a@other.test", "to": ["ann@good.test"], "subject": "s", "text": "x"}
_QUEUE = ("message_id", "<message>"), ("domain", "theirs.test"), ("recipient", "<address>"), ("all", True)

NAMED: dict[str, tuple[Said, ...]] = {
    "mailgun": (
        *[Said("GET", f"/v3/<own>/events?{each}") for each in
          ("message-id=<message>", "recipient=<address>", "tags=<tag>", "to=<address>")],
        Said("GET", "/v3/<own>/tag?tag=<tag>"),
        Said("PUT", "/v3/<own>/tag?tag=<tag>", "description=x"),
        Said("DELETE", "/v3/<own>/tag?tag=<tag>"),
        Said("GET", "/v3/<own>/tag/stats?tag=<tag>&event=accepted"),
        Said("GET", "/v3/<own>/tag/stats/aggregates?tag=<tag>&type=providers"),
        Said("GET", "/v3/<own>/tags?page=next&tag=<tag>"),
        Said("GET", "/v3/<own>/bounces?page=next&address=<address>"),
        Said("GET", "/v3/<own>/envelopes?after=<delivery>"),
        Said("POST", "/v1/analytics/metrics", _TIMES | {"metrics": ["accepted_count"]}
             | {"dimensions": ["tag"]} | _filter("domain", "<domain>")),
        Said("POST", "/v1/analytics/metrics", _TIMES | {"metrics": ["accepted_count"]}
             | {"dimensions": ["domain"]} | _filter("tag", "<tag>")),
        *[Said("POST", "/v1/analytics/logs", _TIMES | _filter(name, value)) for name, value in
          (("domain", "<domain>"), ("tag", "<tag>"), ("recipient", "<address>"),
           ("message-id", "<message>"))],
        *[Said("POST", "/v2/bounce-classification/metrics",
               {"dimensions": ["recipient-domain"]} | _filter(name, value)) for name, value in
          (("domain.name", "<domain>"), ("tag", "<tag>"), ("envelope.sending-ip", "<ip>"))],
        Said("POST", "/v1/analytics/tags", {"tag": "<tag>"}),
        Said("PUT", "/v1/analytics/tags", {"tag": "<tag>", "description": "x"}),
        Said("DELETE", "/v1/analytics/tags", {"tag": "<tag>"}),
        Said("GET", "/v1/webhooks?webhook_ids=<hook>"),
        Said("DELETE", "/v1/webhooks?webhook_ids=<hook>"),
        Said("GET", "/v1/dkim/keys?signing_domain=<domain>"),
        Said("GET", "/v1/dkim/keys?selector=<selector>"),
        Said("POST", "/v1/dkim/keys", "signing_domain=<domain>&selector=new"),
        Said("DELETE", "/v1/dkim/keys?signing_domain=<domain>&selector=<selector>"),
        Said("POST", "/v3/domains/<own>/ips", "pool_id=<poolid>"),
        Said("POST", "/v3/domains/<own>/ips", "ip=<ip>"),
        Said("PUT", "/v3/domains/<own>", "pool_id=<poolid>"),
        Said("POST", "/v3/domains", "name=new.test&pool_id=<poolid>"),
        Said("POST", "/v3/ip_pools", "name=mine&description=d&ip=<ip>"),
        Said("GET", "/v1/keys?domain_name=<domain>"),
        Said("POST", "/v1/keys", "role=sending&kind=domain&domain_name=<domain>"),
        Said("POST", "/v3/<own>/messages", f"{_MAIL}&template=<name>"),
        Said("POST", "/v3/<own>/messages", "from=a@<domain>&to=ann@good.test&subject=s&text=x"),
    ),
    "sendgrid": (
        Said("POST", "/v3/mail/send", _SENT | {"template_id": "<template>"}),
        Said("POST", "/v3/mail/send", _SENT | {"asm": {"group_id": "<group>"}}),
        Said("POST", "/v3/mail/send", _SENT | {"batch_id": "<batch>"}),
        Said("POST", "/v3/mail/send", _SENT | {"ip_pool_name": "<pool>"}),
        Said("POST", "/v3/mail/send", _SENT | {"from": {"email": "a@<domain>"}}),
        Said("POST", "/v3/user/scheduled_sends", {"batch_id": "<batch>", "status": "pause"}),
        Said("GET", "/v3/asm/groups?id=<group>"),
        Said("POST", "/v3/user/webhooks/event/test", {"id": "<hook>", "url": "https://mine.test/x"}),
        Said("GET", "/v3/whitelabel/domains?domain=<domain>"),
        Said("POST", "/v3/whitelabel/links", {"domain": "<domain>", "subdomain": "go"}),
        Said("GET", "/v3/suppression/bounces?email=<address>"),
        *[Said("DELETE", f"/v3/suppression/{kind}", {"emails": ["<address>"]}) for kind in
          ("bounces", "blocks", "invalid_emails", "spam_reports", "unsubscribes")],
        Said("GET", "/v3/categories?category=<tag>"),
        Said("GET", "/v3/categories/stats?categories=<tag>&start_date=2023-11-01"),
        *[Said("GET", f"/v3/messages?limit=10&query={quote(each, safe='<>')}") for each in
          ('msg_id="<message>"', 'to_email="<address>"', 'from_email="a@<domain>"',
           'template_id="<template>"')],
        Said("POST", "/v3/logs", {"query": 'sg_message_id = "<message>"', "limit": 10}),
        Said("POST", "/v3/templates", {"name": "<name>", "generation": "dynamic"}),
        Said("POST", "/v3/verified_senders", {
            "nickname": "<domain>", "from_email": "a@<domain>", "reply_to": "a@<domain>",
            "address": "x", "city": "y", "country": "z"}),
        Said("POST", "/v3/senders", {
            "nickname": "<domain>", "from": {"email": "a@<domain>"}, "reply_to": {"email": "a@<domain>"},
            "address": "x", "city": "y", "country": "z"}),
        Said("GET", "/v3/ips?ip=<ip>"),
        Said("POST", "/v3/ips/warmup", {"ip": "<ip>"}),
        Said("GET", "/v3/whitelabel/ips?ip=<ip>"),
        Said("POST", "/v3/whitelabel/ips", {"ip": "<ip>", "domain": "<own>"}),
    ),
    "mailpace": (
        Said("POST", "/api/v1/send", {"from": "a@<domain>", "to": "ann@good.test", "textbody": "x"}),
        Said("POST", "/api/v1/send", {"from": "a@<own>", "to": "<address>", "textbody": "x"}),
    ),
    "native": (
        *[Said("POST", f"{NATIVE}/queue/{verb}", {name: value})
          for verb in ("retry", "hold", "release", "drop") for name, value in _QUEUE],
        *[Said("GET", f"{NATIVE}/{path}?{each}") for path in ("events", "messages") for each in
          ("recipient=<address>", "domain=<domain>", "tag=<tag>")],
        Said("GET", f"{NATIVE}/events?message_id=<message>"),
        Said("GET", f"{NATIVE}/inbox?to=<address>"),
        Said("GET", f"{NATIVE}/statistics?by=domain&name=<domain>"),
        Said("GET", f"{NATIVE}/statistics?by=tag&name=<tag>"),
        Said("GET", f"{NATIVE}/statistics?by=credential&name=<key>"),
        Said("GET", f"{NATIVE}/statistics/times?by=domain&name=<domain>"),
        Said("POST", f"{NATIVE}/messages", _POSTED | {"template": {"name": "<name>"}}),
        Said("POST", f"{NATIVE}/messages", _POSTED | {"batch": "<batch>"}),
        Said("POST", f"{NATIVE}/messages", _POSTED | {"unsubscribe_group": "<group>"}),
        Said("POST", f"{NATIVE}/messages", _POSTED | {"pool": "<pool>"}),
        Said("POST", f"{NATIVE}/messages", _POSTED | {"ip": "<ip>"}),
        Said("POST", f"{NATIVE}/messages", _POSTED | {"from": "a@<domain>"}),
        Said("PATCH", f"{NATIVE}/domains/<own>", {"ip_pool": "<poolid>"}),
        Said("PATCH", f"{NATIVE}/domains/<own>", {"tracking_url": "https://<domain>"}),
        *[Said("GET", f"{NATIVE}/{path}?domain=<domain>") for path in
          ("templates", "suppressions", "allowed", "users", "tokens", "webhook-keys/mailpace",
           "templates/<name>")],
        Said("GET", f"{NATIVE}/suppressions?group=<group>"),
        Said("GET", f"{NATIVE}/suppressions?address=<address>"),
        Said("POST", f"{NATIVE}/suppressions", {"addresses": ["a@b.test"], "kind": "bounce",
             "domain": "<domain>"}),
        Said("POST", f"{NATIVE}/suppressions", {"addresses": ["a@b.test"], "kind": "unsubscribe",
             "group": "<group>"}),
        Said("POST", f"{NATIVE}/suppressions/remove", {"addresses": ["<address>"]}),
        Said("POST", f"{NATIVE}/suppressions/remove", {"addresses": ["<address>"], "domain": "<domain>"}),
        Said("POST", f"{NATIVE}/allowed", {"values": ["a@b.test"], "domain": "<domain>"}),
        Said("POST", f"{NATIVE}/allowed/remove", {"values": ["<address>"], "domain": "<domain>"}),
        Said("POST", f"{NATIVE}/templates/<name>/versions", {"html": "x", "domain": "<domain>"}),
        Said("POST", f"{NATIVE}/templates/<name>/render", {"domain": "<domain>"}),
        Said("POST", f"{NATIVE}/webhooks", {"url": "https://mine.test/x", "domain": "<domain>"}),
        Said("POST", f"{NATIVE}/webhook-keys/mailpace", {"domain": "<domain>"}),
        Said("POST", f"{NATIVE}/keys", {"domain": "<domain>"}),
        Said("POST", f"{NATIVE}/tokens", {"domain": "<domain>"}),
        Said("POST", f"{NATIVE}/users", {"login": "new@<domain>"}),
        Said("PUT", f"{NATIVE}/addresses/<ip>/warm-up", {"plan": "default", "pool": "<pool>"}),
        Said("PUT", f"{NATIVE}/pools/mine", {"ips": ["<ip>"]}),
        Said("DELETE", f"{NATIVE}/pools/<pool>?ip=<ip>"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
async def test_S20_what_a_call_names_of_another_account_does_not_exist(
    service: Service, tmp_path: Path, in_haste: None
) -> None:
    async with open_api(tmp_path, settings={"http": {"calls_per_minute": 0}}) as api:
        theirs = await _furnished(api)
        before = _kept(api)
        calls = [*NAMED[service.name], *_of_paths(service, sorted(theirs))]
        assert await _differences(service, api, calls, theirs) == []
        after = _kept(api)
        changed = {name: rows for name in before if (rows := before[name] - after[name])}
        assert changed == {}


# What there is, and what is not


async def _furnished(api: Api) -> dict[str, str]:
    """One of everything for the usual account: what identifies it, by what it is."""
    with sqlite3.connect(api.url.removeprefix("sqlite:///")) as conn:  # a number that stands nowhere else
        conn.execute("insert into sqlite_sequence values ('unsub_group', 90210)")
    conn.close()
    await api.write(egress.add_ip, api.clock.now(), "127.0.0.5", "", api.account_id)
    ids = {"domain": DOMAIN, "address": "bad@theirs.test", "key": api.full.id, "token": api.token.id}
    ids |= {"login": f"app@{DOMAIN}", "name": "welcome-theirs", "tag": "theirtag", "selector": "theirkey"}
    ids |= {"pool": "theirpool", "ip": "127.0.0.5"}
    await _made(api, f"{NATIVE}/domains/{DOMAIN}/keys", {"selector": ids["selector"]})
    ids |= await _by_sendgrid(api, ids)
    ids |= await _by_mailgun(api, ids)
    shown = api.accepted_one()
    ids |= {"message": shown.message.id, "delivery": shown.deliveries[0].id}
    hook = await _made(api, f"{NATIVE}/webhooks", {"url": "https://theirs.test/x"})
    await _made(api, f"{NATIVE}/webhook-keys/mailpace", {"domain": DOMAIN})
    await api.fold()
    return ids | {"hook": hook["id"]}


async def _by_sendgrid(api: Api, ids: dict[str, str]) -> dict[str, str]:
    template = (await _made(api, "/v3/templates", {"name": ids["name"], "generation": "dynamic"}))["id"]
    version = {"name": "one", "subject": "s", "html_content": "<p>x</p>", "active": 1}
    group = await _made(api, "/v3/asm/groups", {"name": "Theirs", "description": "x"})
    await _made(api, "/v3/asm/suppressions/global", {"recipient_emails": [ids["address"]]})
    await _made(api, "/v3/ips/pools", {"name": ids["pool"]})
    return {
        "template": template,
        "version": (await _made(api, f"/v3/templates/{template}/versions", version))["id"],
        "group": str(group["id"]),
        "batch": (await _made(api, "/v3/mail/batch", {}))["batch_id"],
    }


async def _by_mailgun(api: Api, ids: dict[str, str]) -> dict[str, str]:
    tag, name, address = ids["tag"], ids["name"], ids["address"]
    sent = {"from": f"a@{DOMAIN}", "to": "ann@good.test", "subject": "Secret", "text": "x", "o:tag": tag}
    for path, form in (
        (f"/v3/{DOMAIN}/templates", {"name": name, "template": "<p>x</p>", "tag": tag}),
        (f"/v3/{DOMAIN}/bounces", {"address": address, "code": "550", "error": "no"}),
        (f"/v3/{DOMAIN}/whitelists", {"address": address}),
        (f"/v3/domains/{DOMAIN}/credentials", {"login": "app", "password": "correct-horse-battery"}),
        (f"/v3/{DOMAIN}/messages", sent),
    ):
        reply = await api.call("POST", path, basic=api.full, form=form)
        assert reply.status < 300, reply
    events = (await api.call("GET", f"/v3/{DOMAIN}/events", basic=api.full)).json()["items"]
    pools = (await api.call("GET", "/v3/ip_pools", basic=api.full)).json()["ip_pools"]
    return {"stored": events[0]["storage"]["key"], "poolid": pools[0]["pool_id"]}


async def _made(api: Api, path: str, body: dict[str, Any]) -> Any:
    reply = await api.call("POST", path, key=api.full, json=body)
    assert reply.status < 300, (path, reply)
    return reply.json()


def _nowhere(ids: dict[str, str]) -> dict[str, str]:
    """Of the same forms, but not there."""
    known = {"domain": NOWHERE_DOMAIN, "address": "bad@nowhere.test", "login": f"app@{NOWHERE_DOMAIN}"}
    known |= {"name": "welcome-nowhere", "tag": "notag", "group": "90999", "selector": "nokey"}
    known |= {"pool": "nopool", "ip": "127.0.0.9", "delivery": f"{_other(ids['message'])}.0000"}
    return {kind: known.get(kind) or _other(value) for kind, value in ids.items()}


def _other(id: str) -> str:
    """Another one of the same form: four signs before the last four are other ones."""
    changed = "".join("0" if char.upper() != "0" else "1" for char in id[-8:-4])
    return id[:-8] + changed + id[-4:]


# Asking


def _of_paths(service: Service, kinds: Sequence[str]) -> Iterator[Said]:
    for endpoint in service.endpoints.all:
        if endpoint.path.endswith((*WAITING, *ASKING_DNS, "/problems/{reason}")):
            continue
        names = [name for name in PARAMETER.findall(endpoint.path) if name != "domain"]
        body = None if endpoint.method == "GET" else {}
        if "{domain}" in endpoint.path:
            yield from _filled(endpoint, "<domain>", kinds, names, body)
        if names:
            yield from _filled(endpoint, "<own>", kinds, names, body)


def _filled(
    endpoint: Endpoint, domain: str, kinds: Sequence[str], names: Sequence[str], body: Any
) -> Iterator[Said]:
    fitting = sorted({kind for name in names for kind in FITTING.get(name, kinds)}) or [""]
    for kind in fitting:
        path = PARAMETER.sub(lambda found: domain if found[1] == "domain" else f"<{kind}>", endpoint.path)  # noqa: B023
        yield Said(endpoint.method, path, body)


async def _differences(
    service: Service, api: Api, calls: Sequence[Said], theirs: dict[str, str]
) -> list[tuple[Any, ...]]:
    """The calls that tell something."""
    wrong: list[tuple[Any, ...]] = []
    for asked in calls:
        told = [await _told(service, api, asked, ids) for ids in (theirs, _nowhere(theirs))]
        if told[0] != told[1]:
            wrong.append((*asked, *told))
    return wrong


async def _told(service: Service, api: Api, asked: Said, ids: dict[str, str]) -> tuple[int, str]:
    known = {**ids, "own": OTHER_DOMAIN}
    path = PLACE.sub(lambda found: quote(known[found[1]], safe="@"), asked.path)
    headers, body = {}, b""
    if isinstance(asked.body, str):
        headers["Content-Type"] = FORM
        body = PLACE.sub(lambda found: quote(known[found[1]]), asked.body).encode()
    elif asked.body is not None:
        headers["Content-Type"] = JSON
        text = json.dumps(asked.body).replace('"<group>"', known["group"])  # a number
        body = PLACE.sub(lambda found: known[found[1]], text).encode()
    shown = {"basic" if service.name == "mailgun" else "key": api.others}
    if service.name == "mailpace":
        shown = {"token": api.others}
    reply = await api.call(asked.method, path, body=body, headers=headers, **shown)
    assert reply.status < 500, (asked, reply)
    return _struck(reply, *ids.values())


def _struck(reply: Reply, *said: str) -> tuple[int, str]:
    """Without what the call itself said."""
    text = reply.body.decode("utf-8", "replace")
    for value in sorted({*said, *map(quote, said)}, key=len, reverse=True):
        text = text.replace(value, "<it>")
    return reply.status, MADE.sub("#", PAGES.sub("", text))


def _kept(api: Api) -> dict[str, set[str]]:
    """Every row that is not the caller's, but what only looking or using a key changes."""
    counted = ("mark", "nudge", "schema_step", "credential_use", "tally", "tally_name", "outbox", "quota")
    return {
        name: {repr(row) for row in rows if api.other_id not in row}
        for name, rows in api.books().items()
        if name not in counted
    }
