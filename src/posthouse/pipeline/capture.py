"""Mail that is kept instead of sent: what became of it, without any network.

The finished copy counts as delivered, code 650; an address may ask for a failure (`rules.pretended`).

Public: capture, Captured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from posthouse.mail.render import CannotRender
from posthouse.model.message import Outcome, Phase, SmtpResult, Verdict
from posthouse.pipeline.deliver import Deliverer, not_made
from posthouse.pipeline.letters import Job
from posthouse.rules.pretended import AGAIN_S, answer_of

_CAPTURED = "captured: kept on this machine, not sent"
_TESTED = "Test mode: message was not sent"  # what customers' programs know


@dataclass(frozen=True, slots=True)
class Captured:
    """`copy`: what would have left, b"" where the recipient would not have it."""

    result: SmtpResult
    outcome: Outcome
    copy: bytes = b""


async def capture(
    job: Job, deliverer: Deliverer, judge: Callable[[Job, SmtpResult], Outcome], now: float
) -> Captured:
    """One attempt. Raises what a broken key raises."""
    try:
        outgoing = await deliverer.outgoing(job)
    except CannotRender as error:
        return Captured(never := not_made(error), judge(job, never))
    refusal = answer_of(job.delivery.recipient, job.delivery.attempt)
    if refusal is not None:
        outcome = judge(job, refusal)
        if outcome.verdict is Verdict.DEFERRED:
            outcome.retry_at = now + AGAIN_S
        return Captured(refusal, outcome)
    text = _TESTED if job.is_test else _CAPTURED
    result = SmtpResult(Phase.DONE, 250, "2.0.0", text, mx="captured")
    outcome = judge(job, result)
    outcome.code = 650
    return Captured(result, outcome, outgoing.head + outgoing.body)
