"""Which deliveries somebody means who wants something done to the queue.

Public: chosen.
"""

from __future__ import annotations

from posthouse.desk.domains import sending_name
from posthouse.model.errors import Refused
from posthouse.store.queue import Selector


def chosen(
    account_id: str,
    *,
    lane: str = "",
    domain: str = "",
    message: str = "",
    recipient: str = "",
    everything: bool = False,
) -> Selector:
    """Exactly one way to choose: two at once would leave in doubt whether they widen or narrow. Raises
    Refused."""
    given = [bool(lane), bool(domain), bool(message), bool(recipient), everything]
    if sum(given) != 1:
        text = "Choose by one of: a lane, a domain, a message, a recipient, everything"
        raise Refused(501, "5.5.4", text, reason="bad-choice")
    return Selector(
        lane=lane,
        domain=sending_name(domain) if domain else "",
        message_id=message,
        recipient=recipient,
        everything=everything,
        account_id=account_id,
    )
