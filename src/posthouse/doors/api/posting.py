"""Letters that come by HTTP: the same reading, the same limits and the same commit as behind the SMTP door.

A service builds the letter (`mail.build`), says what was asked for beside it as option headers in its own
words, and hands both over; from here on nothing knows that it did not come by SMTP.

Public: Posted, post, read_posted, take_in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import msgspec

from posthouse.dialects.dialect import Header, TemplateUse
from posthouse.doors.api.answers import Answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.kept import again, within_bounds
from posthouse.doors.submission import Arrival, Reader, is_newer, may_be_news
from posthouse.model.account import Principal
from posthouse.model.address import Address
from posthouse.model.errors import PosthouseError
from posthouse.model.message import Receipt, Recipient, Submission
from posthouse.pipeline.rejections import Rejected, of_octets, of_submission
from posthouse.pipeline.submit import Intake
from posthouse.smtp.events import MailFrom
from posthouse.smtp.grammar import MailParams
from posthouse.store.answered import Answered


class Posted(msgspec.Struct, frozen=True):
    """One letter. `content`: header and body with CRLF line ends. `sender`: of the envelope, None for the
    null sender. `options`: option headers, read as if they stood in the letter. `id`: what it will be
    called, where its caller must know that before; "" for a new one."""

    content: bytes
    sender: Address | None
    recipients: list[Recipient]
    options: Sequence[Header] = ()
    id: str = ""


Read = tuple[Submission, TemplateUse | None]


async def post(
    call: Call,
    letters: Sequence[Posted],
    answer: Callable[[list[Submission]], Answer],
    *,
    any_body: bool = False,
) -> Answer:
    """Accept all letters of a call in one transaction, or none; the answer once they are on disk.

    `answer` makes it of the submissions, whose ids hold from then on. With an Idempotency-Key, the same call
    again gets the first one's answer and nothing is sent (`any_body`: see `Call.once`). Raises Refused,
    TryLater, Problem, CommitInDoubt.
    """
    if (trouble := call.parts.store.refusal) is not None:
        raise trouble
    principal = _as_service(call, call.principal)
    read = _read_all(call, principal, letters)
    if _may_be_news(read):
        read = await _read_again(call, principal, letters, read)
    if isinstance(read, PosthouseError):
        call.parts.note_rejected(principal, read, lambda: _of(letters[0]))
        raise read
    key = await call.once(any_body=any_body)
    given = answer([submission for submission, _ in read])
    if key is not None:
        kept = within_bounds(given)
        key = replace(key, status=kept.status, headers=kept.headers, body=kept.body)
    try:
        found = await take_in(call.parts.intake, read, principal, key)
    except PosthouseError as refused:
        call.parts.note_rejected(principal, refused, lambda: of_submission(read[0][0]))
        raise
    if isinstance(found, Answered):
        assert key is not None
        return again(key, found)
    return given


def _as_service(call: Call, principal: Principal) -> Principal:
    """Mail by a service's API hears that service's words and gets its defaults, whatever the key was made
    for. A domain in the call's path is the sending domain, as one in a user name is behind SMTP."""
    domain = call.found_domain
    if domain is None or principal.domain:
        return _speaking(principal, call.service)
    return _sending_for(
        principal, call.service, domain.id, domain.name, domain.region, domain.verified_at is not None
    )


# HOT: the same few are asked for with each letter
@lru_cache(maxsize=4096)
def _speaking(principal: Principal, dialect: str) -> Principal:
    return replace(principal, dialect=dialect)


@lru_cache(maxsize=4096)
def _sending_for(
    principal: Principal, dialect: str, domain_id: str, domain: str, region: str, is_verified: bool
) -> Principal:
    return replace(
        principal,
        dialect=dialect,
        domain_id=domain_id,
        domain=domain,
        region=region,
        verified=is_verified,
    )


def _read_all(call: Call, principal: Principal, letters: Sequence[Posted]) -> list[Read] | PosthouseError:
    protocol = "HTTPS" if call.request.scope["scheme"] == "https" else "HTTP"
    arrival = Arrival("", call.client, protocol)
    try:
        return [read_posted(call.parts.reader, letter, principal, arrival) for letter in letters]
    except PosthouseError as refused:
        return refused


def read_posted(reader: Reader, letter: Posted, principal: Principal, arrival: Arrival) -> Read:
    """A letter as a submission of `principal`. Raises Refused."""
    return reader.submission(
        letter.content,
        MailFrom(letter.sender, MailParams(is_utf8=_needs_utf8(letter))),
        letter.recipients,
        principal,
        arrival,
        letter.options,
        letter.id,
    )


def _needs_utf8(letter: Posted) -> bool:
    """An address outside ASCII can only leave with SMTPUTF8 (RFC 6531 3.2)."""
    is_foreign = letter.sender is not None and letter.sender.needs_utf8
    return is_foreign or not all(each.address.isascii() for each in letter.recipients)


def _may_be_news(read: list[Read] | PosthouseError) -> bool:
    return isinstance(read, PosthouseError) or any(may_be_news(submission) for submission, _ in read)


async def _read_again(
    call: Call, principal: Principal, letters: Sequence[Posted], read: list[Read] | PosthouseError
) -> list[Read] | PosthouseError:
    if not await is_newer(call.parts.identity, call.parts.store):
        return read
    if call.found_domain is not None:
        found = call.parts.identity.domain(call.found_domain.name)
        if found is not None and found.account_id == call.account_id:
            call.found_domain = found
    current = call.parts.identity.current(call.principal) or call.principal
    return _read_all(call, _as_service(call, current), letters)


async def take_in(
    intake: Intake, read: Sequence[Read], principal: Principal, key: Answered | None = None
) -> list[Receipt] | Answered:
    """Accept letters together; once they are on disk, or the answer that the key had before. Raises Refused,
    TryLater, CommitInDoubt."""
    future: asyncio.Future[list[Receipt] | Answered] = asyncio.get_running_loop().create_future()

    def done(found: list[Receipt] | Answered | None, error: BaseException | None) -> None:
        if future.done():  # the client left; what was accepted stays accepted
            return
        if found is None:
            future.set_exception(error or AssertionError("neither receipts nor an error"))
        else:
            future.set_result(found)

    intake.accept_together(read, principal, done, key)
    return await future


def _of(letter: Posted) -> Rejected:
    return of_octets(letter.content, letter.sender, letter.recipients)
