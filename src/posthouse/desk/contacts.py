"""What is known of recipients: time zones that were set, or that clicks showed.

Public: set_zone, known, page, cursor_of.
"""

from __future__ import annotations

import base64
import binascii
from difflib import get_close_matches
from typing import Any
from zoneinfo import available_timezones

from posthouse.model.address import BadAddress, parse_address
from posthouse.model.errors import Refused
from posthouse.store import contacts, visits
from posthouse.store.connection import Connection
from posthouse.store.contacts import Contact


def set_zone(conn: Connection, account_id: str, address: str, time_zone: str) -> dict[str, Any]:
    """Note a recipient's time zone, "" forgets it; inside the caller's transaction. Raises Refused."""
    name, zone = _address(address), _zone(time_zone)
    if zone:
        contacts.set_zone(conn, account_id, name, zone)
    else:
        contacts.remove_contact(conn, account_id, name)
    return {"address": name, "time_zone": zone}


def known(conn: Connection, account_id: str, address: str) -> dict[str, Any]:
    """Events keep an address as it was written, contacts in lower case. Raises Refused."""
    name = _address(address)
    zone, source = contacts.zones_of(conn, account_id, [name]).get(name, ""), "set"
    if not zone:
        zone, source = visits.last_click_zone(conn, account_id, address), "click"
    return {
        "address": name,
        "time_zone": zone,
        "source": source if zone else "",
        "engagements": len(visits.engagement_hours(conn, account_id, address)),
    }


def page(conn: Connection, account_id: str, cursor: str, limit: int) -> list[Contact]:
    """Those whose zone was set, in alphabetical order, behind the cursor's. Raises Refused."""
    try:
        after = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise _refused("This is not a cursor; take one that a page gave", "bad-cursor") from error
    return contacts.list_contacts(conn, account_id, limit, after.replace("\0", ""))


def cursor_of(contact: Contact) -> str:
    """What names the contact as the place where a next page goes on."""
    return base64.urlsafe_b64encode(contact.address.encode()).decode().rstrip("=")


def _address(text: str) -> str:
    try:
        return str(parse_address(text.strip())).lower()
    except BadAddress as error:
        raise _refused(f"not an address: {error}", "bad-address") from error


def _zone(text: str) -> str:
    """A name of the zone database, as it is written there."""
    if not text:
        return ""
    names = {zone.lower(): zone for zone in available_timezones()}
    if text.lower() in names:
        return names[text.lower()]
    near = get_close_matches(text.lower(), names, n=1)
    hint = f"; did you mean {names[near[0]]}?" if near else "; write it as Europe/Berlin"
    raise _refused(f"there is no time zone {text[:100]}{hint}", "bad-zone")


def _refused(text: str, reason: str) -> Refused:
    return Refused(501, "5.5.4", text, reason=reason)
