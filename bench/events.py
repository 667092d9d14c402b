"""Ten million events in a store of their own, and how long the usual searches take: `python -m bench.events`.

    python -m bench.events make FILE [--events 10000000]   fill a SQLite file (some 8 GB), about ten minutes
    python -m bench.events ask FILE [--rounds 40]          a table of queries with their times
    python -m bench.events hot                             what events cost a message, in us of CPU

`make` writes the tables' rows as `store.events` would, in the order of ids, with the indexes made at the end.
Ten accounts: the first has nine tenths of all, the last a thousandth. Rare on purpose: complaints, one tag,
one campaign, one recipient's domain, one sending domain.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from posthouse.model.clock import FakeClock, Ids
from posthouse.model.event import Event, EventKind
from posthouse.pipeline import fold
from posthouse.store import events, outbox
from posthouse.store.connection import Connection
from posthouse.store.engine import connect, migrate
from posthouse.store.events import EventQuery
from posthouse.store.rows import event_row, labels_of

DAYS = 90
NOW = 1_790_000_000.0
BIG, SMALL = "01ACCOUNTBIG00000000000000", "01ACCOUNTSMALL000000000000"
_PART = 20_000
_INDEXES = ("event_message", "event_recipient", "event_kind", "event_domain")
_COMMON = ["gmail.test", "outlook.test", "yahoo.test", "gmx.test", "web.test", "orange.test", "mail.test"]
_TAGS = ["newsletter", "receipt", "welcome", "reset", "invoice", "digest"]


def _account(dice: random.Random) -> str:
    drawn = dice.random()
    if drawn < 0.9:
        return BIG
    return SMALL if drawn > 0.999 else f"01ACCOUNT{dice.randrange(8)}000000000000000"


def _domain(account: str, dice: random.Random) -> str:
    if account == BIG and dice.random() < 0.0005:
        return "rare.sender.test"
    return f"s{dice.randrange(4)}.{account[9:14].lower()}.test"


def _letter(ids: Ids, clock: FakeClock, dice: random.Random, number: int) -> list[Event]:
    """Three events or so of one recipient, as the pipeline writes them."""
    account = _account(dice)
    site = f"firma{dice.randrange(200_000)}.test" if dice.random() < 0.3 else dice.choice(_COMMON)
    if dice.random() < 0.00001:
        site = "rare.recipient.test"
    recipient = f"user{dice.randrange(3_000_000)}@{site}"
    message, domain = ids.new(), _domain(account, dice)
    shared: dict[str, object] = {"tags": [dice.choice(_TAGS)], "metadata": {"order": str(number)}}
    if dice.random() < 0.0001:
        shared["tags"] = ["rare", "newsletter"]
    if dice.random() < 0.3:
        shared["metadata"] = {"order": str(number), "campaign": f"c{dice.randrange(300)}"}
    end = {
        "attempt": 1,
        "code": 250,
        "enhanced": "2.0.0",
        "text": "2.0.0 Ok: queued as 4F1C2A0B3D",
        "phase": "done",
    }
    end |= {
        "mx": f"mx1.{site}",
        "address": "192.0.2.17",
        "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384",
        "site": site,
    }
    end |= {
        "transcript": "C: MAIL FROM:<b@s.test>\nS: 250 2.1.0 Ok\nC: RCPT TO:<u@r.test>\nS: 250 2.1.5 Ok\n" * 2
    }
    kinds = [EventKind.ACCEPTED, EventKind.FAILED if dice.random() < 0.02 else EventKind.DELIVERED]
    if dice.random() < 0.1:
        kinds.insert(1, EventKind.DEFERRED)
    if dice.random() < 0.25:
        kinds.append(EventKind.OPENED)
    if dice.random() < 0.04:
        kinds.append(EventKind.CLICKED)
    if dice.random() < 0.0002:
        kinds.append(EventKind.COMPLAINED)
    head = {"sender": f"b@{domain}", "subject": "Your order has been shipped", "size_bytes": 14_321}
    return [
        Event(
            ids.new(), kind, clock.now(), account, domain, message, f"{message}.0000", recipient,
            (head if kind is EventKind.ACCEPTED else end) | shared,
        )
        for kind in kinds
    ]  # fmt: skip


def _all_events(most: int) -> Iterator[list[Event]]:
    clock = FakeClock(NOW - DAYS * 86400)
    ids, dice = Ids(clock), random.Random(5)
    step = DAYS * 86400 * 2.4 / most
    made, number, part = 0, 0, list[Event]()
    while made < most:
        part += _letter(ids, clock, dice, number)
        clock.advance(step)
        number += 1
        if len(part) >= _PART:
            made += len(part)
            yield part
            part = []


def make(path: str, most: int) -> None:
    """Fill the file."""
    migrate(f"sqlite:///{path}")
    raw = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous=off", "journal_mode=off", "cache_size=-2000000", "temp_store=memory"):
        raw.execute(f"pragma {pragma}")
    texts = [
        raw.execute("select sql from sqlite_master where name = ?", (name,)).fetchone()[0]
        for name in _INDEXES
    ]
    for name in _INDEXES:
        raw.execute(f"drop index {name}")
    raw.execute("create temp table label_heap (account_id, label, event_id)")
    begun, made = time.monotonic(), 0
    for part in _all_events(most):
        raw.execute("begin")
        raw.executemany("insert into event values (?,?,?,?,?,?,?,?,?)", map(event_row, part))
        raw.executemany(
            "insert into label_heap values (?,?,?)", [row for item in part for row in labels_of(item)]
        )
        raw.execute("commit")
        made += len(part)
        print(f"\r{made:,} events, {made / (time.monotonic() - begun):,.0f}/s", end="", file=sys.stderr)
    print("\nlabels and indexes", file=sys.stderr)
    raw.execute("insert into event_label select * from label_heap order by account_id, label, event_id")
    for text in texts:
        raw.execute(text)
    raw.close()
    print(f"{made:,} events, {Path(path).stat().st_size / 1e9:.1f} GB, {time.monotonic() - begun:.0f} s")


def _queries(dice: random.Random) -> dict[str, Callable[[], EventQuery]]:
    kinds = EventKind
    new = {"account_id": BIG, "newest_first": True}
    end = NOW - 86400 * 10

    def of(**fields: object) -> Callable[[], EventQuery]:
        return lambda: EventQuery(**{**new, **fields})  # type: ignore[arg-type]

    def day() -> dict[str, float]:
        since = NOW - 86400 * dice.randrange(2, 80)
        return {"since": since, "until": since + 86400}

    return {
        "latest of a large account": of(),
        "latest of a small account": of(account_id=SMALL),
        "one day": lambda: of(**day())(),
        "failed": of(kinds=(kinds.FAILED,)),
        "failed or deferred, one day": lambda: of(kinds=(kinds.FAILED, kinds.DEFERRED), **day())(),
        "a rare kind": of(kinds=(kinds.COMPLAINED,)),
        "a rare kind, all accounts": of(kinds=(kinds.COMPLAINED,), account_id=""),
        "a kind that never happened": of(kinds=(kinds.REJECTED,)),
        "a recipient": lambda: of(recipient=f"user{dice.randrange(3_000_000)}@gmail.test")(),
        "a tag": of(tags=("newsletter",)),
        "a rare tag": of(tags=("rare",)),
        "a tag, failed": of(tags=("newsletter",), kinds=(kinds.FAILED,)),
        "a rare tag, complained": of(tags=("rare",), kinds=(kinds.COMPLAINED,)),
        "an order number": lambda: of(metadata=(("order", str(dice.randrange(3_000_000))),))(),
        "a campaign, clicked": of(metadata=(("campaign", "c7"),), kinds=(kinds.CLICKED,)),
        "a large recipient domain, failed": of(recipient_domain="gmail.test", kinds=(kinds.FAILED,)),
        "a rare recipient domain": of(recipient_domain="rare.recipient.test"),
        "a middling recipient domain": lambda: of(recipient_domain=f"firma{dice.randrange(200_000)}.test")(),
        "a sending domain, failed, before a day": of(
            domain="s1.big00.test", kinds=(kinds.FAILED,), until=end
        ),
        "a rare sending domain": of(domain="rare.sender.test"),
        "a rare sending domain, failed": of(domain="rare.sender.test", kinds=(kinds.FAILED,)),
        "two frequent that never meet": of(recipient_domain="gmail.test", tags=("digest", "reset")),
        "oldest first, all of one day": lambda: of(newest_first=False, **day())(),
        "nothing at all": of(recipient_domain="nobody.test", tags=("nothing",)),
    }


def ask(path: str, rounds: int) -> list[dict[str, object]]:
    """Each query `rounds` times, a first page of 100 and its next page; times in ms."""
    dice, table = random.Random(7), []
    with connect(f"sqlite:///{path}") as conn:
        for name, query in _queries(dice).items():
            took, found, complete = list[float](), 0, 0
            for _ in range(rounds):
                wanted = query()
                begun = time.perf_counter()
                with conn.snapshot():
                    page = events.find_page(conn, wanted)
                took.append((time.perf_counter() - begun) * 1000)
                found, complete = found + len(page.events), complete + page.is_complete
                begun = time.perf_counter()
                with conn.snapshot():
                    events.find_page(conn, replace(wanted, after_id=page.place))
                took.append((time.perf_counter() - begun) * 1000)
            took.sort()
            row: dict[str, object] = {
                "query": name,
                "p50": took[len(took) // 2],
                "p95": took[int(len(took) * 0.95)],
            }
            row |= {"slowest": took[-1], "found": found / rounds, "complete": complete / rounds}
            table.append(row)
            times = f"{row['p50']:8.1f} {row['p95']:8.1f} {took[-1]:8.1f}"
            print(f"{name:42} {times} {found / rounds:7.1f} {complete}/{rounds}")
    return table


def hot(messages: int = 20_000) -> None:
    """CPU of append (two events a message, 50 messages a commit) and of counting, in a fresh store."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/hot.db"
        migrate(url)
        clock, dice = FakeClock(NOW), random.Random(3)
        ids = Ids(clock)
        letters = [_letter(ids, clock, dice, number)[:2] for number in range(messages)]
        with connect(url) as conn:
            appended = _cpu(lambda: _append(conn, letters)) / messages
            folded = _cpu(lambda: _fold(conn)) / messages
    print(
        f"append {appended:.1f} us, counting {folded:.1f} us, together {appended + folded:.1f} us a message"
    )


def _append(conn: Connection, letters: list[list[Event]]) -> None:
    for at in range(0, len(letters), 50):
        with conn.transaction():
            for place in range(2):
                events.append(conn, [letter[place] for letter in letters[at : at + 50]])


def _fold(conn: Connection) -> None:
    while not outbox.is_empty(conn):
        with conn.transaction():
            fold.fold(conn, [fold.count])


def _cpu(work: Callable[[], None]) -> float:
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", choices=["make", "ask", "hot"])
    parser.add_argument("file", nargs="?", default="")
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.what == "hot":
        hot()
    elif given.what == "make":
        make(given.file, given.events)
    else:
        table = ask(given.file, given.rounds)
        if given.json:
            print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
