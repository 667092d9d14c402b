"""One delivery, from a letter in memory to what the other side said.

No transaction is open here. Every path ends in an `SmtpResult`; what it means is decided in
`pipeline.outcome`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from posthouse.crashpoint import crash_point
from posthouse.mail.dkim import SigningKey
from posthouse.mail.render import prepare
from posthouse.model.clock import Clock
from posthouse.model.message import Outgoing, Phase, Site, SmtpResult
from posthouse.net.courier import Courier
from posthouse.pipeline.letters import Job, Loaded
from posthouse.pipeline.signing import Signer

log = structlog.get_logger()

KeysOf = Callable[[str], Sequence[SigningKey]]


class Deliverer:
    """Renders, signs and carries, for one worker."""

    def __init__(
        self,
        *,
        clock: Clock,
        signer: Signer,
        courier: Courier,
        keys_of: KeysOf,
        may_finish: Callable[[], bool],
    ) -> None:
        self._clock = clock
        self._signer = signer
        self._courier = courier
        self._keys_of = keys_of
        self._may_finish = may_finish

    async def attempt(self, job: Job, site: Site, source: str, messages_per_connection: int) -> SmtpResult:
        """Carry one delivery to its site; never raises for what the other side did."""
        outgoing = await self.outgoing(job)
        crash_point("deliver.before_send")
        result = await self._courier.send(
            site,
            source,
            outgoing,
            messages_per_connection=messages_per_connection,
            may_finish=self._before_dot,
        )
        crash_point("deliver.after_reply")
        return result

    async def outgoing(self, job: Job) -> Outgoing:
        """The finished letter of a delivery, signed (once for all recipients of the message)."""
        assert job.letter is not None
        letter, delivery = job.letter, job.delivery
        head, body = await self._finished(letter)
        assert letter.prepared is not None
        message = letter.message
        return Outgoing(
            sender=message.sender,
            recipient=delivery.recipient,
            head=head,
            body=body,
            # EXT-9: only where it is really needed; raw octets of old clients never asked for it
            is_utf8=message.is_utf8
            and (letter.prepared.needs_utf8 or not (message.sender + delivery.recipient).isascii()),
            is_8bit=letter.prepared.is_8bit,
            ret=message.ret,
            envid=message.envid,
            notify=delivery.notify,
            orcpt=delivery.orcpt,
        )

    async def _finished(self, letter: Loaded) -> tuple[bytes, bytes]:
        if letter.signing is None:
            if letter.prepared is None:
                letter.prepared = prepare(letter.content, letter.message)
            keys = self._keys_of(letter.message.domain)
            letter.signing = self._signer.sign(letter.prepared, keys, self._clock.now())
        signing = letter.signing
        try:
            return signing.result() if signing.done() else await asyncio.shield(signing)
        except Exception:
            if letter.signing is signing:
                letter.signing = None  # a letter is not condemned by one failure: the next attempt signs anew
            raise

    def _before_dot(self) -> bool:
        crash_point("deliver.before_dot")
        return self._may_finish()


@dataclass(frozen=True, slots=True)
class End:
    """A final failure that needs no conversation."""

    result: SmtpResult
    reason: str


def end_without_network(job: Job, now: float) -> End | None:
    """Content lost, or time over? Else None: the delivery may begin."""
    delivery = job.delivery
    if job.letter is None:
        log.error("content is missing in the store", message=delivery.message_id, delivery=delivery.id)
        lost = SmtpResult(Phase.LOCAL, 554, "5.3.0", "the stored content of this message is missing")
        return End(lost, "content-missing")
    if now < delivery.expires_at:
        return None
    # RFC 5321 4.5.4.1: giving up; the last reply is kept for people to read
    last = f"; last reply: {delivery.last_code} {delivery.last_text}" if delivery.last_code else ""
    return End(SmtpResult(Phase.LOCAL, 554, "5.4.7", f"delivery time expired{last}"), "expired")
