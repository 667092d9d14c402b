"""Settings: one TOML file and environment overrides become one frozen `Settings`.

Keys, kinds, defaults and help stand in `table.TABLE`. Relative paths start at the directory of the settings
file. Everything that is wrong is said at once, a line each, in one `SettingsError`.

Public: DEFAULT_FILE, load_settings, settings_from.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import quote

from posthouse.config.given import Given, given_in_environment, given_in_file, read_toml, shown
from posthouse.config.kinds import Route, WrongValue
from posthouse.config.setting import Setting
from posthouse.config.settings import Settings, is_sqlite
from posthouse.config.table import FAMILIES, TABLE
from posthouse.model.errors import SettingsError

DEFAULT_FILE = "posthouse.toml"


def load_settings(file: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the file (default `posthouse.toml`; only the default may be missing) and the environment.

    Raises SettingsError: a line per wrong key or value.
    """
    environ = os.environ if environ is None else environ
    chosen = file or Path(DEFAULT_FILE)
    raw = {} if file is None and not chosen.exists() else read_toml(chosen)
    return settings_from(raw, base=chosen.resolve().parent, origin=str(chosen), environ=environ)


def settings_from(
    raw: Mapping[str, Any], *, base: Path, origin: str = "settings", environ: Mapping[str, str] | None = None
) -> Settings:
    """The same from a nested mapping such as `{"smtp": {"listen": [...]}}`, for `posthouse dev` and tests."""
    problems: list[str] = []
    given = given_in_file(raw, origin, problems) | given_in_environment(environ or {}, problems)
    values = {setting.key: _value(setting, given, problems) for setting in TABLE}
    if not problems:
        _check_together(values, given, problems)
    if problems:
        raise SettingsError("\n".join(problems))
    return _build(values, base.absolute())


def _value(setting: Setting, given: Mapping[str, Given], problems: list[str]) -> Any:
    entry = given.get(setting.key)
    raw, place = (entry.value, entry.place) if entry else (setting.default, "default")
    try:
        return setting.kind.read(raw)
    except WrongValue as error:
        value = "not usable" if setting.kind.is_private else shown(raw)
        why = f" ({error})" if str(error) else ""
        problems.append(f"{place} is {value}{why}; allowed: {setting.kind.allowed}")
        return None


def _check_together(values: Mapping[str, Any], given: Mapping[str, Given], problems: list[str]) -> None:
    """What no setting can know alone."""
    if is_sqlite(values["store.url"]) and values["workers"] > 1:
        # two processes writing one SQLite file starve each other
        problems.append(
            f"{given['workers'].place} is {values['workers']}; allowed: 0 or 1 with a SQLite store"
        )
    if bool(values["smtp.tls_cert"]) != bool(values["smtp.tls_key"]):
        key = "smtp.tls_cert" if values["smtp.tls_cert"] else "smtp.tls_key"
        problems.append(
            f"{given[key].place} stands alone; allowed: smtp.tls_cert and smtp.tls_key, both or neither"
        )
    if values["smtp.memory_bytes"] < values["smtp.message_bytes"]:
        entry = given.get("smtp.memory_bytes") or given["smtp.message_bytes"]
        problems.append(
            f"{entry.place} leaves smtp.memory_bytes ({values['smtp.memory_bytes']}) below "
            f"smtp.message_bytes ({values['smtp.message_bytes']}); allowed: room for at least one message"
        )


def _build(values: dict[str, Any], base: Path) -> Settings:
    """Resolve names and paths, then make the frozen tree."""
    state_dir = base / values["state_dir"]
    values["state_dir"] = state_dir
    values["store.url"] = _absolute_url(values["store.url"], base)
    values["smtp.hostname"] = values["smtp.hostname"] or _machine_name()
    values["smtp.tls_cert"] = base / (values["smtp.tls_cert"] or state_dir / "tls" / "cert.pem")
    values["smtp.tls_key"] = base / (values["smtp.tls_key"] or state_dir / "tls" / "key.pem")
    port = values["delivery.port"]
    values["delivery.route"] = tuple(
        Route(route.domain, route.host, route.port or port) for route in values["delivery.route"]
    )
    for key in ("tracking.zones", "delivery.tls_ca", "delivery.shaping"):
        values[key] = base / values[key] if values[key] else None
    kinds = get_type_hints(Settings)
    families: dict[str, Any] = {name: kinds[name](**_family(values, name)) for name in FAMILIES}
    return Settings(
        region=values["region"],
        state_dir=state_dir,
        workers=values["workers"],
        pin_workers=values["pin_workers"],
        **families,
    )


def _family(values: Mapping[str, Any], family: str) -> dict[str, Any]:
    return {setting.name: values[setting.key] for setting in TABLE if setting.family == family}


def _absolute_url(url: str, base: Path) -> str:
    """`sqlite:///var/x.db` starts at the settings file's directory; `sqlite:////srv/x.db` is absolute."""
    path = url.removeprefix("sqlite:///")
    if not is_sqlite(url) or path.startswith("/"):
        return url
    return f"sqlite:///{quote(str(base))}/{path}"  # quoted, because the path is a URL's


def _machine_name() -> str:
    """The kernel's name for this machine; not getfqdn, which may wait for DNS."""
    name = socket.gethostname().lower()
    return name if all(part for part in name.split(".")) and name.isascii() else "localhost"
