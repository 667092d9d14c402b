"""What may follow what in a DKIM key's life; every change is made inside the caller's transaction.

Whether DNS shows a key's record is asked before, outside of the transaction (`published`).

Public: Rotation, upcoming, activate, rotate, retire, remove, gone_at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from posthouse.desk.domain_keys import load_key_at
from posthouse.model.account import Domain, DomainKey, KeyState
from posthouse.model.errors import Refused
from posthouse.store import domain_keys
from posthouse.store.engine import Connection

_MARGIN_S = 2 * 86400.0


@dataclass(frozen=True, slots=True)
class Rotation:
    """The keys that sign from now on, and those whose records must stay for a while."""

    active: tuple[DomainKey, ...]
    retiring: tuple[DomainKey, ...]


def gone_at(key: DomainKey, expire_s: float) -> float:
    """Until when a retiring key's record must stay: the last letter that it signed may be on its way for
    `expire_s`, and its reader may look two days later."""
    return key.since + expire_s + _MARGIN_S


def upcoming(domain: Domain, keys: Iterable[DomainKey]) -> list[DomainKey]:
    """The keys that a rotation makes active: the oldest that stands by, of each algorithm that signs now.
    Raises Refused when there is none."""
    signing = {key.algorithm for key in keys if key.is_active}
    oldest: dict[str, DomainKey] = {}
    for key in sorted(keys, key=lambda key: (key.since, key.id)):
        if key.state is KeyState.STANDBY and (key.algorithm in signing or not signing):
            oldest.setdefault(key.algorithm, key)
    if not oldest:
        text = f"{domain.name} has no key that stands by: add one and publish its record first"
        raise Refused(550, "5.5.3", text, reason="no-next-key")
    return list(oldest.values())


def activate(conn: Connection, domain: Domain, selector: str, now: float) -> Rotation:
    """Let this key sign and those of its algorithm retire. Raises Refused."""
    keys = domain_keys.keys_of(conn, domain.id)
    key = load_key_at(keys, domain, selector)
    if key.is_active:
        raise Refused(550, "5.5.3", f"The key {key.selector} of {domain.name} signs already", reason="exists")
    return _switch(conn, keys, [key], now)


def rotate(conn: Connection, domain: Domain, selectors: Sequence[str], now: float) -> Rotation:
    """Let the keys at these selectors sign, which `upcoming` named a moment ago. Raises Refused."""
    keys = domain_keys.keys_of(conn, domain.id)
    new = upcoming(domain, keys)
    if sorted(key.selector for key in new) != sorted(selectors):
        text = (
            f"The keys of {domain.name} have just been changed by somebody else; look at them and try again"
        )
        raise Refused(550, "5.5.3", text, reason="changed")
    return _switch(conn, keys, new, now)


def _switch(conn: Connection, keys: Sequence[DomainKey], new: Sequence[DomainKey], now: float) -> Rotation:
    algorithms = {key.algorithm for key in new}
    old = [key for key in keys if key.is_active and key.algorithm in algorithms]
    return Rotation(
        active=tuple(_become(conn, key, KeyState.ACTIVE, now) for key in new),
        retiring=tuple(_become(conn, key, KeyState.RETIRING, now) for key in old),
    )


def retire(conn: Connection, domain: Domain, selector: str, now: float) -> DomainKey:
    """Let a key sign no more, while another one does. Raises Refused."""
    keys = domain_keys.keys_of(conn, domain.id)
    key = load_key_at(keys, domain, selector)
    if not key.is_active:
        text = f"The key {key.selector} of {domain.name} does not sign: it is {key.state}"
        raise Refused(550, "5.5.3", text, reason="wrong-state")
    if sum(other.is_active for other in keys) == 1:
        text = (
            f"The key {key.selector} is the only one that signs for {domain.name}; let another one sign first"
        )
        raise Refused(550, "5.5.3", text, reason="last-key")
    return _become(conn, key, KeyState.RETIRING, now)


def remove(
    conn: Connection, domain: Domain, selector: str, now: float, expire_s: float, *, is_forced: bool = False
) -> DomainKey:
    """Remove a key that stands by, or one that has retired long enough. Raises Refused."""
    key = load_key_at(domain_keys.keys_of(conn, domain.id), domain, selector)
    if key.is_active:
        text = f"The key {key.selector} signs mail of {domain.name}; retire it first"
        raise Refused(550, "5.5.3", text, reason="wrong-state")
    left_s = gone_at(key, expire_s) - now
    if key.state is KeyState.RETIRING and left_s > 0 and not is_forced:
        text = f"Mail that the key {key.selector} signed may be on its way for {_days(left_s)} more"
        raise Refused(550, "5.5.3", text, reason="mail-on-its-way")
    if not domain_keys.remove_key(conn, key):
        raise Refused(550, "5.5.3", "The key has just been changed; try again", reason="changed")
    return key


def _days(seconds: float) -> str:
    days = max(1, round(seconds / 86400))
    return "one day" if days == 1 else f"{days} days"


def _become(conn: Connection, key: DomainKey, state: KeyState, now: float) -> DomainKey:
    if not domain_keys.set_state(conn, key, state, now):
        raise Refused(550, "5.5.3", "The key has just been changed; try again", reason="changed")
    return replace(key, state=state, since=now)
