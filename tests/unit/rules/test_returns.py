"""What follows from a letter that came back."""

from __future__ import annotations

import pytest

from posthouse.model.message import Message
from posthouse.model.options import SendOptions
from posthouse.model.returned import Returned, ReturnedKind, ReturnedRecipient
from posthouse.rules.returns import Deed, deed_of, said_about, scopes_of

TO_RETURN_PATHS = {
    ReturnedKind.BOUNCE: Deed.BOUNCE,
    ReturnedKind.COMPLAINT: Deed.COMPLAINT,
    ReturnedKind.OPT_OUT: Deed.UNSUBSCRIBE,
    ReturnedKind.DELAY: Deed.TELL,
    ReturnedKind.SUCCESS: Deed.TELL,
    ReturnedKind.NOT_SPAM: Deed.NOTHING,
    ReturnedKind.AUTO_REPLY: Deed.NOTHING,
    ReturnedKind.CHALLENGE: Deed.NOTHING,
    ReturnedKind.OTHER: Deed.NOTHING,
}
TO_UNSUBSCRIBE = {
    ReturnedKind.OTHER: Deed.UNSUBSCRIBE,
    ReturnedKind.OPT_OUT: Deed.UNSUBSCRIBE,
    ReturnedKind.COMPLAINT: Deed.COMPLAINT,
}


@pytest.mark.parametrize("kind", ReturnedKind)
def test_what_is_done(kind: ReturnedKind) -> None:
    assert deed_of(kind, to_unsubscribe=False) is TO_RETURN_PATHS[kind]
    assert deed_of(kind, to_unsubscribe=True) is TO_UNSUBSCRIBE.get(kind, Deed.NOTHING)


ANN = ReturnedRecipient("ann@far.test", code=550)
BOB = ReturnedRecipient("bob@elsewhere.test", "Bob@Far.test", code=552)


@pytest.mark.parametrize(
    ("recipients", "address", "said"),
    [
        ((ANN, BOB), "ann@far.test", ANN),
        ((ANN, BOB), "ANN@far.test", ANN),
        ((ANN, BOB), "bob@far.test", BOB),
        ((BOB, ANN), "moved@far.test", BOB),
        ((), "ann@far.test", ReturnedRecipient("ann@far.test")),
    ],
    ids=["named", "in other case", "as it was written to", "not named: the first", "nobody named"],
)
def test_what_a_report_says_about_its_recipient(
    recipients: tuple[ReturnedRecipient, ...], address: str, said: ReturnedRecipient
) -> None:
    assert said_about(Returned(ReturnedKind.BOUNCE, recipients), address) == said


@pytest.mark.parametrize(
    ("options", "scopes"),
    [
        (SendOptions(), [""]),
        (SendOptions(auto_unsubscribe="unsubscribe", unsubscribe_group=7), [""]),
        (SendOptions(auto_unsubscribe="unsubscribe_global"), ["global"]),
        (SendOptions(auto_unsubscribe="unsubscribe_tags", tags=("News", "b")), ["tag:news", "tag:b"]),
        (SendOptions(auto_unsubscribe="unsubscribe_tags"), [""]),
        (SendOptions(auto_unsubscribe="unsubscribe_group", unsubscribe_group=7), ["group:7"]),
        (SendOptions(auto_unsubscribe="preferences", unsubscribe_group=7), ["group:7"]),
        (SendOptions(auto_unsubscribe="preferences"), [""]),
        (SendOptions(unsubscribe_group=7), ["group:7"]),
    ],
)
def test_what_mail_to_the_unsubscribe_address_leaves(options: SendOptions, scopes: list[str]) -> None:
    message = Message("m", "a", "shop.test", "c", "", "", "", 1, 0.0, 0.0, options=options)
    assert scopes_of(message) == scopes
