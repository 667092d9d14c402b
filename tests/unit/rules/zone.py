"""DNS for pure rules: a dictionary that answers like a resolver, follows aliases and counts the questions."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from posthouse.rules.dns import NOTHING, Found, Unanswered

TIMEOUT = "TIMEOUT"


class Zone:
    """`records`: {"a.test TXT": ["…"], "a.test MX": ["10 b.test"], "c.test": TIMEOUT,
    "d.test CNAME": ["e"]}"""

    def __init__(self, records: Mapping[str, Sequence[str] | str]) -> None:
        self.records = dict(records)
        self.asked: list[tuple[str, str]] = []

    async def ask(self, name: str, kind: str) -> Found:
        self.asked.append((name, kind))
        assert name == name.lower()
        return self._found(name, kind, 0)

    def _found(self, name: str, kind: str, aliases: int) -> Found:
        if self.records.get(name) == TIMEOUT or self.records.get(f"{name} {kind}") == TIMEOUT or aliases > 8:
            raise Unanswered(f"{name}: no answer in time")
        texts = self.records.get(f"{name} {kind}")
        target = self.records.get(f"{name} CNAME")
        if texts is None and target:
            return self._found(target[0].removesuffix("."), kind, aliases + 1)
        rows = tuple(_row(text, kind) for text in texts or ())
        names = [key.rpartition(" ")[0] or key for key in self.records]
        if not any(each == name or each.endswith(f".{name}") for each in names):
            return NOTHING if not aliases else Found(exists=False, canonical=name, is_alias=True)
        return Found(True, rows, name, aliases > 0)


def _row(text: str, kind: str) -> tuple[int, str]:
    if kind == "MX":
        preference, _, host = text.partition(" ")
        return int(preference), host.removesuffix(".")
    return 0, str(ipaddress.ip_address(text)) if kind in ("A", "AAAA") else text
