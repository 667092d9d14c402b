"""What a letter that came back to a return path of ours means for the delivery that it names.

The return path decides who it is about. Forwarders and lists name other addresses in their reports; what they
say counts for the recipient that we wrote to (BNC-1).

Public: Deed, deed_of, said_about, scopes_of.
"""

from __future__ import annotations

from enum import StrEnum

from posthouse.model.message import Message
from posthouse.model.returned import Returned, ReturnedKind, ReturnedRecipient


class Deed(StrEnum):
    """What to do. TELL: pass it on to an author who asked for such reports; NOTHING: it is counted."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    TELL = "tell"
    NOTHING = "nothing"


_DEEDS = {
    ReturnedKind.BOUNCE: Deed.BOUNCE,
    ReturnedKind.COMPLAINT: Deed.COMPLAINT,
    ReturnedKind.OPT_OUT: Deed.UNSUBSCRIBE,
    ReturnedKind.DELAY: Deed.TELL,
    ReturnedKind.SUCCESS: Deed.TELL,
}
_BY_PEOPLE = frozenset({ReturnedKind.OTHER, ReturnedKind.OPT_OUT})


def deed_of(kind: ReturnedKind, *, to_unsubscribe: bool) -> Deed:
    """`to_unsubscribe`: it was sent to an address for that. People write there; what machines answer there
    says nothing."""
    if to_unsubscribe and kind is not ReturnedKind.COMPLAINT:
        return Deed.UNSUBSCRIBE if kind in _BY_PEOPLE else Deed.NOTHING
    return _DEEDS.get(kind, Deed.NOTHING)


def said_about(returned: Returned, address: str) -> ReturnedRecipient:
    """What a report says about the recipient of its delivery: what it says about that address, else about the
    first one that it names."""
    folded = address.lower()
    for each in returned.recipients:
        if folded in (each.address.lower(), each.original.lower()):
            return each
    return returned.recipients[0] if returned.recipients else ReturnedRecipient(address)


def scopes_of(message: Message) -> list[str]:
    """What the field List-Unsubscribe of a message stands for (see `pipeline.engage`), also by mail."""
    options = message.options
    link = options.auto_unsubscribe
    if link == "unsubscribe_global":
        return ["global"]
    if link == "unsubscribe_tags" and options.tags:
        return [f"tag:{tag.lower()}" for tag in options.tags]
    if link in ("", "unsubscribe_group", "preferences") and options.unsubscribe_group:
        return [f"group:{options.unsubscribe_group}"]
    return [""]
