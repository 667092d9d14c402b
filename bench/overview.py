"""How long the dashboard's overview takes, with the counters that ten million events of a quarter leave.

    python -m bench.overview            # makes a store of 700,000 counters in a folder of its own: a minute

The overview reads counters and the open queue, never the log, so events themselves are not needed.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from posthouse.desk import accounts
from posthouse.desk.accounts import USUAL
from posthouse.doors.web.dashboard import overview
from posthouse.model.clock import Ids, SystemClock
from posthouse.rules.metrics import ACCOUNT, DAY, DOMAIN, HOUR, SITE, TAG
from posthouse.store import tallies
from posthouse.store.connection import Connection
from posthouse.store.engine import connect, migrate

DAYS = 90
NAMES = {SITE: 200, DOMAIN: 50, TAG: 500}
METRICS = (
    "accepted",
    "delivered",
    "failed",
    "deferred",
    "opened.unique",
    "clicked.unique",
    "complained",
    "bounced",
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """As much of a visit as the overview reads."""

    account_id: str
    account: str
    now: float
    is_operator: bool = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder)}/overview.db"
        migrate(url)
        with connect(url) as conn:
            visitor = _filled(conn)
            for key, (_, span, back_s) in overview.PERIODS.items():
                when = overview._period(visitor.now, span, back_s)
                _report(key, _times(partial(overview._shown, conn, visitor, key, ""), rounds))
                _report(
                    f"{key}, names",
                    _times(partial(overview._largest, conn, visitor.account_id, when), rounds),
                )


def _filled(conn: Connection) -> Visitor:
    now = time.time()
    with conn.transaction():
        account_id = accounts.ensure(conn, Ids(SystemClock()), now)
    today = int(now // 86400)
    for day in range(today - DAYS + 1, today + 1):
        with conn.transaction():
            tallies.add(conn, dict(_day(account_id, day)))
    return Visitor(account_id, USUAL, now)


def _day(account_id: str, day: int) -> Iterator[tuple[tallies.Key, int]]:
    for number, metric in enumerate(METRICS):
        yield (account_id, ACCOUNT, "", DAY, day, metric), 111_000 // (number + 1)
        for hour in range(24):
            yield (account_id, ACCOUNT, "", HOUR, day * 24 + hour, metric), 4_600 // (number + 1)
        for dim, count in NAMES.items():
            for name in range(count):
                yield (account_id, dim, f"{dim}{name}.example.net", DAY, day, metric), 1 + 9_000 // (name + 1)


def _times(work: Callable[[], object], rounds: int) -> list[float]:
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return sorted(found)


def _report(key: str, times: list[float]) -> None:
    p95 = times[int(0.95 * (len(times) - 1))]
    print(f"{key:15} median {statistics.median(times) * 1e3:6.1f} ms   p95 {p95 * 1e3:6.1f} ms")


if __name__ == "__main__":
    main()
