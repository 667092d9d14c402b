"""Send a captured copy for real: as it lies there, to whom it was for or to another, as a new message.

One transaction, the same for a page, a call and a command; the delivery waits in the store and is taken from
there, where lists are looked at once more. What the copy's making has asked for is done (its links, its
pixel); how it travels and is signed is asked for again.

Public: release, Released.
"""

from __future__ import annotations

from dataclasses import dataclass

from posthouse.config import Settings
from posthouse.mail.letter import BadLetter, parse, without
from posthouse.mail.trace import on_top, received_field
from posthouse.model.account import Account, Domain, Principal
from posthouse.model.address import BadAddress, parse_address
from posthouse.model.clock import Ids
from posthouse.model.errors import PosthouseError, Refused
from posthouse.model.message import Message, Recipient, Submission
from posthouse.model.options import RecipientOptions, Seen, SendOptions, read_recipient_options
from posthouse.pipeline.admission import Candidate, admit
from posthouse.pipeline.entry import accepted_of
from posthouse.rules.limits import Allowance, account_limits, allowance_of, domain_limits
from posthouse.rules.policy import judge_recipient, judge_sandbox
from posthouse.store import caps, captures, identity, messages, queue
from posthouse.store.captures import Capture
from posthouse.store.connection import Connection
from posthouse.store.messages import Accepted

_ONE_COPY = frozenset({b"dkim-signature"})  # it is signed anew


@dataclass(frozen=True, slots=True)
class Released:
    """The new message, and to whom it goes."""

    message_id: str
    recipient: str


def release(
    conn: Connection,
    settings: Settings,
    ids: Ids,
    now: float,
    by: str,
    *,
    account_id: str,
    domain: str,
    delivery_id: str,
    to: str = "",
) -> Released:
    """Accept the copy for sending, inside the caller's transaction. `by`: who wants it, for the story.
    `domain`: "" for any; `to`: "" for whom it was captured. Raises Refused, TryLater (a limit)."""
    copy, message = _own(conn, account_id, domain, delivery_id)
    if settings.delivery.capture:
        text = (
            "Nothing is sent for real here, everything is captured: it can be released once "
            "delivery.capture is false"
        )
        raise _refused(text, "captures")
    sending, account = _sender_of(conn, message)
    recipient = _recipient(to.strip() or copy.recipient)
    if sending.settings.is_sandbox:
        judge_sandbox([recipient.address], sending.name, sending.settings.authorised)
    recipient.options = _own_options(conn, copy)
    made = _accepted(copy, message, recipient, sending, settings, ids, now, by)
    allowance = _allowance(conn, account, sending, settings.policy.over_limit)
    (answer,) = admit(conn, [Candidate([made], allowance=allowance if allowance.limits else None)])
    if isinstance(answer, PosthouseError):
        raise answer
    return Released(made.message.id, recipient.address)


def _own(conn: Connection, account_id: str, domain: str, delivery_id: str) -> tuple[Capture, Message]:
    """In the same words for another account's as for none (S20)."""
    copy = captures.load_capture(conn, delivery_id)
    message = messages.load_message(conn, copy.message_id) if copy else None
    is_own = message is not None and message.account_id == account_id and domain in ("", message.domain)
    if copy is None or message is None or not is_own:
        raise _refused(f"There is no captured copy {delivery_id[:60]} here", "no-capture")
    if not message.credential_id:
        raise _refused("This is a report that Posthouse wrote itself; it is not sent again", "is-notice")
    return copy, message


def _sender_of(conn: Connection, message: Message) -> tuple[Domain, Account]:
    sending = identity.find_domain(conn, message.domain)
    account = identity.find_account_by_id(conn, message.account_id)
    if sending is None or account is None or sending.account_id != account.id:
        raise _refused(f"{message.domain} is no domain of this account any more", "no-domain")
    if account.settings.is_suspended:
        raise _refused(f"The account {account.name} is suspended and sends nothing", "suspended")
    if sending.verified_at is None:
        text = (
            f"{sending.name} is not verified yet: publish its DNS records, then `posthouse domain verify` it"
        )
        raise _refused(text, "domain-unverified")
    return sending, account


def _recipient(written: str) -> Recipient:
    try:
        address = parse_address(written)
    except BadAddress as error:
        raise _refused(f"{written[:60]!r} is no address: {error}", "bad-address") from error
    judge_recipient(address)
    return Recipient(str(address), address.domain)


def _own_options(conn: Connection, copy: Capture) -> RecipientOptions:
    """The recipient's own metadata stays with the copy."""
    delivery = queue.find_delivery(conn, copy.delivery_id)
    own = read_recipient_options(delivery.personal if delivery else "")
    return RecipientOptions(metadata=own.metadata)


def _accepted(
    copy: Capture,
    message: Message,
    recipient: Recipient,
    sending: Domain,
    settings: Settings,
    ids: Ids,
    now: float,
    by: str,
) -> Accepted:
    message_id = ids.new()
    top = received_field(
        hello="",
        client_ip="",
        by_host=settings.smtp.hostname,
        protocol="HTTP",
        id=message_id,
        at=now,
        recipient=recipient.address,
    )
    content = on_top(top, _unsigned(copy.content))
    submission = Submission(
        id=message_id,
        sender=message.sender,
        recipients=[recipient],
        content=content,
        subject=message.subject,
        header_id=message.header_id,
        is_utf8=message.is_utf8 or not recipient.address.isascii(),
        is_8bit=not content.isascii(),
        options=_options(message.options, copy.delivery_id),
        author=message.author,
        addressed=message.addressed,
    )
    principal = Principal(
        account_id=message.account_id,
        domain_id=sending.id,
        domain=sending.name,
        region=sending.region,
        verified=True,
        credential_id=message.credential_id,
        login=by,
        dialect=message.options.dialect or "native",
    )
    return accepted_of(submission, principal, now, settings.delivery.expire_s, ids.new)


def _unsigned(content: bytes) -> bytes:
    try:
        letter = parse(content)
    except BadLetter as error:
        raise _refused(f"The captured copy cannot be sent: {error}", "bad-letter") from error
    return without(letter, _ONE_COPY) + content[letter.header_end :]


def _options(given: SendOptions, delivery_id: str) -> SendOptions:
    """What is not in the copy's octets."""
    return SendOptions(
        tags=given.tags,
        metadata=given.metadata,
        template_name=given.template_name,
        ip=given.ip,
        ip_pool=given.ip_pool,
        sources=given.sources,
        require_tls=given.require_tls,
        skip_verification=given.skip_verification,
        promises_tls=given.promises_tls,
        tls_optional=given.tls_optional,
        dkim=given.dkim,
        dkim_domain=given.dkim_domain,
        dkim_second=given.dkim_second,
        dkim_second_public=given.dkim_second_public,
        keeps_return_path=given.keeps_return_path,
        unsubscribe_group=given.unsubscribe_group,
        bypass=given.bypass,
        forward_complaints_to=given.forward_complaints_to,
        account_lists=given.account_lists,
        dialect=given.dialect,
        seen=(Seen("", delivery_id, "the captured copy is sent for real"),),
    )


def _allowance(conn: Connection, account: Account, sending: Domain, over_limit: str) -> Allowance:
    cap = caps.find_cap(conn, account.id)
    limits = account_limits(account.id, account.settings, cap.most if cap else None)
    limits += domain_limits(account.id, sending.name, sending.settings)
    return allowance_of(limits, account.settings, over_limit)


def _refused(text: str, reason: str) -> Refused:
    return Refused(550, "5.7.1", text, reason=reason)
