"""Settings kept in the store, as people write them: `key=value` pairs, checked and explained one by one.

A noun's settings are one table of `Kind`s by the names of its fields (`domain_settings`, `account_settings`).

Public: Kind, changed, shown, wrong, and how the common kinds read: yes_or_no, count, clicks, one_of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import asdict, replace

from posthouse.model.errors import Refused
from posthouse.model.options import CLICKS_ALL, CLICKS_HTML, CLICKS_OFF

YES, NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")
_CLICKS = {word: word for word in (CLICKS_OFF, CLICKS_HTML, CLICKS_ALL)}
_CLICKS |= dict.fromkeys(NO, CLICKS_OFF) | dict.fromkeys(YES, CLICKS_ALL)
_MOST_MESSAGES = 10**9

Settings = TypeVar("Settings", bound=Struct)


@dataclass(frozen=True, slots=True)
class Kind:
    """How one setting is read: `read` raises ValueError for what is not `allowed`."""

    allowed: str
    read: Callable[[str], Any]


def changed(
    settings: Settings, pairs: Sequence[str], *, kinds: Mapping[str, Kind], defaults: Settings, whose: str
) -> Settings:
    """The settings with `key=value` pairs applied; `key=` goes back to the default. `whose` such as "a
    domain". Raises Refused."""
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key, text = key.strip().lower().replace("-", "_"), text.strip()
        kind = kinds.get(key)
        if kind is None or not equals:
            raise wrong(f"{pair!r} is no setting of {whose}; write key=value, keys are: {', '.join(kinds)}")
        values[key] = getattr(defaults, key) if not text else _read(kind, key, text)
    return replace(settings, **values)


def _read(kind: Kind, key: str, text: str) -> Any:
    try:
        return kind.read(text)
    except ValueError as error:
        raise wrong(f"{key} cannot be {text!r}; allowed: {kind.allowed}") from error


def shown(settings: Struct) -> dict[str, str]:
    """Every setting as people would write it."""
    return {key: _text(value) for key, value in asdict(settings).items()}


def wrong(text: str) -> Refused:
    return Refused(501, "5.5.4", text, reason="bad-setting")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return ",".join(value) if isinstance(value, tuple) else str(value)


# How the common kinds read


def yes_or_no(text: str) -> bool:
    if text.lower() not in YES + NO:
        raise ValueError
    return text.lower() in YES


def count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > len(str(_MOST_MESSAGES)):
        raise ValueError
    if int(text) > _MOST_MESSAGES:
        raise ValueError
    return int(text)


def clicks(text: str) -> str:
    """Where clicks are tracked."""
    found = _CLICKS.get(text.lower())
    if found is None:
        raise ValueError
    return found


def one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError
        return text.lower()

    return read
