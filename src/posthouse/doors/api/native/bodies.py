"""Shapes of a message as a program sends it, and the letters that are made of it.

Public: NewMessage, Person, Recipient, Attachment, letter_of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from posthouse.dialects.depth import is_too_deep
from posthouse.dialects.native.options import MOST_DEPTH
from posthouse.dialects.native.wishes import Instant, Options, options_header
from posthouse.doors.api.answers import Problem
from posthouse.doors.api.native.octets import Octets
from posthouse.doors.api.posting import Posted
from posthouse.mail.addresses import Mailbox, parse_mailboxes
from posthouse.mail.build import Draft, Part, build
from posthouse.model import message as model
from posthouse.model.address import BadAddress, parse_address
from posthouse.model.errors import Refused
from posthouse.model.options import RecipientOptions
from posthouse.rules.policy import judge_recipient

Written = Annotated[str, Meta(min_length=3, max_length=1000, examples=["Ann Smith <ann@example.com>"])]
Name = Annotated[str, Meta(max_length=500)]
Text = Annotated[str, Meta(max_length=20_000_000)]
MOST_RECIPIENTS = 1000


class Person(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mailbox: an address and the name of whom it is."""

    address: Annotated[str, Meta(min_length=3, max_length=320, examples=["ann@example.com"])]
    name: Name = ""


class Recipient(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mailbox, and what is this recipient's alone."""

    address: Annotated[str, Meta(min_length=3, max_length=320, examples=["ann@example.com"])]
    name: Name = ""
    variables: Annotated[dict[str, Any], Meta(description="Values of the template.")] = {}
    metadata: Annotated[
        dict[str, Any] | None, Meta(description="In the place of the message's metadata.")
    ] = None
    send_at: Annotated[Instant | None, Meta(description="In the place of the message's.")] = None


class Attachment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that goes along."""

    name: Annotated[str, Meta(max_length=1000, examples=["invoice.pdf"])] = ""
    type: Annotated[str, Meta(max_length=255, examples=["application/pdf"])] = "application/octet-stream"
    content: Octets
    content_id: Annotated[
        str, Meta(max_length=255, description="Its name for `cid:` links of the HTML part.")
    ] = ""
    is_inline: Annotated[bool, Meta(description="Part of the HTML, not a file to open.")] = False


Recipients = Annotated[list[Written | Recipient], Meta(max_length=MOST_RECIPIENTS)]


class NewMessage(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message to send: who, what, and how. Addresses are text (`Ann <ann@example.com>`) or objects."""

    from_: Annotated[Written | Person, Meta(description="The author.")] = field(name="from")
    to: Recipients = field(default_factory=list)
    cc: Recipients = field(default_factory=list)
    bcc: Annotated[Recipients, Meta(description="Get the message and are named in no field.")] = field(
        default_factory=list
    )
    reply_to: Annotated[list[Written | Person], Meta(max_length=25)] = field(default_factory=list)
    subject: Annotated[str, Meta(max_length=10_000)] = ""
    text: Annotated[Text | None, Meta(description="The plain part.")] = None
    html: Annotated[Text | None, Meta(description="The HTML part.")] = None
    amp: Annotated[Text | None, Meta(description="The AMP part, beside an HTML part.")] = None
    headers: Annotated[
        dict[str, str], Meta(max_length=100, description="More header fields.", examples=[{"X-Order": "7"}])
    ] = field(default_factory=dict)
    attachments: Annotated[list[Attachment], Meta(max_length=200)] = field(default_factory=list)


def letter_of(asked: NewMessage, now: float) -> Posted:
    """Raises Problem (422) and Refused."""
    _judge(asked)
    author = _mailbox(asked.from_, "from")
    to, cc, bcc = (list(_people(getattr(asked, name), name)) for name in ("to", "cc", "bcc"))
    recipients = _once([*to, *cc, *bcc])
    if not recipients:
        raise Problem(422, "no-recipients", "The message has no recipients: name some in to", field="to")
    if len(recipients) > MOST_RECIPIENTS:
        text = f"The message has more than {MOST_RECIPIENTS} recipients"
        raise Problem(422, "too-many-recipients", text, field="to")
    draft = Draft(
        author=[author],
        to=[mailbox for mailbox, _ in to],
        cc=[mailbox for mailbox, _ in cc],
        reply_to=[_mailbox(each, f"reply_to[{place}]") for place, each in enumerate(asked.reply_to)],
        subject=asked.subject,
        fields=list(asked.headers.items()),
        text=asked.text,
        html=asked.html,
        amp=asked.amp,
        parts=[
            Part(each.content, each.type, each.name, each.content_id, each.is_inline)
            for each in asked.attachments
        ],
        date=now,
    )
    header = options_header(asked)
    return Posted(build(draft), author.address, recipients, [header] if header else [])


def _judge(asked: NewMessage) -> None:
    has_text = any(part is not None for part in (asked.text, asked.html, asked.amp))
    if not has_text and asked.template is None and not asked.attachments:
        raise Problem(422, "no-content", "The message has no content: give text, html or a template")
    if asked.amp is not None and asked.html is None:
        text = "amp needs an html part beside it, for programs that do not show it"
        raise Problem(422, "no-html", text, field="amp")
    is_filled = asked.template is not None or asked.is_template
    for name in ("to", "cc", "bcc"):
        for place, each in enumerate(getattr(asked, name)):
            if isinstance(each, Recipient):
                _judge_recipient(each, f"{name}[{place}]", is_filled=is_filled)


def _judge_recipient(each: Recipient, place: str, *, is_filled: bool) -> None:
    if each.variables and not is_filled:
        text = f"{place}.variables would have no effect: name a template, or say is_template"
        raise Problem(422, "unused-variables", text, field=f"{place}.variables")
    for name, value in (("variables", each.variables), ("metadata", each.metadata or {})):
        if is_too_deep(value, MOST_DEPTH):
            text = f"{place}.{name} is nested more than {MOST_DEPTH} levels deep"
            raise Problem(422, "bad-option", text, field=f"{place}.{name}")


def _people(written: Sequence[str | Recipient], name: str) -> Iterator[tuple[Mailbox, model.Recipient]]:
    for place, each in enumerate(written):
        where = f"{name}[{place}]"
        mailbox = _mailbox(each, where)
        try:
            judge_recipient(mailbox.address)
        except Refused as refused:
            raise Problem(422, "bad-address", f"{where}: {refused.text}", field=where) from refused
        yield mailbox, _recipient(mailbox, each)


def _recipient(mailbox: Mailbox, each: str | Recipient) -> model.Recipient:
    found = model.Recipient(str(mailbox.address), mailbox.address.domain)
    if isinstance(each, str):
        if mailbox.name:
            found.options = RecipientOptions(name=mailbox.name)
        return found
    found.options = RecipientOptions(name=each.name, variables=each.variables, metadata=each.metadata)
    if each.send_at is not None:
        found.deliver_at = max(each.send_at.timestamp(), 0.0)
    return found


def _once(
    people: Sequence[tuple[Mailbox, model.Recipient]],
) -> list[model.Recipient]:
    """Whoever is named twice gets one copy, as the first mention says."""
    by_address: dict[str, model.Recipient] = {}
    for _, recipient in people:
        by_address.setdefault(recipient.address.lower(), recipient)
    return list(by_address.values())


def _mailbox(written: str | Person | Recipient, where: str) -> Mailbox:
    """Raises Problem (422)."""
    try:
        if not isinstance(written, str):
            return Mailbox(written.name, parse_address(written.address.strip()))
        found = parse_mailboxes(written.encode())
    except BadAddress as error:
        raise Problem(422, "bad-address", f"{where}: {error}", field=where) from error
    if len(found) != 1 or found[0].group:
        raise Problem(422, "bad-address", f"{where}: it should be one address", field=where)
    return found[0]
