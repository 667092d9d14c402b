"""What holds for all mail of a domain, in Mailgun's words: tracking, connections, the links' prefix.

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posthouse.dialects.reading import UNSUBSCRIBE_HTML, UNSUBSCRIBE_TEXT
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun import domain_shapes
from posthouse.doors.api.mailgun.asked import fields_of, required, switch
from posthouse.doors.api.mailgun.domains import (
    CONNECTION,
    both,
    change_settings,
    known,
    switches,
    tracking_pair,
)
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.account import Domain, DomainSettings
from posthouse.model.options import CLICKS_ALL, CLICKS_HTML, CLICKS_OFF

_READ, _WRITE = "domains.read", "domains.write"
_UPDATED = "Domain tracking settings have been updated"
_HTMLONLY = "htmlonly"
_CLICKS = {CLICKS_ALL: True, CLICKS_HTML: _HTMLONLY}


def _open(settings: DomainSettings) -> dict[str, Any]:
    return {"active": bool(settings.track_opens), "place_at_the_top": settings.pixel_at_top}


def _click(settings: DomainSettings) -> dict[str, Any]:
    return {"active": _CLICKS.get(settings.track_clicks, False)}


def _unsubscribe(settings: DomainSettings) -> dict[str, Any]:
    return {
        "active": settings.unsubscribe,
        "html_footer": settings.unsubscribe_html or UNSUBSCRIBE_HTML,
        "text_footer": settings.unsubscribe_text or UNSUBSCRIBE_TEXT,
    }


async def _get_tracking(call: Call) -> Answer:
    domain = (await known(call, call.domain.name)).domain
    links = domain_shapes.links_of(domain, call.parts.settings.tracking.url)
    tracking = {
        "click": _click(domain.settings),
        "open": _open(domain.settings),
        "unsubscribe": _unsubscribe(domain.settings),
        "web_scheme": links.scheme,
    }
    return json_answer({"tracking": tracking})


async def _put_open(call: Call) -> Answer:
    form = await fields_of(call)
    pairs = switches(form, {"active": "track_opens", "place_at_the_top": "pixel_at_top"})
    domain = await _changed(call, pairs)
    return json_answer({"message": _UPDATED, "open": _open(domain.settings)})


async def _put_click(call: Call) -> Answer:
    active = required(await fields_of(call), "active").lower()
    if active == _HTMLONLY:
        clicks = CLICKS_HTML
    else:
        clicks = CLICKS_ALL if switch(active, "active") else CLICKS_OFF
    domain = await _changed(call, [f"track_clicks={clicks}"])
    return json_answer({"message": _UPDATED, "click": _click(domain.settings)})


async def _put_unsubscribe(call: Call) -> Answer:
    form = await fields_of(call)
    pairs = switches(form, {"active": "unsubscribe"})
    for field, name in (("html_footer", "unsubscribe_html"), ("text_footer", "unsubscribe_text")):
        if field in form:
            pairs.append(f"{name}={form.get(field)}")
    domain = await _changed(call, pairs)
    return json_answer({"message": _UPDATED, "unsubscribe": _unsubscribe(domain.settings)})


async def _changed(call: Call, pairs: Sequence[str]) -> Domain:
    if not pairs:
        raise said("Missing mandatory parameter: active")
    domain: Domain = await call.write(change_settings, call.account_id, call.domain.name, pairs)
    return domain


async def _get_connection(call: Call) -> Answer:
    settings = (await known(call, call.domain.name)).domain.settings
    told = {name: getattr(settings, name) for name in CONNECTION}
    # mailgun-go, -java and -php read the inner object, others what stands beside it
    return json_answer({"connection": told, **told})


async def _put_connection(call: Call) -> Answer:
    form = await fields_of(call)
    pairs = switches(form, {name: name for name in CONNECTION})
    if not pairs:
        raise said("Missing mandatory parameter: require_tls")
    settings = (await _changed(call, pairs)).settings
    message = "Domain connection settings have been updated, may take 10 minutes to fully propagate"
    told = {name: getattr(settings, name) for name in CONNECTION}
    return json_answer({"message": message, **told})


async def _put_authority(call: Call) -> Answer:
    """Each domain signs for itself: there is nothing to change."""
    form = await fields_of(call)
    if not switch(form.get("self") or "yes", "self"):
        raise said("A domain is its own DKIM authority here: there is no other one to choose")
    records = domain_shapes.sending_records(await known(call, call.domain.name))
    message = "Domain DKIM authority has not been changed"
    return json_answer({"message": message, "changed": False, "sending_dns_records": records})


async def _put_prefix(call: Call) -> Answer:
    prefix = required(await fields_of(call), "web_prefix").lower()
    domain = (await known(call, call.domain.name)).domain
    await _changed(call, [tracking_pair(call, domain, prefix=prefix)])
    return json_answer({"message": "Domain web prefix updated"})


ENDPOINTS: tuple[Endpoint, ...] = (
    *both("GET", "/domains/{domain}/tracking", _READ, _get_tracking),
    *both("PUT", "/domains/{domain}/tracking/open", _WRITE, _put_open),
    *both("PUT", "/domains/{domain}/tracking/click", _WRITE, _put_click),
    *both("PUT", "/domains/{domain}/tracking/unsubscribe", _WRITE, _put_unsubscribe),
    *both("GET", "/domains/{domain}/connection", _READ, _get_connection),
    *both("PUT", "/domains/{domain}/connection", _WRITE, _put_connection),
    *both("PUT", "/domains/{domain}/dkim_authority", _WRITE, _put_authority),
    *both("PUT", "/domains/{domain}/web_prefix", _WRITE, _put_prefix),
)
