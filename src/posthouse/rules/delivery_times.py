"""Delivery times as counts in buckets on a logarithmic scale, which can be added up over any period.

Public: TOOK, LAST_BUCKET, bucket_of, bucket_s, percentiles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

TOOK = "took."
"""How the metrics of buckets begin; two digits follow."""
LAST_BUCKET = 99
"""Holds everything from eight days on."""

_STEP = 1.2  # a bucket's middle is within 10 % of everything in it
_LEAST_S = 0.01
_SHARES = (50, 90, 95, 99)


def bucket_of(took_s: float) -> int:
    """The number of the bucket that holds a time; the first one holds what is shorter than 12 ms."""
    if took_s <= _LEAST_S:
        return 0
    return min(LAST_BUCKET, int(math.log(took_s / _LEAST_S) / math.log(_STEP)))


def bucket_s(number: int) -> float:
    """The time that stands for a bucket, in seconds: its geometric middle."""
    return _LEAST_S * math.pow(_STEP, number + 0.5)


def percentiles(counts: Mapping[int, int]) -> dict[int, float]:
    """From counts by bucket: share in percent -> seconds within which it was delivered; {} for none."""
    total = sum(counts.values())
    if total <= 0:
        return {}
    found: dict[int, float] = {}
    passed = 0
    for number in sorted(counts):
        passed += counts[number]
        for share in _SHARES:
            if share not in found and passed * 100 >= share * total:
                found[share] = round(bucket_s(number), 3)
    return found
