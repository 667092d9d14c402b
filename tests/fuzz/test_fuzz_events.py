"""Whatever stands in an event, each form tells it as bounded JSON that every reader takes, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from posthouse.desk import hook_keys
from posthouse.dialects.table import HOOK_FORMS
from posthouse.model.event import Event, EventKind
from posthouse.model.hook import Told
from unit.dialects.event_story import CONTENT, MESSAGE, STORY

MOST_BYTES = 128 * 1024  # of an event without the mail's own text
KEYS = {dialect: hook_keys.make(dialect).key for dialect in HOOK_FORMS}
# what the pipeline writes, so that the draws reach the branches
NAMES = sorted({key for told in STORY.values() for key in told.event.data} | {"url", "group", "warnings"})
WORDS = sorted(
    {str(value) for told in STORY.values() for value in told.event.data.values() if isinstance(value, str)}
    | {"expired", "tls-required", "delivery time expired; last reply: 451 \x00", "group:7", "group:\u0663"}
)

any_text = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF), max_size=5),
    st.sampled_from(WORDS),
    st.just("\x00\u2028<script>\r\n"),
    st.just("é" * 100_000),
)
any_value = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), any_text, st.just(10**200)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(any_text, inner, max_size=4)),
    max_leaves=12,
)
any_data = st.dictionaries(st.one_of(st.sampled_from(NAMES), any_text), any_value, max_size=14)
any_event = st.builds(
    Event,
    id=st.one_of(st.just(STORY["opened"].event.id), any_text),
    kind=st.sampled_from(EventKind),
    at=st.floats(),
    account_id=any_text,
    domain=any_text,
    message_id=st.one_of(st.just(MESSAGE.id), any_text),
    delivery_id=st.one_of(st.just(f"{MESSAGE.id}.0001"), any_text),
    recipient=any_text,
    data=any_data,
)
any_message = st.one_of(
    st.none(),
    st.just(MESSAGE),
    st.builds(
        lambda text, other: replace(
            MESSAGE, sender=text, subject=other, header_id=other, author=text, addressed=text
        ),
        any_text,
        any_text,
    ),
)
any_content = st.one_of(
    st.just(b""), st.binary(max_size=200), st.just(CONTENT), st.just(CONTENT.replace(b"\xbc", b"\0\xff"))
)


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth_of, inner), default=0)


@pytest.mark.parametrize("dialect", HOOK_FORMS)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(any_event, any_message, any_content)
@example(
    replace(STORY["accepted"].event, data={"metadata": {"a\ud800": "\ud800", "b": [1e400, 2**70]}}), None, b""
)
def test_any_event_becomes_json_or_nothing(dialect: str, event: Event, message: Any, content: bytes) -> None:
    form, told = HOOK_FORMS[dialect], Told(event, message, content)
    name = form.name_of(told)
    assert not name or event.kind in form.kinds[name] or dialect == "sendgrid"
    body = form.event_json(told)
    if body is None:
        return
    posted = form.request([("event-id", body)], KEYS[dialect], 1_700_000_000.0)
    assert len(posted.content) <= MOST_BYTES + len(content)
    text = posted.content.decode()  # strict UTF-8
    assert "\\u0000" not in text and "\0" not in text
    assert depth_of(json.loads(text, parse_constant=pytest.fail)) < 24
    assert all(value.isascii() and value.isprintable() for value in posted.headers.values())


@pytest.mark.parametrize("dialect", HOOK_FORMS)
def test_the_largest_data_stay_within_bounds(dialect: str) -> None:
    huge = dict.fromkeys(NAMES, "\x00é" * 500000) | {
        "metadata": {f"k{number}": "é" * 1_000 for number in range(2_000)},
        "tags": ["é" * 100_000] * 1_000,
        "warnings": ["é" * 100_000] * 1_000,
        "scopes": ["é" * 100_000] * 1_000,
        "client": {f"k{number}": "é" * 1_000 for number in range(2_000)},
    }
    form = HOOK_FORMS[dialect]
    for kind in EventKind:
        body = form.event_json(Told(replace(STORY["opened"].event, kind=kind, data=huge), MESSAGE))
        if body is not None:
            size = len(form.request([("event-id", body)], None, 1.0).content)
            assert size <= 256 * 1024, f"{kind}: {size:,} octets"
