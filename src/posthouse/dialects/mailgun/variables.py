"""`X-Mailgun-Recipient-Variables` and `X-Mailgun-Variables`: data for each recipient and for the message.

Documented: both are JSON objects; the first switches to a copy for each recipient, even when it is `{}`, and
never stays in the mail; the second is repeatable, later values win, is visible in the mail and comes back in
events, there cut above 4 KB. Addresses are compared without case (our decision).

Public: read_recipient_variables, read_user_variables, METADATA_BYTES.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from posthouse.dialects.mailgun.headers import Reading, refusal
from posthouse.dialects.mailgun.json_header import object_of
from posthouse.model.address import BadAddress, parse_address

RECIPIENT_VARIABLES = "x-mailgun-recipient-variables"
USER_VARIABLES = "x-mailgun-variables"
METADATA_BYTES = 4096  # of JSON, in each event


def read_recipient_variables(reading: Reading) -> None:
    """A wrong value refuses the letter: sent as it is, it would show everybody all addresses."""
    found = reading.last(RECIPIENT_VARIABLES)
    if found is None:
        return
    given = object_of(found.header.raw)
    if given is None or any(not isinstance(own, dict | None) for own in given.values()):
        raise refusal("'recipient-variables' parameter is not a valid JSON")
    by_address = {_lookup_form(address): own or {} for address, own in given.items()}
    wanted = dict.fromkeys([address.lower() for address in reading.context.recipients])
    variables = {address: by_address[address] for address in wanted if address in by_address}
    reading.wishes.variables = variables
    reading.set("to_each", True, found.header.title)
    reading.set("percent", True, found.header.title)
    missing = len(wanted) - len(variables)
    if given and missing:
        effect = f"a copy for each recipient; no values for {missing} of {len(wanted)}, their tags stay"
    else:
        effect = "a copy for each recipient, with its own values" if given else "a copy for each recipient"
    reading.tell(found, effect, is_warning=bool(given and missing))


def _lookup_form(address: str) -> str:
    """The spelling of the envelope, in lower case."""
    if '"' not in address:
        address = "".join(address.split())  # a relay cut the long header inside of it
    if address.isascii():
        return address.strip().lower()
    try:
        return str(parse_address(address.strip())).lower()
    except BadAddress:
        return address.strip().lower()


def read_user_variables(reading: Reading) -> None:
    """The message's own data. One header stays as it came; several become one."""
    merged: dict[str, Any] = {}
    found = reading.all(USER_VARIABLES)
    good = 0
    for each in found:
        given = object_of(each.header.raw)
        if given is None:
            reading.tell(each, "ignored: not a JSON object; not delivered either", is_warning=True)
            continue
        good += 1
        merged |= given
        reading.tell(each, "data of the message, returned in its events")
    if not good:
        return
    if good == len(found) == 1:
        reading.wishes.keep.add(USER_VARIABLES)
    else:
        reading.set("add_fields", (("X-Mailgun-Variables", json.dumps(merged)),), found[-1].header.title)
    metadata = _within_limit(merged)
    reading.set("metadata", metadata, found[-1].header.title)
    if len(metadata) < len(merged):
        left = ", ".join([key for key in merged if key not in metadata])[:200]
        reading.tell(found[-1], f"over 4 KB: missing in events: {left}", is_warning=True)
        # a template gets all of it
        reading.set("template_vars", merged, found[-1].header.title)


def _within_limit(data: dict[str, Any]) -> dict[str, Any]:
    """The members that fit into the limit together, from the first on."""
    room = METADATA_BYTES
    kept: dict[str, Any] = {}
    for key, value in data.items():
        size = len(msgspec.json.encode({key: value}))
        if size <= room:
            kept[key] = value
            room -= size
    return kept
