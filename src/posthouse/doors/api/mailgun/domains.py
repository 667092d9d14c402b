"""Mailgun's calls about sending domains: listed, made, changed, verified in DNS, removed (mailgun.md 5.6).

v3 and v4 are the same calls. What programs say by habit and what has no effect here, such as `wildcard`, is
told in the answer's message; what would be a promise that nobody keeps (`encrypt_incoming_message`, another
`message_ttl`) is refused. Every domain is its own DKIM authority, whatever `force_dkim_authority` says.

Public: ENDPOINTS, CONNECTION, known, switches, tracking_pair, change_settings, assign_ips, both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from msgspec import structs

from posthouse.desk import (
    claims,
    credentials,
    domain_settings,
    domains,
    egress,
)
from posthouse.desk.domain_keys import selector_name
from posthouse.desk.domain_names import new_name
from posthouse.doors.api import sending_domains
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.bodies import Form
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint, Handler
from posthouse.doors.api.mailgun import domain_shapes
from posthouse.doors.api.mailgun.asked import fields_of, listed, most_of, required, switch, whole
from posthouse.doors.api.mailgun.domain_shapes import SYSTEM_USER, Known
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.account import DEFAULTS, Domain, DomainSettings
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store import identity
from posthouse.store.connection import Connection
from posthouse.store.egress import find_pool

_READ, _WRITE = "domains.read", "domains.write"
_MOST = 1000
_STATES = ("active", "unverified", "disabled")
_SPAM = ("disabled", "block", "delete", "tag")
_SCHEMES = ("http", "https")
_OFF = ("", "no", "false", "0", "disabled")
_WITHOUT_EFFECT = {
    "spam_action": "Posthouse keeps no incoming mail",
    "wildcard": "Posthouse keeps no incoming mail",
    "use_automatic_sender_security": "publish the DKIM records as they are",
    "force_root_dkim_host": "DKIM records stand below the domain",
    "dkim_host_name": "DKIM records stand below the domain",
}
"""Field -> why."""
_AUTOMATIC = "use_automatic_sender_security"
CONNECTION = ("require_tls", "skip_verification")


def _shown(call: Call, domain: Domain) -> dict[str, Any]:
    settings = call.parts.settings
    return domain_shapes.shown(domain, settings.tracking.url, settings.keep.content_days * 86400.0)


async def known(call: Call, name: str) -> Known:
    """What is known of the account's domain of that name. Raises Refused, TryLater."""
    found: Known = await call.read(domain_shapes.known_of, call.parts.settings, call.account_id, name)
    return found


async def _whole(call: Call, name: str, message: str = "") -> Answer:
    found = await known(call, name)
    told: dict[str, Any] = {"message": message} if message else {}
    shown = _shown(call, found.domain)
    again = {_AUTOMATIC: shown[_AUTOMATIC]}  # it stands at both places
    return json_answer({**told, "domain": shown, **again, **domain_shapes.with_records(found)})


# Looking


async def _list(call: Call) -> Answer:
    form = await fields_of(call)
    skip, most = whole(form.get("skip"), "skip", 0), most_of(form, 100, _MOST)
    found: list[Domain] = await call.read(identity.list_domains, call.account_id)
    chosen = [domain for domain in found if call.is_here(domain) and _is_wanted(domain, form)]
    _sort(chosen, form.get("sort").strip().lower())
    items = [_shown(call, domain) for domain in chosen[skip : skip + most]]
    return json_answer({"total_count": len(chosen), "items": items})


def _is_wanted(domain: Domain, form: Form) -> bool:
    state = form.get("state").strip().lower()
    if state and state not in _STATES:
        raise said(f"Invalid state: use one of {', '.join(_STATES)}")
    is_state = not state or state == ("active" if domain.verified_at is not None else "unverified")
    authority = form.get("authority").strip().lower()
    return is_state and form.get("search").strip().lower() in domain.name and authority in ("", domain.name)


def _sort(found: list[Domain], order: str) -> None:
    """The newest first, where nobody says otherwise."""
    if order not in ("", "name", "name:asc", "name:desc"):
        raise said("Invalid sort: use name, name:asc or name:desc")
    if order:
        found.sort(key=lambda domain: domain.name, reverse=order == "name:desc")
    else:
        found.sort(key=lambda domain: (domain.created_at, domain.id), reverse=True)


async def _get(call: Call) -> Answer:
    return await _whole(call, call.domain.name)


# Making


async def _create(call: Call) -> Answer:
    form = await fields_of(call)
    name = call.about = new_name(required(form, "name"))
    selector = selector_name(form.get("dkim_selector"), name) if form.get("dkim_selector").strip() else ""
    if whole(form.get("dkim_key_size"), "dkim_key_size", 2048) not in (1024, 2048):
        raise said("Invalid dkim_key_size: use 1024 or 2048; every key has 2048 bits here")
    blank = Domain("", call.account_id, name, call.parts.settings.region, None, call.now)
    pairs = _pairs(form, blank, call) + await _pool_pairs(call, form)
    settings = _remembering(domain_settings.changed(DEFAULTS, pairs), form)
    is_proven = await _may_add(call, name)  # before keys are made for nothing
    draft = await sending_domains.draft(call, name, settings=settings)
    if selector:
        draft = replace(draft, keys=_at_selector(draft.keys, selector))
    ips = listed(form, "ips")
    await call.write(_store, call, draft, form.get("smtp_password") or None, is_proven, ips)
    return await _whole(call, name, "Domain DNS records have been created" + _without_effect(form))


def _without_effect(form: Form) -> str:
    """What of a call has none, as sentences behind the usual message."""
    said_of = [
        f". {field} has no effect: {why}"
        for field, why in _WITHOUT_EFFECT.items()
        if form.get(field).strip().lower() not in _OFF
    ]
    if form.get("dkim_key_size").strip() == "1024":
        said_of.append(". dkim_key_size has no effect: every key has 2048 bits")
    return "".join(said_of)


def _at_selector(keys: Sequence[Any], selector: str) -> tuple[Any, ...]:
    """The first key signs at this selector; one that stands by there takes the first one's."""
    first = keys[0].selector
    return (
        replace(keys[0], selector=selector),
        *[replace(key, selector=first) if key.selector == selector else key for key in keys[1:]],
    )


async def _may_add(call: Call, name: str) -> bool:
    """Has the account shown in DNS that a domain of another one is its own? Raises Refused where it must."""
    try:
        await call.read(claims.refuse_foreign, call.account_id, name)
    except Refused as refused:
        if refused.reason == "exists":
            raise said(f"This domain name is already taken: {name}") from refused
        if refused.reason != claims.TAKEN:
            raise
        await sending_domains.prove(call, name)
        return True
    return False


def _store(
    conn: Connection,
    call: Call,
    draft: domains.Draft,
    password: str | None,
    is_proven: bool,
    ips: Sequence[str],
) -> None:
    domain = domains.create_for(conn, call.account_id, draft, is_proven=is_proven)
    if password is not None:
        _set_password(conn, call, domain.name, password)
    if ips:
        assign_ips(conn, call.parts.ids, call.account_id, domain.name, ips)


def assign_ips(conn: Connection, ids: Ids, account_id: str, name: str, ips: Sequence[str]) -> None:
    """Addresses for a domain alone: a pool of its name, inside the caller's transaction. Raises Refused."""
    pool = egress.put_pool(conn, ids, account_id, name, ips)
    change_settings(conn, account_id, name, [f"ip_pool={pool.id}"])


def _set_password(conn: Connection, call: Call, name: str, password: str) -> None:
    login = f"{SYSTEM_USER}@{name}"
    is_there = identity.find_credential(conn, login) is not None
    change: Callable[..., Any] = credentials.reset if is_there else credentials.issue
    parts = call.parts
    change(
        conn,
        parts.installation,
        parts.ids,
        call.now,
        account_id=call.account_id,
        login=login,
        chosen=password,
        maker=call.principal.login,
    )


async def _pool_pairs(call: Call, form: Form) -> list[str]:
    """The pool that a call names, as a setting. Raises Said."""
    named = form.get("pool_id").strip()
    if not named:
        return []
    if listed(form, "ips"):
        raise said("ips and pool_id exclude each other: a domain sends from a pool or from its own addresses")
    found = await call.read(find_pool, call.account_id, named)
    if found is None:
        raise said("IP pool not found", 404)
    return [f"ip_pool={found.id}"]


# Changing


def _pairs(form: Form, domain: Domain, call: Call) -> list[str]:
    """What a call says about a domain, as settings of ours. Raises Problem, Said."""
    _refuse_promises(form, domain, call)
    pairs = switches(form, {name: name for name in CONNECTION})
    if "archive_to" in form:
        pairs.append(f"archive_url={form.get('archive_to').strip()}")
    scheme, prefix = form.get("web_scheme").strip().lower(), form.get("web_prefix").strip().lower()
    if scheme and scheme not in _SCHEMES:
        raise said("Invalid web_scheme: use http or https")
    if scheme or prefix:
        pairs.append(tracking_pair(call, domain, prefix=prefix, scheme=scheme))
    return pairs


def switches(form: Form, names: Mapping[str, str]) -> list[str]:
    """The switches that a call says, as settings of ours; `names`: field -> setting. Raises Problem."""
    return [
        f"{name}={'yes' if switch(form.get(field), field) else 'no'}"
        for field, name in names.items()
        if form.get(field).strip()
    ]


def tracking_pair(call: Call, domain: Domain, *, prefix: str = "", scheme: str = "") -> str:
    """The setting for links of the domain under another prefix or scheme. Raises Refused."""
    if prefix:
        new_name(f"{prefix}.{domain.name}")
    url = domain_shapes.tracking_url(domain, call.parts.settings.tracking.url, prefix=prefix, scheme=scheme)
    return f"tracking_url={url}"


def _refuse_promises(form: Form, domain: Domain, call: Call) -> None:
    if (spam := form.get("spam_action").strip().lower()) and spam not in _SPAM:
        raise said(f"Invalid spam_action: use one of {', '.join(_SPAM)}")
    if form.get("encrypt_incoming_message").strip() and switch(
        form.get("encrypt_incoming_message"), "encrypt_incoming_message"
    ):
        raise said("encrypt_incoming_message is not available: Posthouse keeps no incoming mail")
    ttl = round(call.parts.settings.keep.content_days * 86400)
    if whole(form.get("message_ttl"), "message_ttl", ttl) != ttl:
        raise said(f"message_ttl is {ttl} for all domains here: its operator sets it (keep.content_days)")
    if form.get("mailfrom_host").strip().lower() not in ("", f"return.{domain.name}"):
        raise said(f"mailfrom_host is return.{domain.name} here and cannot be changed")


async def _update(call: Call) -> Answer:
    form = await fields_of(call)
    pairs = _pairs(form, call.domain, call) + await _pool_pairs(call, form)
    await call.write(_change, call, pairs, form)
    return await _whole(call, call.domain.name, "Domain has been updated" + _without_effect(form))


def _change(conn: Connection, call: Call, pairs: Sequence[str], form: Form) -> None:
    name = call.domain.name

    def change(settings: DomainSettings) -> DomainSettings:
        return _remembering(domain_settings.changed(settings, pairs), form)

    domains.change_settings(conn, call.account_id, name, change)
    if password := form.get("smtp_password"):
        _set_password(conn, call, name, password)
    if ips := listed(form, "ips"):
        assign_ips(conn, call.parts.ids, call.account_id, name, ips)


def _remembering(settings: DomainSettings, form: Form) -> DomainSettings:
    """With what a call says that has no effect, for those who read it back. Raises Problem."""
    idle = domain_shapes.without_effect(settings)
    found = dict(idle)
    for name in idle:
        text = form.get(name).strip().lower()
        if name == "spam_action":
            found[name] = text or found[name]
        elif text:
            found[name] = "yes" if switch(text, name) else "no"
    if found == idle:
        return settings
    return structs.replace(settings, remembered=tuple(f"{name}={text}" for name, text in found.items()))


def change_settings(conn: Connection, account_id: str, name: str, pairs: Sequence[str]) -> Domain:
    """Apply `key=value` pairs to a domain's settings, inside the caller's transaction. Raises Refused."""
    return domains.change_settings(
        conn, account_id, name, lambda settings: domain_settings.changed(settings, pairs)
    )[0]


async def _verify(call: Call) -> Answer:
    """A look at DNS now, as `posthouse domain verify` takes."""
    await sending_domains.look(call, call.domain.name)
    return await _whole(call, call.domain.name, "Domain DNS records have been updated")


async def _remove(call: Call) -> Answer:
    def answer(_: str) -> Answer:
        return json_answer({"message": "Domain will be deleted in the background"})

    return await call.write_once(answer, domains.remove, call.account_id, call.domain.name)


def both(method: str, path: str, action: str, handler: Handler) -> tuple[Endpoint, ...]:
    """The same call in v3 and in v4."""
    return tuple(Endpoint(method, f"/{version}{path}", action, handler) for version in ("v3", "v4"))


ENDPOINTS: tuple[Endpoint, ...] = (
    *both("GET", "/domains", _READ, _list),
    *both("POST", "/domains", _WRITE, _create),
    *both("GET", "/domains/{domain}", _READ, _get),
    *both("PUT", "/domains/{domain}", _WRITE, _update),
    *both("DELETE", "/domains/{domain}", _WRITE, _remove),
    *both("PUT", "/domains/{domain}/verify", _WRITE, _verify),
)
