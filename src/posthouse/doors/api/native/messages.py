"""Messages are sent: composed here of their parts, or as MIME that the caller wrote.

Public: ENDPOINTS, AcceptedMessage, accepted, recipient_of, MIME.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from posthouse.doors.api.answers import Answer, Problem, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.bodies import NewMessage, letter_of
from posthouse.doors.api.native.endpoint import NativeEndpoint, writing
from posthouse.doors.api.posting import Posted, post
from posthouse.model.account import MAIL_SEND
from posthouse.model.address import Address, BadAddress, parse_address
from posthouse.model.errors import Refused
from posthouse.model.message import Recipient, Submission
from posthouse.rules.policy import judge_recipient
from posthouse.smtp.dots import normalized

MIME = "message/rfc822"
_BY_MIME = """The body is the whole letter, header and text, as `message/rfc822`; who gets it is said by
`to`, not by its fields. Options stand in the letter's own header: `X-Posthouse-Options`, or another
service's."""


class AcceptedMessage(Struct, frozen=True, kw_only=True):
    """A message that is on disk and will be sent. `header_id`: its Message-ID; `recipients`: how many get it;
    `warnings`: what was asked for and will not be."""

    id: str
    header_id: str
    domain: str
    recipients: int
    warnings: list[str]


class MimeEnvelope(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who gets a letter that was written by the caller."""

    to: Annotated[
        list[Annotated[str, Meta(min_length=3, max_length=320)]],
        Meta(min_length=1, max_length=50, description="An address; may be repeated."),
    ]
    sender: Annotated[
        str, Meta(max_length=320, description="The envelope's sender; empty: reports go to nobody.")
    ] = ""


async def send_message(call: Call, asked: NewMessage) -> Answer:
    return await post(call, [letter_of(asked, call.now)], lambda made: accepted(call, made))


async def send_mime(call: Call, asked: MimeEnvelope) -> Answer:
    if call.content_type != MIME:
        raise Problem(415, "bad-type", f"The body should be a letter (Content-Type: {MIME})")
    content = normalized(await call.body())
    recipients = [recipient_of(address, place) for place, address in enumerate(asked.to)]
    sender = _address(asked.sender, "sender") if asked.sender else None
    letter = Posted(content, sender, recipients)
    return await post(call, [letter], lambda made: accepted(call, made))


def accepted(call: Call, made: Sequence[Submission]) -> Answer:
    """The answer to one letter."""
    (submission,) = made
    row = AcceptedMessage(
        id=submission.id,
        header_id=submission.header_id,
        domain=submission.domain or call.principal.domain,
        recipients=len(submission.recipients),
        warnings=[
            f"{seen.header}: {seen.effect}" if seen.header else seen.effect
            for seen in submission.options.seen
            if seen.is_warning
        ],
    )
    return json_answer(row, 202, {"Location": f"/posthouse/v1/messages/{submission.id}"})


def recipient_of(written: str, place: int) -> Recipient:
    address = _address(written, f"to[{place}]")
    try:
        judge_recipient(address)
    except Refused as refused:
        raise Problem(422, "bad-address", f"to[{place}]: {refused.text}", field="to") from refused
    return Recipient(str(address), address.domain)


def _address(written: str, where: str) -> Address:
    try:
        return parse_address(written.strip())
    except BadAddress as error:
        raise Problem(422, "bad-address", f"{where}: {error}", field=where.partition("[")[0]) from error


ENDPOINTS: tuple[NativeEndpoint, ...] = (
    writing(
        "POST",
        "/messages",
        MAIL_SEND,
        send_message,
        "Send a message",
        text="Answered once the message is on disk, for all its recipients or for none.",
        topic="Messages",
        asks=NewMessage,
        gives=AcceptedMessage,
        status=202,
        is_sending=True,
        is_for_domains=True,
    ),
    writing(
        "POST",
        "/messages/mime",
        MAIL_SEND,
        send_mime,
        "Send a letter that you wrote",
        text=_BY_MIME,
        topic="Messages",
        asks=MimeEnvelope,
        takes=MIME,
        gives=AcceptedMessage,
        status=202,
        is_sending=True,
        is_for_domains=True,
    ),
)
