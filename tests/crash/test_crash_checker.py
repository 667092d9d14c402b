"""The checker itself: it must see each kind of broken promise, or the crash tests prove nothing."""

from __future__ import annotations

from typing import Any

import pytest

from crash.checker import check
from crash.injector import Injector
from crash.ledger import Fact
from crash.letters import differs, letter_of

A, B = "a@x.test", "b@x.test"


def fact(at: float, kind: str, *detail: str) -> Fact:
    return Fact(at, kind, "m1", detail)


def got(at: float, recipient: str, verdict: str = "intact", message_id: str = "<1>") -> Fact:
    return fact(at, "got", recipient, verdict, message_id)


def ended(*recipients: str, kind: str = "delivered") -> list[dict[str, Any]]:
    return [{"kind": kind, "recipient": r} for r in recipients]


FAULT = [Fact(1.4, "fault", "worker", ()), Fact(1.5, "fault-end", "worker", ())]
SENT = fact(1.0, "sent", A)
GOOD = [SENT, got(1.2, A), fact(1.3, "acked"), fact(1.25, "done", A)]


@pytest.mark.parametrize(
    ("facts", "events", "broken"),
    [
        pytest.param(GOOD, ended(A), "", id="delivered once"),
        pytest.param([SENT, fact(1.1, "acked")], ended(A), "lost", id="R1 acked and never seen"),
        pytest.param([SENT, fact(1.1, "refused", "451"), got(3, A)], ended(A), "ghosts",
        id="R3 refused and sent"), pytest.param([SENT, fact(1.1, "aborted"), got(3, A)], ended(A),
        "ghosts", id="R3 no final dot and sent"), pytest.param([SENT, fact(1.1, "doubt"), got(3, A)],
        ended(A), "", id="in doubt and sent once"), pytest.param([SENT, fact(1.1, "doubt")], [], "",
        id="in doubt and not sent"), pytest.param([*GOOD, got(3, A)], ended(A), "unexcused",
        id="R2 second copy without a fault"), pytest.param([*GOOD, *FAULT, got(3, A)], ended(A), "",
        id="R2 second copy after a fault"), pytest.param(
            [*GOOD, Fact(9, "fault", "worker", ()), Fact(9.1, "fault-end", "worker", ()), got(10, A)],
            ended(A), "unexcused", id="R2 the fault came long after the record",
        ),
        pytest.param([*GOOD, fact(1.3, "dropped", A), got(3, A)], ended(A), "", id="F37 our own drop"),
        pytest.param([SENT, fact(1.1, "acked"), got(1.2, A, "content-changed")], ended(A), "damaged",
        id="bytes"), pytest.param(
            [*GOOD, *FAULT, got(3, A, message_id="<2>")], ended(A), "damaged", id="R2 another Message-ID",
        ),
        pytest.param([fact(1, "sent", A, B), fact(1.1, "doubt"), got(2, A)], ended(A), "torn",
        id="half stored"), pytest.param(GOOD, ended(A, A), "fates", id="R4 two ends"),
        pytest.param(GOOD, [*ended(A), *ended(A, kind="failed")], "fates", id="R4 contradiction"),
        pytest.param(GOOD, [], "fates", id="R4 no end"),
        pytest.param([got(1.0, "stranger@x.test")], [], "ghosts", id="R3 never sent at all"),
    ],
)  # fmt: skip
def test_checker_sees(facts: list[Fact], events: list[dict[str, Any]], broken: str) -> None:
    finding = check(facts, events)
    names = ("lost", "ghosts", "unexcused", "damaged", "torn", "fates")
    assert [name for name in names if getattr(finding, name)] == ([broken] if broken else [])
    assert finding.is_clean is (not broken)


def test_letters_are_the_same_each_time_and_every_change_is_seen() -> None:
    letter = letter_of(7, 5)
    assert letter_of(7, 5) == letter
    fields = b"Received: from a\r\n by b\r\nDKIM-Signature: v=1\r\n"
    assert differs(fields + letter.content, letter) == ""
    assert differs(letter.content, letter) == "nothing-added"
    assert (
        differs(fields + letter.content.replace(b"crash test", b"crash-test", 1), letter) == "content-changed"
    )
    assert differs(b"X-Odd: 1\r\n" + letter.content, letter) == "unknown-field-added"
    assert differs(b"Received: a\r\n\r\n" + letter.content, letter) == "added-fields-broken"


def test_stuffed_letters_end_where_they_should() -> None:
    for number in range(60):
        letter = letter_of(3, number)
        stuffed = letter.stuffed()
        assert stuffed.index(b"\r\n.\r\n") == len(stuffed) - 5
        assert stuffed[:-3].replace(b"\r\n..", b"\r\n.") == letter.content


def test_injector_knows_its_credentials() -> None:
    assert Injector(None, 1, "u@d:p:q", 1, 1.0).auth == b"AHVAZABwOnE="  # type: ignore[arg-type]
