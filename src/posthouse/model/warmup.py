"""How an address gets known: a plan of a growing number of messages a day for each receiving site."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


class Plan(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`days`: most messages to one site on day 1, 2, …; after the last one the address is warm. `burst`: so
    many of them may leave at any time of the day, the others as the day goes by."""

    name: str
    days: tuple[int, ...]
    burst: int = 10


class Warmup(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A plan under way. Stored as JSON with the address, the plan with it: changing the plans that we offer
    does not change one that runs. `started`: its day 1, in days since 1970 (UTC). `pool_id`: where the rest
    of the mail goes if no warm address stands beside it, "" for nowhere."""

    plan: Plan
    started: int
    pool_id: str = ""


@dataclass(frozen=True, slots=True)
class Warming:
    """A warm-up with its pool's addresses."""

    warmup: Warmup
    overflow: tuple[str, ...] = ()


_read = msgspec.json.Decoder(Warmup).decode
_write = msgspec.json.Encoder().encode


def read_warmup(text: str) -> Warmup | None:
    """From the store's text; "" is None, a warm address."""
    return _read(text) if text else None


def warmup_text(warmup: Warmup | None) -> str:
    """The store's text."""
    return _write(warmup).decode() if warmup else ""
