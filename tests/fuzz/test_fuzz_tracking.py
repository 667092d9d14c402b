"""Links and visitors from anywhere: nothing raises, nothing forged is believed, every answer has bounds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.tokens import click_data, domain_tag, old_tag, read_token, verify, write_token
from posthouse.rules.languages import choose_language
from posthouse.rules.machines import MACHINES, in_bursts, judge_visit
from posthouse.rules.user_agents import read_agent

ids = st.one_of(
    st.from_regex(r"[0-7][0-9A-HJKMNP-TV-Z]{25}\.\d{4}", fullmatch=True),
    st.text(min_size=1, max_size=60, alphabet=st.characters(codec="utf-8")),
)
tags = st.sampled_from([domain_tag("shop.test"), old_tag("shop.test")])
urls = st.text(max_size=300, alphabet=st.characters(codec="utf-8"))


@given(st.text(max_size=400))
def test_a_token_of_anybody_proves_nothing(text: str) -> None:
    token = read_token(text)
    assert token is None or not verify(token, b"key")


@given(st.sampled_from("cou"), tags, ids, st.binary(max_size=100))
def test_what_is_written_is_read(kind: str, tag: bytes, delivery_id: str, data: bytes) -> None:
    token = read_token(write_token(b"key", tag, kind, delivery_id, data))
    assert token is not None and verify(token, b"key")
    assert (token.kind, token.tag, token.delivery_id, token.data) == (kind, tag, delivery_id, data)


@given(tags, ids, urls, st.data())
def test_S17_one_changed_letter_is_enough(
    tag: bytes, delivery_id: str, url: str, data: st.DataObject
) -> None:
    text = write_token(b"key", tag, "c", delivery_id, click_data(url, 0, "html"))
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("ABCdef019-_"))
    changed = text[:at] + other + text[at + 1 :]
    token = read_token(changed)
    assert changed == text or token is None or not verify(token, b"key")


@given(st.text(max_size=2000), st.text(max_size=60))
def test_any_visitor_is_judged(agent: str, address: str) -> None:
    assert judge_visit(agent, address) in (*MACHINES, "")
    assert all(len(word) < 40 for word in read_agent(agent).as_data().values())
    assert choose_language(agent, ("en", "de")) in ("en", "de")


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 5)), max_size=30))
def test_bursts_are_places_of_the_list(clicks: list[tuple[float, int]]) -> None:
    assert in_bursts(sorted(clicks)) <= set(range(len(clicks)))
