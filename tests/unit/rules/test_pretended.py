"""Failures that an address asks for."""

from __future__ import annotations

import pytest

from posthouse.model.event import EventKind
from posthouse.model.message import Phase, Verdict
from posthouse.rules.pretended import answer_of, sequel_of
from posthouse.rules.verdict import judge_result


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ("refuse-550@example.com", (550, "5.1.1", Verdict.FAILED, "bad-mailbox")),
        ("Refuse-550@example.com", (550, "5.1.1", Verdict.FAILED, "bad-mailbox")),
        ("refuse-550+run7@example.com", (550, "5.1.1", Verdict.FAILED, "bad-mailbox")),
        ("ann+refuse-550@example.com", (550, "5.1.1", Verdict.FAILED, "bad-mailbox")),
        ("refuse-550-5.7.1@example.com", (550, "5.7.1", Verdict.FAILED, "policy-block")),
        ("refuse-552@example.com", (552, "5.2.2", Verdict.FAILED, "mailbox-full")),
        ("refuse-554@example.com", (554, "5.7.1", Verdict.FAILED, "spam-content")),
        ("refuse-599@example.com", (599, "5.0.0", Verdict.FAILED, "rejected")),
        ("defer-451@example.com", (451, "4.7.1", Verdict.DEFERRED, "greylisted")),
        ("defer-452@example.com", (452, "4.2.2", Verdict.DEFERRED, "mailbox-full")),
        ("defer-421@example.com", (421, "4.3.2", Verdict.DEFERRED, "server-trouble")),
        ("defer-499-9@example.com", (499, "4.0.0", Verdict.DEFERRED, "temporary")),
    ],
)
def test_W_03_an_address_asks_for_a_failure(recipient: str, expected: tuple[int, str, Verdict, str]) -> None:
    result = answer_of(recipient, 1)
    assert result is not None and result.is_pretended
    judged = judge_result(result)
    assert (result.code, result.enhanced, judged.verdict, judged.reason) == expected


@pytest.mark.parametrize(
    "recipient",
    [
        "ann@example.com",
        "refuse-450@example.com",
        "refuse-550-4.1.1@example.com",
        "refuse-55@example.com",
        "defer-550@example.com",
        "defer-451-0@example.com",
        "defer-451-10@example.com",
        "please-refuse-550@example.com",
        "refuse-550.ann@example.com",
        "complain@example.com",
        "bounce-late@example.com",
        "ann@refuse-550",
        "",
        "@",
        "\udcff+\0@x",
    ],
)
def test_other_addresses_take_their_mail(recipient: str) -> None:
    assert answer_of(recipient, 1) is None


@pytest.mark.parametrize(
    ("recipient", "put_off"),
    [("defer-451@x.test", 1), ("defer-451-1@x.test", 1), ("defer-451-3@x.test", 3)],
)
def test_mail_is_put_off_as_often_as_asked(recipient: str, put_off: int) -> None:
    taken = [answer_of(recipient, attempt) is None for attempt in range(1, 6)]
    assert taken == [attempt > put_off for attempt in range(1, 6)]


@pytest.mark.parametrize(
    ("recipient", "phase"), [("refuse-550@x.test", Phase.RCPT), ("refuse-552@x.test", Phase.BODY)]
)
def test_the_place_is_where_hosts_say_so(recipient: str, phase: Phase) -> None:
    result = answer_of(recipient, 1)
    assert result is not None and result.phase is phase


@pytest.mark.parametrize(
    ("recipient", "kind", "values"),
    [
        ("bounce-late@x.test", EventKind.BOUNCED, {"code": 550, "bounce_class": "hard"}),
        ("a+Bounce-Late-552@x.test", EventKind.BOUNCED, {"code": 552, "bounce_class": "soft"}),
        ("complain@x.test", EventKind.COMPLAINED, {"feedback_type": "abuse"}),
    ],
)  # fmt: skip
def test_what_follows_a_delivery(recipient: str, kind: EventKind, values: dict[str, object]) -> None:
    sequel = sequel_of(recipient)
    assert sequel is not None and sequel.kind is kind
    assert sequel.detail.items() >= (values | {"pretended": True}).items()


@pytest.mark.parametrize("recipient", ["ann@x.test", "refuse-550@x.test", "complainer@x.test", "x@complain"])
def test_nothing_follows_for_others(recipient: str) -> None:
    assert sequel_of(recipient) is None
