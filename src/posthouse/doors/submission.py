"""From the bytes of a letter and its envelope to a `Submission`: what must hold of a header, what it asks
for, and our trace.

Everything here is arithmetic on bytes; the refusals are `Refused` with the text that the customer reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
import structlog
from msgspec.structs import replace

from posthouse.dialects.dialect import Dialect, Header, TemplateUse
from posthouse.dialects.native import DIALECT as NATIVE
from posthouse.dialects.people import Unqualified
from posthouse.dialects.reading import Asked, Estate, OptionReader, Sending
from posthouse.dialects.table import DIALECTS
from posthouse.mail import letter as letters
from posthouse.mail import trace
from posthouse.mail.addresses import Mailbox, parse_mailboxes
from posthouse.mail.leaves import file_names
from posthouse.mail.plain_header import in_plain_words
from posthouse.mail.words import decode_words
from posthouse.model.account import DEFAULTS, CredentialKind, Domain, Principal
from posthouse.model.address import BadAddress
from posthouse.model.clock import Clock, Ids
from posthouse.model.errors import Refused
from posthouse.model.message import Recipient, Submission
from posthouse.model.options import SendOptions
from posthouse.rules import policy
from posthouse.smtp.events import MailFrom
from posthouse.store.engine import Store

_MOST_TEXT = 500

log = structlog.get_logger()


class View(Protocol):
    """What is known of accounts (`desk.identity_view.IdentityView`)."""

    async def refresh(self, store: Store) -> bool: ...


def may_be_news(submission: Submission) -> bool:
    """Would knowing more change anything? Only for mail that is dropped or has a wish declined; and for what
    is refused, which makes no submission."""
    return bool(submission.drop_reason) or any(seen.is_warning for seen in submission.options.seen)


async def is_newer(view: View, store: Store) -> bool:
    """The view may be half a second old: a domain, group or pool made just now counts at once. False: there
    was nothing new, or the store does not answer, and the letter is judged by what was known."""
    try:
        return await view.refresh(store)
    except Exception as error:
        log.warning("a letter is judged by what was known: the store does not answer: %s", error)
        return False


class Arrival(msgspec.Struct, frozen=True):
    """How a letter came, for its Received field: what the client called itself, its address, and the protocol
    (`trace.with_word`, or HTTP)."""

    hello: str
    client: str
    protocol: str


class Reader:
    """Reads letters for one worker.

    `tracking_url`, `allow_unqualified` and `scans` as in `dialects.reading.OptionReader`.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        ids: Ids,
        hostname: str,
        hide_client: bool,
        policy_settings: policy.FromSettings,
        find_domain: policy.FindDomain,
        estate: Estate,
        tracking_url: str = "",
        allow_unqualified: Unqualified = lambda domain: False,
        scans: bool = False,
        dialects: Mapping[str, Dialect] = DIALECTS,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._hostname = hostname
        self._hide_client = hide_client
        self._policy = policy_settings
        self._find_domain = find_domain
        self._dialects = dialects
        self._options = OptionReader(
            dialects, estate, tracking_url=tracking_url, allow_unqualified=allow_unqualified, scans=scans
        )

    def submission(
        self,
        body: bytes,
        mail: MailFrom,
        recipients: list[Recipient],
        principal: Principal,
        arrival: Arrival,
        beside: Sequence[Header] = (),
        id: str = "",
    ) -> tuple[Submission, TemplateUse | None]:
        """Judge the letter, read what it asks for and put our Received field on top. Raises Refused.

        `beside`: what was asked for beside the letter, as if it stood in option headers. `id`: the message's
        to be, "" for a new one.
        """
        letter = self._parsed(body)
        inner = self._options.unwrapped(letter)
        if inner is not None:
            body, letter = inner.content, self._parsed(inner.content)
        if mail.params.is_utf8 and _is_ascii(mail, recipients) and not body.isascii():
            plain = in_plain_words(letter)
            if plain != body:
                body, letter = plain, self._parsed(plain)
        dialect = self._dialects.get(principal.dialect, NATIVE)
        held_for, author_domain = self._judged(letter, principal, dialect)
        domain = principal.domain or self._domain_of(author_domain, principal)
        sending = self._sending(dialect, principal.account_id, domain)
        if dialect.takes_file is not None:
            _judge_files(letter, dialect.takes_file, sending.settings.attachment_types)
        extra = [*beside, *inner.headers] if inner else beside
        asked = self._options.read(letter, recipients, sending, extra)
        if sending.settings.is_sandbox:
            _judge_sandbox(asked.recipients, sending)
        message_id = id or self._ids.new()
        top = self._received(message_id, asked, arrival)
        top += self._sender_field(letter, author_domain, mail, principal)
        rejection = asked.rejection
        options = _with_tls_wishes(asked.options, mail, letter)
        submission = Submission(
            id=message_id,
            sender=str(mail.sender) if mail.sender else "",
            recipients=asked.recipients,
            content=trace.on_top(top, body),
            subject=_shown(letter.first(b"subject")),
            header_id=_header_id(letter, asked) or trace.message_id(message_id, domain),
            is_utf8=mail.params.is_utf8,
            is_8bit=not body.isascii(),
            ret=mail.params.ret,
            envid=mail.params.envid,
            held_for=held_for,
            domain="" if principal.domain else domain,
            options=options,
            drop_reason=rejection.reason if rejection else "",
            drop_text=rejection.text if rejection else "",
            author=_shown(letter.first(b"from")),
            addressed=_shown(letter.first(b"to")),
            method="http" if arrival.protocol.startswith("HTTP") else "",
        )
        return submission, asked.template

    def _sending(self, dialect: Dialect, account_id: str, domain: str) -> Sending:
        registered = self._find_domain(domain)
        settings = registered.settings if registered else DEFAULTS
        return Sending(dialect, account_id, domain, settings, self._clock.now())

    def _parsed(self, body: bytes) -> letters.Letter:
        try:
            return letters.parse(body)
        except letters.BadLetter as error:
            raise Refused(554, "5.6.0", str(error), reason="bad-letter") from error

    def _judged(self, letter: letters.Letter, principal: Principal, dialect: Dialect) -> tuple[str, str]:
        """(the unverified domain that it is held for or "", the author's domain)."""
        if b"from" not in letter.names:
            raise Refused(550, "5.6.0", "The message has no From field", reason="no-from")
        policy.judge_fields(letter.names)
        if dialect.needs_to and not letter.first(b"to"):  # C-15
            raise Refused(550, "5.6.0", "The message has no To field", reason="no-to")
        author = _author(letter)
        try:
            held_for = policy.judge_from(author, principal, self._policy, self._find_domain)
        except Refused as refused:
            if refused.reason == "bad-header":
                refused.reason = "bad-from"
            raise
        domain = author[0].address.domain
        is_token = principal.kind is CredentialKind.DOMAIN_TOKEN
        if is_token and domain != principal.domain and self._rule(principal) != "any":
            raise _no_domain(domain)  # a token speaks for exactly its domain (documented behaviour)
        policy.judge_hops(letter.count(b"received"))
        return held_for, domain

    def _rule(self, principal: Principal) -> str:
        return policy.from_rule(principal, self._policy, self._find_domain)

    def _sender_field(
        self, letter: letters.Letter, author_domain: str, mail: MailFrom, who: Principal
    ) -> bytes:
        """A foreign author's letter says who really sends it (RFC 5322 3.6.2), b"" for others."""
        is_own = not who.domain or policy.is_within(author_domain, who.domain)
        if is_own or policy.is_local_name(author_domain) or letter.count(b"sender"):
            return b""
        found = policy.registered(author_domain, self._find_domain)
        if found and found.account_id == who.account_id:
            return b""
        envelope = mail.sender
        if envelope and policy.is_within(envelope.domain, who.domain) and str(envelope).isascii():
            return f"Sender: <{envelope}>\r\n".encode()
        return f"Sender: <postmaster@{who.domain}>\r\n".encode()

    def _domain_of(self, name: str, principal: Principal) -> str:
        """The registered domain that a letter of an account-wide key is sent for: the author's, or the most
        specific one above it. Raises Refused."""

        def own(above: str) -> Domain | None:
            found = self._find_domain(above)
            return found if found and found.account_id == principal.account_id else None

        found = policy.registered(name, own)
        if found is None:
            raise _no_domain(name)
        return found.name

    def _received(self, message_id: str, asked: Asked, arrival: Arrival) -> bytes:
        recipients = asked.recipients
        return trace.received_field(
            hello=arrival.hello,
            client_ip=arrival.client,
            by_host=self._hostname,
            protocol=arrival.protocol,
            id=message_id,
            at=self._clock.now(),
            recipient=recipients[0].address if len(recipients) == 1 else None,
            hides_client=self._hide_client,
        )


def _with_tls_wishes(options: SendOptions, mail: MailFrom, letter: letters.Letter) -> SendOptions:
    """REQUIRETLS, or else the header field that asks for the opposite (RFC 8689 4.1, 5)."""
    if mail.params.promises_tls:
        return replace(options, promises_tls=True)
    if (letter.first(b"tls-required") or b"").strip().lower() == b"no":
        return replace(options, tls_optional=True)
    return options


def _author(letter: letters.Letter) -> Sequence[Mailbox]:
    """The mailboxes of the From field; SUB-2: the text names the field."""
    try:
        return parse_mailboxes(letter.first(b"from") or b"")
    except BadAddress as error:
        raise Refused(
            550, "5.6.0", f"Cannot parse from address in the From field: {error}", reason="bad-from"
        ) from error


def _judge_files(
    letter: letters.Letter, takes: Callable[[str, Sequence[str]], bool], setting: Sequence[str]
) -> None:
    """Raises Refused for the first file that the domain does not send."""
    for name in file_names(letter):
        if not takes(name, setting):
            text = f"The file {name[:100]!r} may not be attached: see the domain's attachment_types"
            raise Refused(550, "5.7.1", text, reason="bad-file")


def _is_ascii(mail: MailFrom, recipients: Sequence[Recipient]) -> bool:
    """Does the envelope need no SMTPUTF8, whatever the client asked for?"""
    is_plain = mail.sender is None or not mail.sender.needs_utf8
    return is_plain and all(each.address.isascii() for each in recipients)


def _judge_sandbox(recipients: Sequence[Recipient], sending: Sending) -> None:
    """Raises Refused."""
    asking = [each.address for each in recipients if not each.drop_reason]
    policy.judge_sandbox(asking, sending.domain, sending.settings.authorised)


def _no_domain(name: str) -> Refused:
    return Refused(550, "5.7.1", f"Domain not found: {name}", reason="from-domain")


def _header_id(letter: letters.Letter, asked: Asked) -> str:
    """The Message-ID that will be delivered, "" if it will be one of ours."""
    kept = asked.options.only_fields
    return "" if kept and "message-id" not in kept else _text(letter.first(b"message-id"))


def _shown(value: bytes | None) -> str:
    """A field as people read it."""
    return decode_words(value or b"")[:_MOST_TEXT]


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")[:_MOST_TEXT]
