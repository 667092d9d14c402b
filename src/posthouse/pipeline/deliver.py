"""One delivery, from a letter in memory to what the other side said.

No transaction is open here. Every path ends in an `SmtpResult`; what it means is decided in
`pipeline.outcome`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from posthouse.crashpoint import crash_point
from posthouse.mail.render import CannotRender, Prepared, Rendering, is_plain, prepare
from posthouse.mail.tokens import Links
from posthouse.model.clock import Clock
from posthouse.model.message import Message, Outgoing, Phase, Site, SmtpResult
from posthouse.net.courier import Courier
from posthouse.pipeline.keyring import CheckAlias, Keyring, KeysOf, SecondKeyOf, no_alias, no_second_key
from posthouse.pipeline.letters import Job, Loaded
from posthouse.pipeline.links import throwaway_links
from posthouse.pipeline.return_paths import SenderOf, unchanged
from posthouse.pipeline.signing import Signer
from posthouse.rules.site_limits import Limits

log = structlog.get_logger()

_LARGE_BYTES = 256 * 1024  # less takes 0.3 s at most, even where all of it is links

_CALLED_BACK = SmtpResult(Phase.LOCAL, 0, "4.3.0", "Not sent: it was called back")


class Deliverer:
    """Renders, signs and carries, for one worker. Keys as in `keyring`; `links_of` makes the links of a
    message's sending domain (`links.LinkMaker`), `sender_of` the envelope sender."""

    def __init__(
        self,
        *,
        clock: Clock,
        signer: Signer,
        courier: Courier,
        keys_of: KeysOf,
        may_finish: Callable[[], bool],
        second_key_of: SecondKeyOf = no_second_key,
        check_alias: CheckAlias = no_alias,
        links_of: Callable[[Message], Links] | None = None,
        sender_of: SenderOf = unchanged,
    ) -> None:
        self._clock = clock
        self._signer = signer
        self._courier = courier
        self._keyring = Keyring(keys_of, second_key_of, check_alias)
        self._links_of = links_of or throwaway_links()
        self._may_finish = may_finish
        self._sender_of = sender_of

    async def attempt(self, job: Job, site: Site, source: str, limits: Limits) -> SmtpResult:
        """Carry one delivery to its site; never raises for what the other side did."""
        if job.stop:
            return _CALLED_BACK
        try:
            outgoing = await self.outgoing(job)
        except CannotRender as error:
            return not_made(error)
        crash_point("deliver.before_send")
        result = await self._courier.send(
            site,
            source,
            outgoing,
            messages_per_connection=limits.messages_per_connection,
            idle_s=limits.idle_s,
            may_finish=lambda: job.stop is None and self._before_dot(),
        )
        crash_point("deliver.after_reply")
        return result

    async def outgoing(self, job: Job) -> Outgoing:
        """The finished letter of a delivery, signed; the same octets each time for one job. Raises
        CannotRender."""
        assert job.letter is not None
        letter, delivery = job.letter, job.delivery
        if letter.prepared is None and letter.rendering is None:
            await self._prepare(letter)
        if letter.prepared is not None:
            prepared = letter.prepared
            head, body = await self._shared(letter, prepared)
            job.warnings = letter.warnings
        else:
            prepared, (head, body) = await self._own(job, letter)
        message = letter.message
        options = message.options
        require_tls = bool(options.require_tls)
        sender = self._sender_of(message, delivery)
        return Outgoing(
            sender=sender,
            recipient=delivery.recipient,
            head=head,
            body=body,
            # EXT-9: only where it is really needed; raw octets of old clients never asked for it
            is_utf8=message.is_utf8 and (prepared.needs_utf8 or not (sender + delivery.recipient).isascii()),
            is_8bit=prepared.is_8bit,
            ret=message.ret,
            envid=message.envid,
            notify=delivery.notify,
            orcpt=delivery.orcpt,
            require_tls=require_tls,
            # without the duty to use TLS an unverified connection is better than one in clear
            verify_tls=require_tls and not options.skip_verification,
            promises_tls=options.promises_tls,
            tls_optional=options.tls_optional,
        )

    async def _prepare(self, letter: Loaded) -> None:
        """Once a message: one copy for all, or what copies are made of."""
        message = letter.message
        if is_plain(message.options, letter.content):
            letter.prepared = prepare(letter.content, message)
        elif len(letter.content) > _LARGE_BYTES:
            await self._render_beside(letter)
        else:
            _render(letter, self._links_of(message))

    async def _render_beside(self, letter: Loaded) -> None:
        """In a thread: an HTML part of many megabytes takes seconds, in which others want to be served and
        the supervisor wants to hear from us. Once for all who wait for it."""
        if letter.preparing is None:
            work = asyncio.to_thread(_render, letter, self._links_of(letter.message))
            letter.preparing = asyncio.create_task(work)
        task = letter.preparing
        try:
            await asyncio.shield(task)
        finally:
            if task.done() and letter.preparing is task:
                letter.preparing = None  # what failed is tried anew at the next attempt

    async def _shared(self, letter: Loaded, prepared: Prepared) -> tuple[bytes, bytes]:
        """The one signature of a letter that is the same for all."""
        if letter.signing is None:
            keys, warnings = await self._keyring.keys_for(letter.message)
            if letter.signing is None:  # nobody else came meanwhile
                letter.warnings = warnings
                letter.signing = self._signer.sign(prepared, keys, self._clock.now())
        signing = letter.signing
        try:
            return signing.result() if signing.done() else await asyncio.shield(signing)
        except Exception:
            if letter.signing is signing:
                letter.signing = None  # a letter is not condemned by one failure: the next attempt signs anew
            raise

    async def _own(self, job: Job, letter: Loaded) -> tuple[Prepared, tuple[bytes, bytes]]:
        """The copy of one recipient alone."""
        assert letter.rendering is not None
        if job.own is None:
            delivery = job.delivery
            job.own = letter.rendering.copy(delivery.id, delivery.recipient, job.copy_options)
        if job.signing is None:
            keys, job.warnings = await self._keyring.keys_for(letter.message)
            job.signing = self._signer.sign(job.own, keys, self._clock.now())
        try:
            return job.own, await job.signing
        except Exception:
            job.signing = None
            raise

    def _before_dot(self) -> bool:
        crash_point("deliver.before_dot")
        return self._may_finish()


def _render(letter: Loaded, links: Links) -> None:
    rendering = Rendering(letter.content, letter.message, links)
    if rendering.shared is not None:
        letter.prepared = rendering.shared
    else:
        letter.rendering = rendering


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


def not_made(error: CannotRender) -> SmtpResult:
    """The end of a copy that no attempt could ever make."""
    return SmtpResult(Phase.LOCAL, 554, "5.6.0", f"this copy cannot be made: {error}")


def was_never_begun(result: SmtpResult) -> bool:
    """Nobody has said anything, no content has left: where we stopped it ourselves, it may be taken back."""
    return not result.code and not result.ambiguous
