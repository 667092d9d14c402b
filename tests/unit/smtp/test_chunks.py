"""BDAT arguments and chunks (EXT-6)."""

from __future__ import annotations

import pytest

from posthouse.smtp.chunks import ChunkReader, parse_chunk_argument
from posthouse.smtp.replies import Reply

ARGUMENTS = {
    "12": (12, ""),
    "0 LAST": (0, "LAST"),
    "7 last": (7, "LAST"),
    "7  last": (7, "LAST"),
    "7 LAST now": (7, "LAST NOW"),
    "99999999999999999999": (99999999999999999999, ""),
    "100000000000000000000": None,
    "": None,
    "LAST": None,
    "-1": None,
    "+1": None,
    "1x": None,
    "0x10": None,
    "1.0": None,
    "１": None,
}


@pytest.mark.parametrize(("text", "expected"), ARGUMENTS.items(), ids=ARGUMENTS)
def test_arguments(text: str, expected: tuple[int, str] | None) -> None:
    assert parse_chunk_argument(text) == expected


def test_a_chunk_is_taken_exactly() -> None:
    reader, buffer = ChunkReader(100), bytearray(b"abcdefRSET")
    reader.open_chunk(4, is_last=False)
    assert not reader.is_complete
    reader.feed(buffer)
    assert reader.is_complete
    assert bytes(buffer) == b"efRSET"
    reader.open_chunk(2, is_last=True)
    reader.feed(buffer)
    assert bytes(buffer) == b"RSET"
    assert reader.held_bytes == 6
    assert reader.take_body() == b"abcdef"
    assert reader.held_bytes == 0


def test_a_doomed_body_is_counted_and_not_kept() -> None:
    reader, first, later = ChunkReader(100), Reply(552, "5.3.4", "Too big"), Reply(503, "5.5.1", "No")
    reader.open_chunk(50, is_last=False)
    reader.feed(bytearray(b"x" * 20))
    assert reader.held_bytes == 20
    reader.fail(first)
    reader.fail(later)
    assert reader.failure is first
    assert reader.held_bytes == 0
    buffer = bytearray(b"x" * 29)
    reader.feed(buffer)
    assert not buffer
    assert not reader.is_complete
    buffer += b"xQUIT"
    reader.feed(buffer)
    assert reader.is_complete
    assert bytes(buffer) == b"QUIT"
    assert reader.take_body() == b""


@pytest.mark.parametrize(("size", "too_big"), [(90, False), (91, True), (10**20 - 1, True)])
def test_the_limit_is_known_before_the_chunk_comes(size: int, too_big: bool) -> None:
    reader = ChunkReader(100)
    reader.open_chunk(10, is_last=False)
    reader.feed(bytearray(b"x" * 10))
    reader.open_chunk(size, is_last=True)
    assert reader.would_be_too_big is too_big
