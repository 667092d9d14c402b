"""From, to, cc and bcc of a send call: address lists as programs write them, and who gets a copy.

In batch mode (`recipient-variables`) every recipient of `to` gets a mail of its own, and every address of
`cc` and `bcc` one more copy of each of these, with that recipient's values (service behaviour, observed).

Public: People, parse_people, recipients_of, MOST_RECIPIENTS, MOST_COPIES.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from posthouse.mail.addresses import Mailbox, parse_mailboxes
from posthouse.model.address import BadAddress, parse_address
from posthouse.model.errors import Refused
from posthouse.model.message import Recipient
from posthouse.model.options import NOBODY_SPECIAL, RecipientOptions
from posthouse.rules.policy import judge_recipient

MOST_RECIPIENTS = 1_000  # documented, of to, cc and bcc together
MOST_COPIES = 10_000
_ANGLE = re.compile(r"([^<>@]{0,1000})<([^<>\s]{1,1000})>\s*\Z")


class People(msgspec.Struct, frozen=True):
    """Mailboxes as they were written, in their order."""

    to: Sequence[Mailbox]
    cc: Sequence[Mailbox] = ()
    bcc: Sequence[Mailbox] = ()


def parse_people(field: str, values: Iterable[str]) -> list[Mailbox]:
    """All mailboxes of a parameter, which may be repeated and hold lists. Raises Refused in the service's
    words: one bad address refuses the whole call."""
    found: list[Mailbox] = []
    for value in values:
        try:
            found += _mailboxes(value)
        except BadAddress as error:
            raise _bad_address(field) from error
    return found


def _bad_address(field: str) -> Refused:
    text = f"{field} parameter is not a valid address. please check documentation"
    return Refused(501, "5.1.3", text, reason="bad-address")


def _mailboxes(value: str) -> list[Mailbox]:
    value = value.strip(" \t\r\n,;")
    try:
        return parse_mailboxes(value.encode("utf-8", "surrogateescape"))
    except BadAddress:
        # a name with a comma or dot that lacks its quotes: the only angle address counts
        match = _ANGLE.match(value)
        if match is None:
            raise
        return [Mailbox(match[1].strip().strip('"'), parse_address(match[2]))]


def recipients_of(people: People, variables: Mapping[str, Any] | None) -> list[Recipient]:
    """Who gets a copy. `variables`: of `recipient-variables`, None without batch mode. Raises Refused."""
    to, cc, bcc = _judged(people)
    if variables is None:
        return [_recipient(each) for each in _once((*to, *cc, *bcc))]
    copied = _once((*cc, *bcc))
    if len(to) * (1 + len(copied)) > MOST_COPIES:
        text = (
            "Too many recipients: every cc and bcc gets a copy of each mail of the batch, and that makes"
            f" more than {MOST_COPIES}"
        )
        raise Refused(550, "5.5.3", text, reason="too-many")
    by_address = {address.lower(): own for address, own in variables.items() if isinstance(own, dict)}
    found = [_recipient(each) for each in to]
    for each in to:
        address = str(each.address)
        own = by_address.get(address.lower(), {})
        found += [_recipient(copy, RecipientOptions(copy_of=address, variables=own)) for copy in copied]
    return found


def _judged(people: People) -> list[list[Mailbox]]:
    """Each list without doubles, all together within the limit."""
    kinds = []
    for name, mailboxes in (("to", people.to), ("cc", people.cc), ("bcc", people.bcc)):
        once = _once(mailboxes)
        for each in once:
            try:
                judge_recipient(each.address)
            except Refused as error:
                raise _bad_address(name) from error
        kinds.append(once)
    if sum(map(len, kinds)) > MOST_RECIPIENTS:
        text = f"Too many recipients, max is {MOST_RECIPIENTS}"
        raise Refused(550, "5.5.3", text, reason="too-many")
    return kinds


def _once(mailboxes: Iterable[Mailbox]) -> list[Mailbox]:
    """The first of each address, which may differ in case (documented: doubles are dropped)."""
    found: dict[str, Mailbox] = {}
    for each in mailboxes:
        found.setdefault(str(each.address).lower(), each)
    return list(found.values())


def _recipient(mailbox: Mailbox, options: RecipientOptions = NOBODY_SPECIAL) -> Recipient:
    return Recipient(str(mailbox.address), mailbox.address.domain, options=options)
