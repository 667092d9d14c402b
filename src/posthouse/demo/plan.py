"""What happens in the demonstration, hour by hour: the same every time for one seed.

Public: Letter, Plan, HOURS, WEEK.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from posthouse.demo.cast import FIRST_NAMES, KINDS, LAST_NAMES, NEWSLETTER, SITES, Kind

WEEK = 7 * 24
HOURS = 2 * WEEK  # a week to look at, and a lighter one before it to compare it with
_OF_DAY = (
    2,
    1,
    1,
    1,
    2,
    4,
    8,
    14,
    20,
    24,
    26,
    25,
    22,
    24,
    26,
    25,
    24,
    26,
    30,
    32,
    28,
    20,
    12,
    6,
)  # letters by hour, UTC
_CUSTOMERS = 900
_BATCH = 240
_BATCH_HOURS = frozenset({33, 105})  # the newsletter: on the second and the fifth day of a week
_TESTS = 0.02


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail sent `minute` minutes into its hour. `customer`: name and address. `is_test`: test mode."""

    minute: float
    kind: Kind
    customer: tuple[str, str]
    subject: str
    number: str
    is_test: bool = False


class Plan:
    """`scale`: how much of the usual traffic, 1.0 for two weeks of some 5,000 letters."""

    def __init__(self, seed: int = 1, scale: float = 1.0) -> None:
        self.random = Random(seed)  # noqa: S311 (a play, no secrets)
        self._scale = scale
        self._customers = [self._customer(number) for number in range(_CUSTOMERS)]

    def hour(self, number: int) -> Iterator[Letter]:
        """The letters of one hour, in the order of time."""
        count = round(
            _OF_DAY[number % 24] * self._scale * self.random.uniform(0.8, 1.25) * (0.5 + 0.4 * number / HOURS)
        )
        minutes = sorted(self.random.uniform(0, 59) for _ in range(count))
        weights = [kind.weight for kind in KINDS]
        for minute in minutes:
            (kind,) = self.random.choices(KINDS, weights)
            yield self._letter(minute, kind)
        if number % WEEK in _BATCH_HOURS:
            for _ in range(round(_BATCH * self._scale)):
                yield self._letter(59.5, NEWSLETTER)

    def _letter(self, minute: float, kind: Kind) -> Letter:
        number = f"{self.random.randrange(10_000, 99_999)}"
        subject = self.random.choice(kind.subjects).format(number=number)
        is_test = self.random.random() < _TESTS
        return Letter(minute, kind, self.random.choice(self._customers), subject, number, is_test)

    def _customer(self, number: int) -> tuple[str, str]:
        first, last = self.random.choice(FIRST_NAMES), self.random.choice(LAST_NAMES)
        (site,) = self.random.choices(SITES, [site.weight for site in SITES])
        local = f"{_plain(first)}.{_plain(last)}{number if number % 3 == 0 else ''}"
        return f"{first} {last}", f"{local}@{site.domain}"


def _plain(name: str) -> str:
    """`Zoë` -> `zoe`."""
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
