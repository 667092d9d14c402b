"""From the bytes of a letter and its envelope to a `Submission`: what must hold of a header, and our trace.

Everything here is arithmetic on bytes; the refusals are `Refused` with the text that the customer reads.
"""

from __future__ import annotations

from collections.abc import Sequence

from posthouse.mail import letter as letters
from posthouse.mail import trace
from posthouse.mail.addresses import Mailbox, parse_mailboxes
from posthouse.mail.words import decode_words
from posthouse.model.account import Principal
from posthouse.model.address import BadAddress
from posthouse.model.clock import Clock, Ids
from posthouse.model.errors import Refused
from posthouse.model.message import Recipient, Submission
from posthouse.rules import policy
from posthouse.smtp.events import MailFrom
from posthouse.smtp.server import ServerEngine

_MOST_TEXT = 500


class Reader:
    """Reads letters for one worker."""

    def __init__(
        self,
        *,
        clock: Clock,
        ids: Ids,
        hostname: str,
        hide_client: bool,
        policy_settings: policy.FromSettings,
        find_domain: policy.FindDomain,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._hostname = hostname
        self._hide_client = hide_client
        self._policy = policy_settings
        self._find_domain = find_domain

    def submission(
        self,
        body: bytes,
        mail: MailFrom,
        recipients: list[Recipient],
        principal: Principal,
        engine: ServerEngine,
        client: str,
    ) -> Submission:
        """Judge the letter and put our Received field on top. Raises Refused."""
        letter = self._read(body)
        policy.judge_fields(letter.count)
        is_held = policy.judge_from(self._author(letter), principal, self._policy, self._find_domain)
        policy.judge_hops(letter.count(b"received"))
        message_id = self._ids.new()
        received = trace.received_field(
            hello=engine.hello_name,
            client_ip=client,
            by_host=self._hostname,
            protocol=trace.with_word(
                is_extended=engine.is_extended,
                is_tls=engine.is_tls,
                is_authenticated=engine.is_authenticated,
                is_utf8=mail.params.is_utf8,
            ),
            id=message_id,
            at=self._clock.now(),
            recipient=recipients[0].address if len(recipients) == 1 else None,
            hides_client=self._hide_client,
        )
        return Submission(
            id=message_id,
            sender=str(mail.sender) if mail.sender else "",
            recipients=recipients,
            content=trace.on_top(received, body),
            subject=decode_words(letter.first(b"subject") or b"")[:_MOST_TEXT],
            header_id=_text(letter.first(b"message-id")) or trace.message_id(message_id, principal.domain),
            is_utf8=mail.params.is_utf8,
            is_8bit=not body.isascii(),
            ret=mail.params.ret,
            envid=mail.params.envid,
            is_held=is_held,
        )

    def _read(self, body: bytes) -> letters.Letter:
        try:
            return letters.parse(body)
        except letters.BadLetter as error:
            raise Refused(554, "5.6.0", str(error), reason="bad-letter") from error

    def _author(self, letter: letters.Letter) -> Sequence[Mailbox]:
        """The mailboxes of the From field; SUB-2: the text names the field."""
        try:
            return parse_mailboxes(letter.first(b"from") or b"")
        except BadAddress as error:
            raise Refused(
                550, "5.6.0", f"Cannot parse from address in the From field: {error}", reason="bad-from"
            ) from error


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")[:_MOST_TEXT]
