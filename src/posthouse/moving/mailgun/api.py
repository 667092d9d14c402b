"""Everything that Mailgun's API shows of an account, call by call.

Domains first, because the rest hangs on them. Lists are read page by page as `paging.next` says, and only one
page is held.

Public: BASE, headers, read.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from posthouse.moving.mailgun import shapes
from posthouse.moving.reading import asking, each, guarded
from posthouse.moving.things import Kind, NewDomain, NewSigningKey, StaysBehind, Thing
from posthouse.moving.values import as_list, as_object, number_of, text_of
from posthouse.moving.web import Web

BASE = "https://api.mailgun.net"
_PAGE, _TEMPLATES_PAGE = 1000, 100
_MOST_PAGES = 100_000
_LISTS: tuple[tuple[str, str, Kind, Callable[..., Iterator[Thing]]], ...] = (
    ("bounces", "bounces", Kind.SUPPRESSION, shapes.bounce),
    ("unsubscribes", "unsubscribes", Kind.SUPPRESSION, shapes.unsubscribe),
    ("complaints", "complaints", Kind.SUPPRESSION, shapes.complaint),
    ("whitelists", "allow list", Kind.ALLOWED, shapes.allowed),
)
_NO_PLACE = (
    ("/v3/routes", "inbound routes", "Posthouse sends mail and takes none in"),
    ("/v3/lists", "mailing lists", "Posthouse keeps no members of lists"),
    ("/v3/ip_pools", "IP pools", "the addresses belong to the service"),
)


def headers(key: str) -> dict[str, str]:
    """HTTP Basic with the user `api`."""
    return {"Authorization": "Basic " + b64encode(f"api:{key}".encode()).decode()}


def read(web: Web, only: Sequence[str] = ()) -> Iterator[Thing]:
    """All things of the account, or of the domains `only`. Raises Unanswered when the key is refused."""
    names: list[str] = []
    for thing in guarded(Kind.DOMAIN, "domains", _domains(web, only)):
        if isinstance(thing, NewDomain):
            names.append(thing.name)
        yield thing
    yield from guarded(Kind.SIGNING_KEY, "the signing key of webhooks", _signing_key(web))
    for name in names:
        yield from _of_domain(web, name)
    yield from _of_account(web)


def _domains(web: Web, only: Sequence[str]) -> Iterator[Thing]:
    path = "/v4/domains"
    if asking(partial(web.get, path, {"limit": 1})) is None:
        path = "/v3/domains"
    found = _skipping(web, path)
    wanted = (one for one in found if not only or text_of(as_object(one), "name").lower() in only)
    yield from each(Kind.DOMAIN, "a domain", wanted, partial(_domain, web))


def _domain(web: Web, value: Any) -> Iterator[Thing]:
    name = text_of(as_object(value), "name")
    told = asking(partial(web.get, f"/v3/domains/{_word(name)}/tracking"))
    yield from shapes.domain(value, shapes.tracking_pairs(told) if told else ())


def _of_domain(web: Web, name: str) -> Iterator[Thing]:
    place, lists = f"/v3/domains/{_word(name)}", f"/v3/{_word(name)}"
    users = each(Kind.USER, name, _skipping(web, f"{place}/credentials"), shapes.user)
    yield from guarded(Kind.USER, f"users of {name}", users)
    yield from guarded(Kind.WEBHOOK, f"webhooks of {name}", _hooks(web, place, name))
    yield from guarded(Kind.TEMPLATE, f"templates of {name}", _templates(web, f"{lists}/templates", name))
    for word, title, kind, shape in _LISTS:
        what = f"{title} of {name}"
        rows = _pages(web, f"{lists}/{word}", _PAGE)
        yield from guarded(kind, what, each(kind, what, rows, partial(shape, domain=name)))
    yield from guarded(Kind.DKIM_KEY, f"DKIM keys of {name}", _dkim_keys(web, name))


def _of_account(web: Web) -> Iterator[Thing]:
    yield from guarded(Kind.WEBHOOK, "webhooks of the account", _account_hooks(web))
    yield from guarded(Kind.TEMPLATE, "templates of the account", _templates(web, "/v4/templates", ""))
    yield from guarded(Kind.API_KEY, "API keys", _api_keys(web))
    yield from guarded(Kind.OTHER, "what has no place here", _others(web))


# Lists


def _word(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="")


def _skipping(web: Web, path: str) -> Iterator[Any]:
    """The items of a list that counts."""
    skip = 0
    while True:
        page = asking(partial(web.get, path, {"limit": _PAGE, "skip": skip}), {})
        found = as_list(as_object(page).get("items"))
        yield from found
        skip += len(found)
        if len(found) < _PAGE:
            return


def _pages(web: Web, path: str, limit: int) -> Iterator[Any]:
    """The items of a list whose pages name their followers."""
    for page in _following(web, path, limit):
        found = as_list(as_object(page).get("items"))
        if not found:
            return
        yield from found


def _following(web: Web, path: str, limit: int) -> Iterator[Any]:
    """Page after page, until none follows or the last one names itself."""
    place, query, seen = path, {"limit": limit}, ""
    for _ in range(_MOST_PAGES):
        page = as_object(asking(partial(web.get, place, query), {}))
        yield page
        following = text_of(as_object(page.get("paging") or {}), "next")
        if not following or following == seen:
            return
        place, query, seen = following, {}, following


# Kinds


def _hooks(web: Web, place: str, name: str) -> Iterator[Thing]:
    if told := asking(partial(web.get, f"{place}/webhooks")):
        yield from shapes.hooks_of(told, name)


def _templates(web: Web, path: str, domain: str) -> Iterator[Thing]:
    for about in _pages(web, path, _TEMPLATES_PAGE):
        name = text_of(as_object(about), "name")
        held = _versions(web, f"{path}/{_word(name)}/versions")
        yield from each(Kind.TEMPLATE, name, held, partial(shapes.version, domain=domain))


def _versions(web: Web, path: str) -> Iterator[Any]:
    """Each with its content, which only a call of its own tells."""
    for page in _following(web, path, _TEMPLATES_PAGE):
        tags = shapes.tags_of(page)
        if not tags:
            return
        for tag in tags:
            yield web.get(f"{path}/{_word(tag)}")


def _dkim_keys(web: Web, name: str) -> Iterator[Thing]:
    page = as_object(asking(partial(web.get, f"/v4/domains/{_word(name)}/keys"), {}))
    for value in as_list(page.get("items")):
        selector = text_of(as_object(value), "selector")
        do = f"new ones are made here; or give yours in a file {selector}._domainkey.{name}.pem"
        why = "the service shows nobody the private half"
        yield StaysBehind(Kind.DKIM_KEY, f"{selector} of {name}", why, do)


def _account_hooks(web: Web) -> Iterator[Thing]:
    page = as_object(asking(partial(web.get, "/v1/webhooks"), {}))
    found = as_list(page.get("webhooks"))
    yield from each(Kind.WEBHOOK, "a webhook of the account", found, shapes.account_hook)


def _signing_key(web: Web) -> Iterator[Thing]:
    found = as_object(asking(partial(web.get, "/v5/accounts/http_signing_key"), {}))
    if key := text_of(found, "http_signing_key"):
        yield NewSigningKey(key.encode())


def _api_keys(web: Web) -> Iterator[Thing]:
    page = as_object(asking(partial(web.get, "/v1/keys"), {}))
    yield from each(Kind.API_KEY, "an API key", as_list(page.get("items")), shapes.api_key)


def _others(web: Web) -> Iterator[Thing]:
    for path, what, why in _NO_PLACE:
        page = as_object(asking(partial(web.get, path), {}))
        number = number_of(page, "total_count") or len(as_list(page.get("items") or page.get("ip_pools")))
        if number:
            yield StaysBehind(Kind.OTHER, f"{number} {what}", why)
