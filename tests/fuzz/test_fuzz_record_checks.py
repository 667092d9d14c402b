"""Whatever DNS has, each record gets a state and a sentence of bounded length (D-01)."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from posthouse.desk.domain_checks import check_domain
from posthouse.desk.verification import as_row
from posthouse.model.account import Domain, DomainKey, KeyState
from posthouse.rules.checks import State
from posthouse.rules.dns import Found, Unanswered
from posthouse.rules.records import Sender, needed

KEY = DomainKey("k", "d", "ph1", "rsa-sha256", b"", "MIIB" + "A" * 388, KeyState.ACTIVE, 1.0)
DOMAIN = Domain("d", "a", "a.test", "us", None, 1.0)
SENDER = Sender("h.test", ("192.0.2.1",))
VALUES = [record.value for record in needed(DOMAIN, [KEY], SENDER)]

TEXTS = st.one_of(
    st.sampled_from(VALUES),
    st.sampled_from(VALUES).flatmap(lambda value: st.integers(0, len(value)).map(lambda at: value[:at])),
    st.text('v=spf1DKIM; p"\\:/%{}~-+?allmxip4.\0é', max_size=60),
    st.text(max_size=20).map(lambda text: f"v=spf1 {text * 50}"),
    st.text(max_size=20).map(lambda text: f"v=DKIM1; p={text * 50}"),
    st.text(max_size=20).map(lambda text: f"v=DMARC1; {text}"),
)
NAMES = st.sampled_from(["", "h.test", "h.test.a.test", "x.test"])
ANSWERS = st.one_of(
    st.none(),
    st.builds(
        Found,
        st.booleans(),
        st.lists(st.tuples(st.integers(0, 9), TEXTS), max_size=4).map(tuple),
        NAMES,
        st.booleans(),
    ),
)


@given(st.lists(ANSWERS, min_size=1, max_size=12))
def test_anything_is_explained(answers: list[Found | None]) -> None:
    turn = iter(range(10**6))

    async def ask(name: str, kind: str) -> Found:
        answer = answers[next(turn) % len(answers)]
        if answer is None:
            raise Unanswered("no answer in time")
        if kind in ("A", "AAAA"):
            return Found(rows=((0, "192.0.2.1" if kind == "A" else "2001:db8::1"),))
        return answer

    checks = asyncio.run(check_domain(ask, DOMAIN, [KEY], SENDER))
    assert [check.record.value for check in checks[: len(VALUES)]] == VALUES
    for check in checks:
        assert check.state in State
        assert check.text
        assert len(check.text) <= 1500
        assert len(check.found) <= 200
        assert as_row(check)["is_there"] == (check.state is State.OK)
    assert next(turn) < 1000
