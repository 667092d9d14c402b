"""How long the dashboard's search for messages takes: `python -m bench.messages FILE`, a store that
`python -m bench.events make FILE` filled.

A line is a search as somebody types it, asked with different values each time: its first page and the next.
Times in ms, of the desk's function; a page around it takes a few ms more.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable

from bench.events import BIG, SMALL
from posthouse.desk.message_search import find_messages
from posthouse.desk.search_line import parse_search
from posthouse.model.clock import instant_of
from posthouse.store import events
from posthouse.store.connection import Connection
from posthouse.store.engine import connect
from posthouse.store.events import EventQuery

Line = Callable[[random.Random], str]
LINES: dict[str, Line] = {
    "everything": lambda dice: "",
    "an address": lambda dice: f"user{dice.randrange(3_000_000)}@gmail.test",
    "a large recipient domain": lambda dice: "to:gmail.test",
    "a middling recipient domain": lambda dice: f"to:firma{dice.randrange(200_000)}.test",
    "failed": lambda dice: "is:failed",
    "failed at a large domain": lambda dice: "is:failed to:gmail.test",
    "complained": lambda dice: "is:complained",
    "what never happened": lambda dice: "is:unsubscribed",
    "a tag": lambda dice: "tag:newsletter",
    "a rare tag": lambda dice: "tag:rare",
    "two tags": lambda dice: "tag:rare tag:newsletter is:clicked",
    "an order": lambda dice: f"meta:order={dice.randrange(1_000_000)}",
    "a campaign's clicks": lambda dice: f"meta:campaign=c{dice.randrange(300)} is:clicked",
    "a rare sending domain": lambda dice: "from:rare.sender.test",
    "a sending domain, failed": lambda dice: "from:s1.big00.test is:failed",
    "a sender": lambda dice: "from:b@s1.big00.test",
    "a sender who never wrote": lambda dice: "from:nobody@s1.big00.test",
    "a subject": lambda dice: "shipped",
    "a subject that never was": lambda dice: "subject:invoice",
    "a day": lambda dice: f"since:{dice.randrange(4, 60)}d until:{dice.randrange(1, 4)}d",
    "nothing at all": lambda dice: "to:nobody.test tag:nothing",
}


def ask(path: str, rounds: int) -> list[dict[str, object]]:
    """A row for each line and account."""
    table = []
    with connect(f"sqlite:///{path}") as conn:
        newest = events.find_page(conn, EventQuery(newest_first=True, limit=1)).place
        for account, word in ((BIG, "large"), (SMALL, "small")):
            for name, line in LINES.items():
                row = _asked(conn, account, line, rounds, instant_of(newest))
                table.append({"line": name, "account": word} | row)
                times = " ".join(f"{row[each]:8.1f}" for each in ("p50", "p95", "slowest", "found"))
                print(f"{word:6} {name:28} {times}")
    return table


def _asked(conn: Connection, account: str, line: Line, rounds: int, now: float) -> dict[str, float]:
    dice, took, found = random.Random(11), list[float](), 0
    for _ in range(rounds):
        text, cursor = line(dice), ""
        for _ in range(2):
            begun = time.perf_counter()
            with conn.snapshot():
                page = find_messages(conn, account, parse_search(text, now), cursor)
            took.append((time.perf_counter() - begun) * 1000)
            found, cursor = found + len(page.rows), page.cursor
            if not cursor:
                break
    took.sort()
    at = [took[int(len(took) * part)] for part in (0.5, 0.95)]
    return {"p50": at[0], "p95": at[1], "slowest": took[-1], "found": found / rounds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("file")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    table = ask(given.file, given.rounds)
    if given.json:
        print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
