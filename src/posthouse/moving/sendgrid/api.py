"""Everything that SendGrid's API shows of an account, call by call.

Domains and groups first, because the rest hangs on them. Lists of addresses are read by `limit` and `offset`
up to the moment when reading began, so what is added meanwhile shifts no page; the lists of groups, which the
service answers whole, are read as they arrive.

Public: BASE, headers, read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

from posthouse.moving.reading import asking, each, guarded
from posthouse.moving.sendgrid import settings, shapes
from posthouse.moving.things import Kind, NewApiKey, NewDomain, NewGroup, StaysBehind, Thing
from posthouse.moving.values import as_list, as_object, number_of, text_of
from posthouse.moving.web import Unanswered, Web

BASE = "https://api.sendgrid.com"
_PAGE, _FEW, _TEMPLATES = 500, 50, 200
_MOST_PAGES = 100_000
_NO_PLACE = (
    ("/v3/verified_senders", "results", "verified single senders", "verify their domains instead"),
    ("/v3/subusers", "", "subusers", "make each an account (posthouse account add), import with its own key"),
    ("/v3/ips", "", "IP addresses", "they belong to the service; posthouse ip add takes your own"),
    ("/v3/user/scheduled_sends", "", "paused or cancelled batches", "they hold mail that is there"),
)


def headers(key: str) -> dict[str, str]:
    """A bearer token (RFC 6750)."""
    return {"Authorization": f"Bearer {key}"}


def read(web: Web, now: float, only: Sequence[str] = (), given: str = "") -> Iterator[Thing]:
    """All things of the account; of domains those in `only`. `given`: a key to be kept. Raises Unanswered
    when the key is refused."""
    wanted = (one for one in _domains(web) if not only or _is_one_of(one, only))
    yield from guarded(Kind.DOMAIN, "domains", wanted)
    yield from guarded(Kind.SETTING, "settings", _settings(web))
    groups: list[int] = []
    for thing in guarded(Kind.GROUP, "unsubscribe groups", _groups(web)):
        if isinstance(thing, NewGroup):
            groups.append(thing.number)
        yield thing
    yield from guarded(Kind.TEMPLATE, "templates", _templates(web))
    yield from guarded(Kind.WEBHOOK, "webhooks", _webhooks(web))
    yield from guarded(Kind.API_KEY, "API keys", _api_keys(web, given))
    for word, kind in shapes.KINDS.items():
        rows = _pages(web, f"/v3/suppression/{word}", {"end_time": int(now)})
        what = word.replace("_", " ")
        yield from guarded(
            Kind.SUPPRESSION, what, each(Kind.SUPPRESSION, what, rows, partial(shapes.listed, kind=kind))
        )
    for number in groups:
        what = f"members of group {number}"
        yield from guarded(Kind.SUPPRESSION, what, _members(web, number))
    yield from guarded(Kind.OTHER, "what has no place here", _others(web))


def _is_one_of(thing: Thing, only: Sequence[str]) -> bool:
    return not isinstance(thing, NewDomain) or thing.name in only


def _pages(web: Web, path: str, query: dict[str, Any], most: int = _PAGE) -> Iterator[Any]:
    """The elements of a list that is read by `limit` and `offset`."""
    offset = 0
    for _ in range(_MOST_PAGES):
        page = as_list(asking(partial(web.get, path, {**query, "limit": most, "offset": offset}), []))
        yield from page
        offset += len(page)
        if len(page) < most:
            return


def _domains(web: Web) -> Iterator[Thing]:
    found = _pages(web, "/v3/whitelabel/domains", {}, _FEW)
    yield from each(Kind.DOMAIN, "a domain", found, shapes.domain)


def _settings(web: Web) -> Iterator[Thing]:
    for place, names in (("mail_settings", settings.MAIL), ("tracking_settings", settings.TRACKING)):
        for name in names:
            if found := asking(partial(web.get, f"/v3/{place}/{name}")):
                yield from settings.settings_of(name, found)
    if found := asking(partial(web.get, "/v3/user/settings/enforced_tls")):
        yield from settings.enforced_tls(found)


def _groups(web: Web) -> Iterator[Thing]:
    found = as_list(asking(partial(web.get, "/v3/asm/groups"), []))
    in_order = sorted(found, key=lambda one: number_of(as_object(one), "id"))  # so that numbers can be kept
    yield from each(Kind.GROUP, "a group", in_order, shapes.group)


def _members(web: Web, number: int) -> Iterator[Thing]:
    try:
        found = web.stream(f"/v3/asm/groups/{number}/suppressions")
        read = partial(shapes.group_member, group=number)
        yield from each(Kind.SUPPRESSION, f"a member of group {number}", found, read)
    except Unanswered as error:
        if error.status != 404:
            raise


def _templates(web: Web) -> Iterator[Thing]:
    path, query = "/v3/templates", {"generations": "legacy,dynamic", "page_size": _TEMPLATES}
    for _ in range(_MOST_PAGES):
        page = as_object(asking(partial(web.get, path, query), {}))
        for about in as_list(page.get("result") or page.get("templates")):
            template_id = text_of(as_object(about), "id")
            whole = web.get(f"/v3/templates/{quote(template_id, safe='')}")
            yield from each(Kind.TEMPLATE, template_id, [whole], shapes.template)
        path, query = text_of(as_object(page.get("_metadata") or {}), "next"), {}
        if not path:
            return


def _webhooks(web: Web) -> Iterator[Thing]:
    page = asking(partial(web.get, "/v3/user/webhooks/event/settings/all"))
    if page is None:  # an older API has one, without a list
        page = {"webhooks": [asking(partial(web.get, "/v3/user/webhooks/event/settings"), {})]}
    yield from each(Kind.WEBHOOK, "a webhook", as_list(as_object(page).get("webhooks")), shapes.webhook)


def _api_keys(web: Web, given: str) -> Iterator[Thing]:
    """Names alone; the key that was given comes along with its scopes."""
    page = as_object(asking(partial(web.get, "/v3/api_keys"), {}))
    kept = given.strip().split(".")[1] if given.count(".") == 2 else ""
    is_told = False
    for value in as_list(page.get("result")):
        found = as_object(value)
        if not kept or text_of(found, "api_key_id") != kept:
            yield from each(Kind.API_KEY, "an API key", [found], shapes.api_key)
            continue
        is_told = True
        whole = asking(partial(web.get, f"/v3/api_keys/{quote(kept, safe='')}"), found)
        for thing in shapes.api_key(whole):
            if isinstance(thing, NewApiKey):
                yield replace(thing, secret=given)
    if given and not is_told:
        yield NewApiKey(kept, "", (), given)


def _others(web: Web) -> Iterator[Thing]:
    for path, name, what, do in _NO_PLACE:
        page = asking(partial(web.get, path), {})
        found = as_list(as_object(page).get(name)) if name else page if isinstance(page, list) else []
        if found:
            yield StaysBehind(Kind.OTHER, f"{len(found)} {what}", "it has no counterpart here", do)
