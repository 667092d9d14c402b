"""The checker: from the ledger and the event log to lost, ghosts, duplicates, torn and contradictory fates.

The promises (R1-R4): what was acked has arrived; what arrived was acked or in doubt; a second copy only of
a letter that was at the receiving host, its fate not yet recorded, when a fault struck; one terminal event
per recipient.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from crash.ledger import Fact

# What a killed process had written may still wait in the receiving host's socket for a moment.
AFTERGLOW_S = 0.5
TERMINAL = frozenset({"delivered", "failed", "dropped", "cancelled"})


@dataclass(frozen=True, slots=True)
class Window:
    """The time of one fault, from its order to the end of what it touched."""

    name: str
    since: float
    until: float


@dataclass(slots=True)
class Finding:
    """Counts and the names behind them. `in_doubt` counts transactions that a fault may have cut between
    the final dot and its record: the bound for duplicates (R2). `window_ms`: the longest time between the
    receiving host's 250 and the fault for which a second copy came."""

    sent: int = 0
    acked: int = 0
    refused: int = 0
    aborted: int = 0
    doubt: int = 0
    arrived: int = 0
    in_doubt: int = 0
    window_ms: float = 0.0
    lost: list[str] = field(default_factory=list)
    ghosts: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    unexcused: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    fates: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        bad = (self.lost, self.ghosts, self.unexcused, self.damaged, self.torn, self.fates)
        return not any(bad) and len(self.duplicates) <= self.in_doubt

    def summary(self) -> str:
        text = (
            f"sent {self.sent}, acked {self.acked}, refused {self.refused}, aborted {self.aborted}, "
            f"in doubt at the client {self.doubt}; arrived {self.arrived}; lost {len(self.lost)}, "
            f"ghosts {len(self.ghosts)}, duplicates {len(self.duplicates)} of {self.in_doubt} allowed "
            f"(window {self.window_ms:.0f} ms), unexcused {len(self.unexcused)}, "
            f"damaged {len(self.damaged)}, torn {len(self.torn)}, wrong fates {len(self.fates)}"
        )
        for name in ("lost", "ghosts", "unexcused", "damaged", "torn", "fates"):
            if found := getattr(self, name):
                text += f"\n  {name}: " + ", ".join(found[:10])
        return text


@dataclass(slots=True)
class _Book:
    """The facts, sorted by what they are about."""

    letters: dict[str, tuple[str, ...]] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)
    copies: dict[str, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    done: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    dropped: Counter[str] = field(default_factory=Counter)
    faults: list[Window] = field(default_factory=list)


def _sort(facts: Iterable[Fact]) -> _Book:
    book = _Book()
    open_faults: dict[str, float] = {}
    for fact in facts:
        match fact.kind:
            case "sent":
                book.letters[fact.id] = fact.detail
                book.status[fact.id] = "doubt"  # until the ledger says otherwise
            case "acked" | "refused" | "aborted" | "doubt":
                book.status[fact.id] = fact.kind
            case "got":
                book.copies[fact.detail[0]].append(fact)
            case "done":
                book.done[fact.detail[0]].append(fact.at)
            case "dropped":
                book.dropped.update(fact.detail)
            case "fault":
                open_faults[fact.id] = fact.at
            case "fault-end":
                book.faults.append(Window(fact.id, open_faults.pop(fact.id), fact.at))
    return book


def check(facts: Iterable[Fact], events: Iterable[dict[str, Any]], *, reach_s: float = 0.5) -> Finding:
    """Judges one run. `reach_s`: how long before a fault an answered copy may still be unrecorded; the
    measured value is reported as `window_ms`. `events` are the values of `posthouse events --json`."""
    book = _sort(facts)
    finding = Finding(sent=len(book.letters), arrived=len(book.copies))
    count = Counter(book.status.values())
    finding.acked, finding.refused = count["acked"], count["refused"]
    finding.aborted, finding.doubt = count["aborted"], count["doubt"]
    _check_letters(book, finding)
    _check_copies(book, finding, reach_s)
    _check_fates(book, finding, events)
    return finding


def _check_letters(book: _Book, finding: Finding) -> None:
    """R1 and R3, letter by letter."""
    known = {r for recipients in book.letters.values() for r in recipients}
    finding.ghosts += [f"{r} (never sent)" for r in book.copies if r not in known]
    for name, recipients in book.letters.items():
        here = [r for r in recipients if r in book.copies]
        status = book.status[name]
        if status == "acked":
            finding.lost += [f"{name} {r}" for r in recipients if r not in book.copies]
        elif status in ("refused", "aborted") and here:
            finding.ghosts.append(f"{name} ({status})")
        elif status == "doubt" and here and len(here) < len(recipients):
            finding.torn.append(f"{name}: {len(here)} of {len(recipients)} recipients")


def _check_copies(book: _Book, finding: Finding, reach_s: float) -> None:
    """R2: a copy beyond the first needs a fault at the right moment, or the receiving host's own drop."""
    for recipient, copies in book.copies.items():
        finding.damaged += [f"{recipient}: {c.detail[1]}" for c in copies if c.detail[1] != "intact"]
        if len({c.detail[2] for c in copies}) > 1:
            finding.damaged.append(f"{recipient}: copies with different Message-IDs")
        done = book.done[recipient]
        finding.in_doubt += sum(_is_in_doubt(copy, done, book.faults, reach_s) is not None for copy in copies)
        finding.in_doubt += book.dropped[recipient]
        extra = len(copies) - 1 - book.dropped[recipient]
        if extra <= 0:
            continue
        finding.duplicates += [recipient] * extra
        excuses = [_is_in_doubt(copy, done, book.faults, reach_s) for copy in copies[:-1]]
        good = [x for x in excuses if x is not None]
        if len(good) < extra:
            finding.unexcused.append(recipient)
        finding.window_ms = max([finding.window_ms, *(x * 1000 for x in good)])


def _is_in_doubt(copy: Fact, done: list[float], faults: list[Window], reach_s: float) -> float | None:
    """Seconds between this copy's 250 and the fault that may have kept it from being recorded (0 when the
    fault was first); None when no fault was near."""
    answered = min((at for at in done if at >= copy.at), default=copy.at)
    near = [f for f in faults if f.until + AFTERGLOW_S >= copy.at and f.since - reach_s <= answered]
    return min((max(0.0, f.since - answered) for f in near), default=None)


def _check_fates(book: _Book, finding: Finding, events: Iterable[dict[str, Any]]) -> None:
    """R4: the log tells one end for each accepted recipient, and it is the true one."""
    ends: dict[str, list[str]] = defaultdict(list)
    accepted: Counter[str] = Counter()
    for event in events:
        if event["kind"] in TERMINAL:
            ends[event["recipient"]].append(event["kind"])
        elif event["kind"] == "accepted" and event["recipient"]:
            accepted[event["recipient"]] += 1
    for name, recipients in book.letters.items():
        for recipient in recipients:
            fate = ends.get(recipient, [])
            if len(fate) > 1:
                finding.fates.append(f"{recipient}: {'+'.join(fate)}")
            elif fate != ["delivered"] and (recipient in book.copies or book.status[name] == "acked"):
                finding.fates.append(f"{recipient}: {fate or 'no end'} but {book.status[name]}")
            if accepted and accepted[recipient] != len(fate):
                finding.fates.append(
                    f"{recipient}: accepted {accepted[recipient]} times, ended {len(fate)} times"
                )
