"""The dialects that there are. A new one is a folder and a line here (docs/adding-a-dialect.md).

Public: DIALECTS, HOOK_FORMS, speaker, speaker_for, session_limits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from posthouse.dialects import mailgun, mailpace, native, sendgrid
from posthouse.dialects.dialect import Dialect, SessionLimits
from posthouse.dialects.mailgun import events as mailgun_events
from posthouse.dialects.mailpace import events as mailpace_events
from posthouse.dialects.native import events as native_events
from posthouse.dialects.sendgrid import events as sendgrid_events
from posthouse.model.errors import SettingsError
from posthouse.model.hook import HookForm

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect for dialect in (mailgun.DIALECT, sendgrid.DIALECT, mailpace.DIALECT, native.DIALECT)
}

HOOK_FORMS: dict[str, HookForm] = {
    mailgun.DIALECT.name: mailgun_events.FORM,
    sendgrid.DIALECT.name: sendgrid_events.FORM,
    mailpace.DIALECT.name: mailpace_events.FORM,
    native.DIALECT.name: native_events.FORM,
}


def speaker(name: str) -> Dialect:
    """The dialect of a credential; native for one that a later version made."""
    return DIALECTS.get(name, native.DIALECT)


def speaker_for(user: str, password: str) -> Dialect:
    """In whose words a failed sign-in is answered: the form of the user name tells which service's customer
    is trying."""
    name = user.strip()
    if name.lower() == "apikey" or name.startswith("SG."):
        return speaker("sendgrid")
    if name and name == password.strip():
        return speaker("mailpace")
    return speaker("mailgun")


def session_limits(
    messages: Iterable[tuple[str, int]], connections: Iterable[tuple[str, int]]
) -> dict[str, SessionLimits]:
    """The settings `limits.connection_messages` and `limits.address_connections` over the dialects' own.

    Raises SettingsError for a dialect that is not there.
    """
    limits = {name: dialect.words.limits for name, dialect in DIALECTS.items()}
    for name, number in messages:
        _must_be_there("limits.connection_messages", name)
        limits[name] = replace(limits[name], messages_per_connection=number)
    for name, number in connections:
        _must_be_there("limits.address_connections", name)
        limits[name] = replace(limits[name], connections_per_address=number)
    return limits


def _must_be_there(setting: str, name: str) -> None:
    if name not in DIALECTS:
        raise SettingsError(f"{setting}: {name} is not a dialect; there are {', '.join(DIALECTS)}")
