"""What the operator said: raw values by key, from the settings file and from the environment.

An environment variable `POSTHOUSE_SMTP__HOSTNAME` names `smtp.hostname`; lists are comma separated. A key
that is no setting is a line of `problems`, with advice.

Public: Given, read_toml, given_in_file, given_in_environment, shown.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posthouse.config.table import BY_KEY, FAMILIES, TABLE
from posthouse.model.errors import SettingsError

_PREFIX = "POSTHOUSE_"
_MAX_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Given:
    """A raw value and the words that name its place in an error."""

    value: Any
    place: str


def read_toml(file: Path) -> dict[str, Any]:
    """The file as a nested mapping. Raises SettingsError when it cannot be read or is no TOML."""
    try:
        with file.open("rb") as stream:
            content = stream.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{file}: the settings file cannot be read: {error.strerror}") from error
    if len(content) > _MAX_FILE_BYTES:
        raise SettingsError(f"{file}: the settings file is larger than {_MAX_FILE_BYTES} bytes")
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: the settings file is not UTF-8 text") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{file}: not valid TOML: {error}") from error


def given_in_file(raw: Mapping[str, Any], origin: str, problems: list[str]) -> dict[str, Given]:
    """`raw` is nested as in the file; `origin` names it in problems."""
    given: dict[str, Given] = {}
    for name, value in raw.items():
        if name not in FAMILIES:
            _take(name, value, f"{origin}: {name}", given, problems)
        elif not isinstance(value, dict):
            problems.append(f"{origin}: {name} is {shown(value)}; allowed: a table, [{name}]")
        else:
            for inner, inner_value in value.items():
                key = f"{name}.{inner}"
                _take(key, inner_value, f"{origin}: {key}", given, problems)
    return given


def given_in_environment(environ: Mapping[str, str], problems: list[str]) -> dict[str, Given]:
    """A variable with a double underscore must name a setting; other POSTHOUSE_ names are let be."""
    given: dict[str, Given] = {}
    for variable, text in environ.items():
        if not variable.startswith(_PREFIX):
            continue
        key = variable[len(_PREFIX) :].lower().replace("__", ".", 1)
        if key not in BY_KEY and "." not in key:
            continue
        setting = BY_KEY.get(key)
        value: Any = text
        if setting and setting.kind.is_list:
            value = [part.strip() for part in text.split(",") if part.strip()]
        _take(key, value, f"environment: {variable}", given, problems)
    return given


def _take(key: str, value: Any, place: str, given: dict[str, Given], problems: list[str]) -> None:
    if key in BY_KEY:
        given[key] = Given(value, place)
    else:
        problems.append(f"{place} is not a setting; {_advice(key)}")


def _advice(key: str) -> str:
    near = difflib.get_close_matches(key, [*BY_KEY, *FAMILIES], n=1, cutoff=0.75)
    if not near:  # the right name in the wrong table
        near = [known for known in BY_KEY if known.rpartition(".")[2] == key.rpartition(".")[2]]
    if near:
        return f"did you mean {near[0]}?"
    family = key.partition(".")[0]
    names = [setting.key for setting in TABLE if setting.family == family and family in FAMILIES]
    return "allowed: " + ", ".join(
        names or [s.key for s in TABLE if not s.family] + [f"[{f}]" for f in FAMILIES]
    )


def shown(raw: Any) -> str:
    """A value as one would write it, short and on one line."""
    text = f'"{raw}"' if isinstance(raw, str) else str(raw).lower() if isinstance(raw, bool) else str(raw)
    clean = "".join(char if char.isprintable() else "?" for char in text)
    return clean if len(clean) <= 80 else clean[:79] + "…"
