"""Who gets a copy: the envelope's recipients, or those that an option header names, each with its own values.

Rules, where a header names recipients (service behaviour documented, the mix of both our decision):
- an only RCPT is a placeholder and gets nothing; of several, those that the header does not name get the
  letter too, without values; nobody gets it twice;
- an entry that is no address concerns that entry alone: it is dropped and told in an event.

Public: recipients_of, with_blind_copies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from posthouse.dialects.dialect import Person, Wishes
from posthouse.mail.addresses import parse_mailboxes
from posthouse.mail.percent import personal_metadata
from posthouse.mail.words import decode_words
from posthouse.model.address import Address, BadAddress, parse_address
from posthouse.model.errors import Refused
from posthouse.model.message import Recipient
from posthouse.model.options import NOBODY_SPECIAL, RecipientOptions, Seen
from posthouse.rules.policy import judge_recipient

MAX_BLIND_COPIES = 10
INVALID = "invalid-address"

_NOWHERE = "invalid"  # RFC 2606 2: a domain that never is one
_ANGLE = re.compile(r"([^<>]*)<([^<>\s]{1,400})>\s*\Z")

Unqualified = Callable[[str], bool]


def recipients_of(
    envelope: list[Recipient], wishes: Wishes, allow_unqualified: Unqualified
) -> tuple[list[Recipient], list[Seen]]:
    """The recipients to be, and what there is to say about them."""
    seen: list[Seen] = []
    if wishes.people:
        found = _named(envelope, wishes.people, allow_unqualified, seen)
    elif wishes.people_by_place:
        found = _by_place(envelope, wishes.people_by_place)
    else:
        found = envelope
    if wishes.variables is not None:
        metadata = wishes.values.get("metadata")
        if "%recipient" not in str(metadata):
            metadata = None
        found = [_with_variables(each, wishes.variables, metadata) for each in found]
    return found, seen


def with_blind_copies(
    recipients: list[Recipient], copies: Sequence[str], allow_unqualified: Unqualified
) -> tuple[list[Recipient], list[Seen]]:
    """One more copy of every mail for each address of `copies`; links in it are its recipient's."""
    seen: list[Seen] = []
    if len(copies) > MAX_BLIND_COPIES:
        seen.append(Seen("", "", f"only the first {MAX_BLIND_COPIES} blind copies are made", True))
    extra: list[Recipient] = []
    for written in copies[:MAX_BLIND_COPIES]:
        try:
            address, _ = _mailbox(written, allow_unqualified)
        except BadAddress as error:
            seen.append(Seen("", written, f"no blind copy is made: {error}", True))
            continue
        extra += [
            Recipient(
                str(address),
                address.domain,
                notify=each.notify,
                options=replace(each.options, copy_of=each.address),
                deliver_at=each.deliver_at,
            )
            for each in recipients
            if not each.drop_reason
        ]
    return recipients + extra, seen


def _named(
    envelope: list[Recipient], people: Sequence[Person], allow_unqualified: Unqualified, seen: list[Seen]
) -> list[Recipient]:
    by_address = {each.address.lower(): each for each in envelope}
    placeholder = envelope[0] if len(envelope) == 1 else None
    found = [_named_one(person, by_address, placeholder, allow_unqualified) for person in people]
    if not placeholder:
        named = {each.address.lower() for each in found}
        others = [each for each in envelope if each.address.lower() not in named]
        if others:
            shown = ", ".join([each.address for each in others[:5]])
            seen.append(Seen("RCPT TO", shown, "gets the letter without values: no header names it", True))
        found += others
    return found


def _named_one(
    person: Person,
    by_address: dict[str, Recipient],
    placeholder: Recipient | None,
    allow_unqualified: Unqualified,
) -> Recipient:
    try:
        address, name = _mailbox(person.written, allow_unqualified)
    except BadAddress:
        return Recipient(
            _shown(person.written),
            _NOWHERE,
            options=person.options,
            deliver_at=person.deliver_at,
            drop_reason=INVALID,
        )
    options = person.options
    if name and not options.name:
        options = replace(options, name=name)
    wire = str(address)
    asked = by_address.get(wire.lower())
    return Recipient(
        wire,
        address.domain,
        # RFC 3461: whoever wants no reports for the placeholder wants none for those that it stands for
        notify=(asked or placeholder or _NOBODY).notify,
        orcpt=asked.orcpt if asked else "",
        options=options,
        deliver_at=person.deliver_at,
    )


_NOBODY = Recipient("", "")


def _shown(written: str) -> str:
    """What is no address, as people may see it in events."""
    shown = "".join([char if char.isprintable() else "\ufffd" for char in written[:250]])
    return shown.strip() or "(empty)"


def _mailbox(written: str, allow_unqualified: Unqualified) -> tuple[Address, str]:
    """`a@b`, `<a@b>`, `Name <a@b>` -> address and display name. Raises BadAddress.

    A list of entries needs no quotes around names with commas: the entry's only angle address counts then.
    """
    try:
        [mailbox] = parse_mailboxes(written.encode("utf-8", "replace"))
    except ValueError:  # BadAddress, or not exactly one
        match = _ANGLE.match(written)
        if not match:
            raise BadAddress("it is not an address") from None
        address, name = parse_address(match[2]), match[1].strip().strip('"')
    else:
        address, name = mailbox.address, mailbox.name
    try:
        judge_recipient(address, allow_unqualified=allow_unqualified(address.domain))
    except Refused as error:
        raise BadAddress(error.text) from error
    return address, decode_words(name.encode("utf-8", "replace"))


def _by_place(envelope: list[Recipient], options: Sequence[RecipientOptions]) -> list[Recipient]:
    """Values for the envelope's own recipients, in the order of RCPT."""
    return [
        _changed(each, options[place]) if place < len(options) else each
        for place, each in enumerate(envelope)
    ]


def _with_variables(
    recipient: Recipient, variables: dict[str, dict[str, Any]], metadata: dict[str, Any] | None
) -> Recipient:
    """`metadata`: the message's own data if it names recipients' values, None for any other."""
    own = variables.get(recipient.address.lower(), {})
    options = recipient.options
    if own:
        options = replace(options, variables=own | options.variables)
    if metadata and options.metadata is None:
        filled = personal_metadata(metadata, own, recipient.address, options.name)
        if filled != metadata:
            options = replace(options, metadata=filled)
    return recipient if options is recipient.options else _changed(recipient, options)


def _changed(recipient: Recipient, options: RecipientOptions) -> Recipient:
    if options == NOBODY_SPECIAL:
        return recipient
    return Recipient(
        recipient.address,
        recipient.domain,
        recipient.notify,
        recipient.orcpt,
        options,
        recipient.deliver_at,
        recipient.drop_reason,
    )
