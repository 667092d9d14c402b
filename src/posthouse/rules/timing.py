"""When a recipient likes to get mail: the hour of their past opens and clicks, or a time of their own day.

`docs/scheduling.md` tells the model to people. All instants are seconds since the epoch.

Public: best_instant, local_instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

LEAST_ENGAGEMENTS = 3
HALF_LIFE_S = 30 * 86400.0
_NEIGHBOUR = 0.5
_HOUR_S = 3600.0


def best_instant(engaged_at: Sequence[float], earliest: float, period_s: float) -> float:
    """The first moment from `earliest` on that lies in the recipient's best hour, at most `period_s` later.

    `engaged_at`: when they opened or clicked. `earliest` itself: that hour is now, or beyond the period, or
    too little is known of them.
    """
    if len(engaged_at) < LEAST_ENGAGEMENTS:
        return earliest
    liked = _liking(engaged_at, earliest)
    this_hour = int(earliest // _HOUR_S)
    # of equally good hours the next one
    ahead = max(range(24), key=lambda hours: (liked[(this_hour + hours) % 24], -hours))
    if not ahead:
        return earliest
    best = (this_hour + ahead) * _HOUR_S
    return best if best <= earliest + period_s else earliest


def _liking(engaged_at: Sequence[float], now: float) -> list[float]:
    """A weight for each hour of the day in UTC. What is 30 days old counts half; the hours beside an
    engagement get half of it, so that 9:58 and 10:02 are one habit."""
    liked = [0.0] * 24
    for at in engaged_at:
        weight = 0.5 ** (max(0.0, now - at) / HALF_LIFE_S)
        hour = int(at // _HOUR_S) % 24
        liked[hour] += weight
        liked[hour - 1] += weight * _NEIGHBOUR
        liked[(hour + 1) % 24] += weight * _NEIGHBOUR
    return [round(weight, 9) for weight in liked]


def local_instant(clock_time: str, zone_name: str, earliest: float) -> float | None:
    """The next moment from `earliest` on at which clocks of the zone show `clock_time` (HH:MM).

    None: the zone is unknown. A time that the change to summer time skips comes as much later as clocks are
    put forward; of one that the change back repeats, the first that is not over.
    """
    zone = _zone(zone_name)
    if zone is None:
        return None
    hour, minute = (int(part) for part in clock_time.split(":"))
    today = datetime.fromtimestamp(earliest, UTC).astimezone(zone).date()
    for days in range(-1, 3):
        wanted = datetime.combine(today + timedelta(days), time(hour, minute), tzinfo=zone)
        first = wanted.timestamp()
        again = wanted.replace(fold=1).timestamp()  # later only where the hour is there twice
        for at in (first, again):
            if at >= max(earliest, first):
                return at
    return None


@lru_cache(maxsize=1000)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # LookupError: not in the database; others: not even a name
        return None
