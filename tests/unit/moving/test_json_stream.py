"""JSON values one after the other, however they are cut into pieces."""

from __future__ import annotations

import io
import json
import tracemalloc
from typing import Any

import pytest

from posthouse.moving import json_stream
from posthouse.moving.json_stream import BadJson, values

SOUND: list[tuple[str, list[Any]]] = [
    ("", []),
    ("[]", []),
    ("[1, 2.5, -3e2]", [1, 2.5, -300.0]),
    ('["a", "ä\\u00e4"]', ["a", "ää"]),
    ('[{"a": 1}, {"a": [1, 2]}]', [{"a": 1}, {"a": [1, 2]}]),
    ("[[1], []]", [[1], []]),
    ('{"a": 1}', [{"a": 1}]),
    ('{"a": 1}\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
    ("[1]\n[2]", [1, 2]),
    ("\ufeff[true, null]", [True, None]),
]


@pytest.mark.parametrize(("text", "found"), SOUND, ids=lambda value: repr(value)[:40])
@pytest.mark.parametrize("step", [1, 3, 65536])
def test_values_come_out_whatever_the_pieces(text: str, found: list[Any], step: int) -> None:
    stream = io.BytesIO(text.encode())
    assert list(values(lambda most: stream.read(step))) == found


@pytest.mark.parametrize(
    "text",
    [
        b"[1, 2",
        b'[{"a": 1}',
        b'{"a": 1',
        b"]",
        b"[nan]",
        b"[NaN]",
        b"[Infinity]",
        b"x",
        b"[\xff]",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" + b"9" * 5000 + b"]",
        b'"open',
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_json_ends_with_a_sentence(text: bytes) -> None:
    with pytest.raises(BadJson) as caught:
        list(values(io.BytesIO(text).read))
    assert len(str(caught.value)) < 200


def test_a_value_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "MOST_VALUE", 200_000)
    with pytest.raises(BadJson, match="longer than"):
        list(values(io.BytesIO(b'["' + b"x" * 400_000 + b'"]').read))


def test_a_long_array_needs_no_more_memory_than_a_short_one() -> None:
    row = json.dumps({"email": "somebody@good.test", "reason": "x" * 200}).encode() + b","
    left = 20_000

    def read(most: int) -> bytes:
        nonlocal left
        left -= 100
        return b"[" * (left == 19_900) + row * 100 if left > 0 else (row[:-1] + b"]") * (left == 0)

    tracemalloc.start()
    count = sum(1 for _ in values(read))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 19_901
    assert peak < 2_000_000
