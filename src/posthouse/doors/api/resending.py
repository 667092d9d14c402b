"""A stored letter sent once more, as a new message with the same text and under the same conditions: the one
way for our API, the dashboard and the command.

Public: Ways, again, load_again, resend.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from posthouse.desk.identity_view import IdentityView
from posthouse.dialects.native.wishes import Options, options_header
from posthouse.doors.api.posting import Posted, read_posted, take_in
from posthouse.doors.submission import Arrival, Reader
from posthouse.model.account import Principal
from posthouse.model.address import Address, BadAddress, parse_address
from posthouse.model.errors import Refused
from posthouse.model.message import Message, Recipient
from posthouse.pipeline.submit import Intake
from posthouse.rules.policy import judge_recipient
from posthouse.store import messages, queue
from posthouse.store.connection import Connection
from posthouse.store.engine import Store

MOST_RECIPIENTS = 100
Loaded = tuple[Message, bytes, list[Recipient]]


class Ways(Protocol):
    """What accepts letters (`parts.ApiParts` has it)."""

    @property
    def store(self) -> Store: ...

    @property
    def identity(self) -> IdentityView: ...

    @property
    def reader(self) -> Reader: ...

    @property
    def intake(self) -> Intake: ...


def again(message: Message, content: bytes, recipients: list[Recipient]) -> Posted:
    """The letter with what it was sent with."""
    options = message.options
    header = options_header(
        Options(
            tags=list(options.tags),
            metadata=options.metadata,
            to_each=options.to_each,
            # how it had to travel and was signed: what left over TLS alone does so again
            require_tls=options.promises_tls or options.require_tls,
            skip_verification=options.skip_verification,
            dkim=options.dkim,
            ip=options.ip,
            pool=options.ip_pool,
        )
    )
    return Posted(content, _sender(message), recipients, [header] if header else [])


def load_again(conn: Connection, account_id: str, message_id: str) -> Loaded:
    """A message with its text and its own recipients. Raises Refused: there is none, its text is gone, it
    cannot be sent again."""
    message = messages.load_message(conn, message_id)
    if message is None or message.account_id != account_id:
        raise _refused(f"There is no message {message_id[:60]} here", "no-message")
    content = messages.load_content(conn, message_id)
    if content is None:
        raise _refused(f"The text of message {message_id} is not kept any more", "no-content")
    if message.options.is_template:
        text = "This message is made anew for each recipient: send it again as a new message"
        raise _refused(text, "is-template")
    if not message.credential_id:
        raise _refused("This is a notice that Posthouse wrote itself; it is not sent again", "is-notice")
    found = [
        Recipient(each.recipient, each.domain)
        for each in queue.deliveries_of(conn, message_id)
        if "copy_of" not in each.personal
    ]
    return message, content, found


async def resend(ways: Ways, account_id: str, message_id: str, to: Sequence[str], by: str) -> str:
    """To `to`, or to its own recipients; `by`: who wants it, for the events. The new message's id, once it is
    on disk. Raises Refused, TryLater, CommitInDoubt."""
    named = [_recipient(written) for written in to[: MOST_RECIPIENTS + 1]]
    if len(named) > MOST_RECIPIENTS:
        raise _refused(f"At most {MOST_RECIPIENTS} recipients can be named", "too-many-recipients")
    message, content, own = await ways.store.read(load_again, account_id, message_id)
    await ways.identity.refresh(ways.store)
    principal = _principal(ways.identity, message, by)
    read = read_posted(ways.reader, again(message, content, named or own), principal, Arrival("", "", "HTTP"))
    await take_in(ways.intake, [read], principal)
    return read[0].id


def _principal(identity: IdentityView, message: Message, by: str) -> Principal:
    """As if what had sent it at first did so again."""
    domain = identity.domain(message.domain)
    if domain is None or domain.account_id != message.account_id:
        raise _refused(f"{message.domain} is no domain of this account any more", "no-domain")
    return Principal(
        account_id=domain.account_id,
        domain_id=domain.id,
        domain=domain.name,
        region=domain.region,
        verified=domain.verified_at is not None,
        credential_id=message.credential_id,
        login=by,
        dialect="native",
    )


def _recipient(written: str) -> Recipient:
    try:
        address = parse_address(written.strip())
    except BadAddress as error:
        raise _refused(f"{written[:60]!r} is no address: {error}", "bad-address") from error
    judge_recipient(address)
    return Recipient(str(address), address.domain)


def _sender(message: Message) -> Address | None:
    try:
        return parse_address(message.sender) if message.sender else None
    except BadAddress:
        return None


def _refused(text: str, reason: str) -> Refused:
    return Refused(550, "5.1.2", text, reason=reason)
