"""Records of a CSV file that somebody else wrote: commas, semicolons or tabs, quoted fields over several
lines, any line ends, quotes that nobody closed.

A quote that is still open after `MOST_LINES` lines is taken for a stray one: that line is told as broken and
reading goes on behind it, so one slip costs one line and not the rest of the file.

Public: Record, records, MOST_LINES, LONGEST_LINE.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MOST_LINES = 50
LONGEST_LINE = 16_384
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class Record:
    """`line` is the number of its first line, from 1. `trouble`: why it has no cells."""

    line: int
    cells: list[str]
    trouble: str = ""


class _Lines:
    """Lines of the file, of which some may be put back. `taken`: since the last record's end."""

    def __init__(self, read_line: Callable[[int], str]) -> None:
        self._read_line = read_line
        self._back: deque[tuple[int, str]] = deque()
        self._number = 0
        self.taken: list[tuple[int, str]] = []
        self.has_ended = False  # a line was wanted, and there was none or too many were taken

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        found = self._next() if len(self.taken) < MOST_LINES else None
        if found is None:
            self.has_ended = True
            raise StopIteration
        self.taken.append(found)
        return found[1]

    def _next(self) -> tuple[int, str] | None:
        if self._back:
            return self._back.popleft()
        line = self._read_line(LONGEST_LINE)
        if not line:
            return None
        self._number += 1
        if len(line) < LONGEST_LINE or line.endswith(("\n", "\r")):
            return self._number, line
        rest = line
        while rest and not rest.endswith(("\n", "\r")):
            rest = self._read_line(LONGEST_LINE)
        return self._number, _TOO_LONG

    def put_back_all_but_first(self) -> None:
        self._back.extendleft(reversed(self.taken[1:]))


_TOO_LONG = "\0too long\n"


def records(read_line: Callable[[int], str]) -> Iterator[Record]:
    """Records in order, without empty lines. `read_line(most)` gives the next line with its end, or as much
    of it as `most` characters, "" at the end of the file. Never raises for what is in the file."""
    lines = _Lines(read_line)
    first = next(lines, "")
    delimiter = _delimiter(first)
    if first and not first.lower().startswith("sep="):
        lines.taken.append(lines.taken[0])
        lines.put_back_all_but_first()
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        lines.taken, lines.has_ended = [], False
        cells, trouble = _cells(reader)
        if not lines.taken:
            return
        number, text = lines.taken[0]
        if lines.has_ended or trouble:
            trouble = trouble or "a quoted field does not end"
            lines.put_back_all_but_first()
            reader = csv.reader(lines, delimiter=delimiter)
        elif text == _TOO_LONG:
            trouble = f"the line is longer than {LONGEST_LINE:,} characters"
        if trouble:
            yield Record(number, [], trouble)
        elif any(cell.strip() for cell in cells):
            yield Record(number, cells)


def _cells(reader: Iterator[list[str]]) -> tuple[list[str], str]:
    try:
        return next(reader, []), ""
    except csv.Error as error:
        return [], str(error)


def _delimiter(line: str) -> str:
    """What the first line divides its cells with."""
    if line.lower().startswith("sep="):
        return line[4] if line[4:5] in _DELIMITERS and line[4:5] else ","
    found = [(line.index(each), each) for each in _DELIMITERS if each in line]
    return min(found)[1] if found else ","
