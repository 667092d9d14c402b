"""How the tests of this dialect read one `X-SMTPAPI` field."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from posthouse.dialects.dialect import Context, Header, Wishes
from posthouse.dialects.sendgrid import DIALECT
from posthouse.model.options import Seen

NOW = 1_700_000_000.0


def context(
    recipients: Sequence[str] = ("rcpt@d.test",), *, schedule_days: float = 1.0, scans: bool = False
) -> Context:
    return Context(
        now=NOW,
        recipients=recipients,
        domain="mine.test",
        is_own=True,
        schedule_days=schedule_days,
        groups=frozenset({1, 7, 23, 45}),
        owns_pool=lambda name: name == "testPool",
        owns_key=lambda domain, selector: domain == "other.test",
        scans=scans,
    )


def field(value: Any, name: str = "X-SMTPAPI") -> Header:
    """`value`: the octets behind the colon, or what becomes JSON."""
    raw = value if isinstance(value, bytes) else b" " + json.dumps(value).encode()
    return Header(name.lower(), name, raw)


def read(value: Any, *recipients: str, schedule_days: float = 1.0, scans: bool = False) -> Wishes:
    about = context(recipients or ("rcpt@d.test",), schedule_days=schedule_days, scans=scans)
    return DIALECT.read([field(value)], about)


def filtered(**filters: Any) -> Wishes:
    """Filters by name, each with its settings."""
    return read({"filters": {name: {"settings": settings} for name, settings in filters.items()}})


def seen_of(wishes: Wishes, option: str) -> list[Seen]:
    return [seen for seen in wishes.seen if seen.header == f"X-SMTPAPI {option}"]


def warnings(wishes: Wishes) -> str:
    return "\n".join(seen.effect for seen in wishes.seen if seen.is_warning)
