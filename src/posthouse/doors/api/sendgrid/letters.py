"""From a call of `mail/send` to letters: each personalization is one, with its own header and options.

Public: letters_of. Raises: Refused (`bad-field`, `bad-part`, `bad-address`), BadAddress.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from posthouse.dialects.dialect import Header
from posthouse.dialects.sendgrid.calls import header_of, twin
from posthouse.dialects.sendgrid.mail_rules.content import octets_of
from posthouse.doors.api.posting import Posted
from posthouse.doors.api.sendgrid.mail_request import Attachment, Content, MailSend, Person, Personalization
from posthouse.mail.addresses import Mailbox
from posthouse.mail.build import Draft, Part, build
from posthouse.model.address import Address, parse_address
from posthouse.model.message import Recipient
from posthouse.model.short_id import short_id
from posthouse.rules.policy import judge_recipient

TEXT, HTML, AMP = "text/plain", "text/html", "text/x-amp-html"
_OPTIONS = (
    "template_id",
    "sections",
    "categories",
    "send_at",
    "batch_id",
    "ip_pool_name",
    "mail_settings",
    "tracking_settings",
)
_OWN_OPTIONS = ("substitutions", "dynamic_template_data", "send_at")


def letters_of(request: MailSend, new_id: Callable[[], str]) -> Iterator[Posted]:
    """The letters of a call whose values are good, one by one: each has a copy of all attachments. Their ids
    hold once they are accepted."""
    common = _common_options(request)
    bodies = _body(request)
    is_one = len(request.personalizations) == 1
    first_id = ""
    place = 0
    for own in request.personalizations:
        id = new_id()
        first_id = first_id or id
        options = _options(request, own, common, "" if is_one else first_id, place)
        letter = _letter(request, own, bodies, options, id)
        yield letter
        place += len(letter.recipients)


def _letter(
    request: MailSend, own: Personalization, body: dict[str, Any], options: list[Header], id: str
) -> Posted:
    author = _mailbox(own.sender or request.sender)
    to, cc, bcc = ([_mailbox(each) for each in people or ()] for people in (own.to, own.cc, own.bcc))
    headers = _merged(request.headers, own.headers)
    has_id = any(name.lower() == "message-id" for name in headers)
    draft = Draft(
        author=[author],
        to=to,
        cc=cc,
        reply_to=_reply_to(request),
        subject=own.subject or request.subject or "",
        fields=list(headers.items()),
        message_id="" if has_id else f"<{short_id(id)}@{author.address.domain}>",
        **body,
    )
    recipients = [_recipient(each.address) for each in (*to, *cc, *bcc)]
    return Posted(build(draft), author.address, recipients, options, id)


def _mailbox(person: Person) -> Mailbox:
    return Mailbox(person.name or "", parse_address(person.email.strip()))


def _reply_to(request: MailSend) -> list[Mailbox]:
    if request.reply_to is not None:
        return [_mailbox(request.reply_to)]
    return [_mailbox(each) for each in request.reply_to_list or ()]


def _recipient(address: Address) -> Recipient:
    judge_recipient(address)
    return Recipient(str(address), address.domain)


def _merged(common: dict[str, str] | None, own: dict[str, str] | None) -> dict[str, str]:
    """Own values go before common ones, names in any case being the same."""
    if not common or not own:
        return common or own or {}
    taken = {name.lower() for name in own}
    return {name: value for name, value in common.items() if name.lower() not in taken} | own


# The body


def _body(request: MailSend) -> dict[str, Any]:
    """Fields of Draft. What a dynamic template would throw away is not put in (documented)."""
    content = () if request.is_dynamic else request.content or ()
    texts: dict[str, str] = {}
    for each in content:
        texts.setdefault(each.type.strip().lower(), each.value)
    return {
        "text": texts.get(TEXT),
        "html": texts.get(HTML),
        "amp": texts.get(AMP),
        "alternatives": [_alternative(each) for each in _others(content)],
        "parts": [_part(each) for each in request.attachments or ()],
    }


def _others(content: Sequence[Content]) -> list[Content]:
    """What has no place of its own, and what comes a second time."""
    seen: set[str] = set()
    found: list[Content] = []
    for each in content:
        kind = each.type.strip().lower()
        if kind in seen or kind not in (TEXT, HTML, AMP):
            found.append(each)
        seen.add(kind)
    return found


def _alternative(content: Content) -> Part:
    return Part(content.value.encode("utf-8", "replace"), content.type)


def _part(given: Attachment) -> Part:
    is_inline = given.disposition == "inline"
    return Part(
        content=octets_of(given.content),
        type=given.type or "application/octet-stream",
        name=given.filename,
        content_id=(given.content_id or "") if is_inline else "",
        is_inline=is_inline,
    )


# Options


def _common_options(request: MailSend) -> dict[str, Any]:
    found = {name: value for name in _OPTIONS if (value := getattr(request, name))}
    if request.asm is not None:
        found["asm"] = msgspec.to_builtins(request.asm)
    return found


def _options(
    request: MailSend, own: Personalization, common: dict[str, Any], call_id: str, place: int
) -> list[Header]:
    told = common | {name: value for name in _OWN_OPTIONS if (value := getattr(own, name)) is not None}
    args = {**(request.custom_args or {}), **(own.custom_args or {})}
    if args:
        told["custom_args"] = args
    if not told and not call_id:
        return []  # the ordinary letter: nothing to read beside it
    return [header_of(twin(told), call_id=call_id, call_place=place)]
