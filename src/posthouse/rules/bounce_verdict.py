"""What a returned letter's codes and words mean: a reason and a class for each recipient (BNC-2).

Public: judged.
"""

from __future__ import annotations

from dataclasses import replace

from posthouse.model.message import Phase, SmtpResult
from posthouse.model.returned import Returned, ReturnedKind, ReturnedRecipient
from posthouse.rules.bounces import class_of
from posthouse.rules.verdict import judge_result


def judged(returned: Returned) -> Returned:
    """The same with `reason` and `bounce_class` of each recipient of a bounce or a delay."""
    if returned.kind not in (ReturnedKind.BOUNCE, ReturnedKind.DELAY):
        return returned
    return replace(returned, recipients=tuple(_judged(each) for each in returned.recipients))


def _judged(recipient: ReturnedRecipient) -> ReturnedRecipient:
    code = recipient.code or (450 if recipient.enhanced.startswith("4") else 550)
    reason = judge_result(SmtpResult(Phase.RCPT, code, recipient.enhanced, recipient.text)).reason
    return replace(recipient, reason=reason, bounce_class=class_of(reason))
