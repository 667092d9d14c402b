"""Settings: one TOML file and environment overrides become one frozen `Settings`.

    settings.region, settings.state_dir (Path), settings.workers
    settings.store.url                       absolute for SQLite: sqlite:////srv/posthouse/var/posthouse.db
    settings.smtp.hostname, .listen, .listen_tls, .tls_cert, .tls_key, .require_tls_for_auth,
        .message_bytes, .recipients, .idle_s, .connections, .connections_per_address, .bare_line_ends,
        .hide_client, .queue_id_in_reply, .memory_bytes
    settings.http.listen, .listen_tls, .request_bytes, .calls_per_minute, .sendgrid_errors
                                             `listen` values are tuples of Endpoint(host, port)
    settings.returns.port, .domain
    settings.dns.servers, .validates         tuple of Endpoint, empty: the system's
    settings.delivery.port, .route (tuple of Route(domain, host, port)), .capture, .source_addresses,
        .private_networks, .post_private_networks, .mta_sts, .mta_sts_port, .dane, .tls_ca (Path or None),
        .expire_s, .bounce_mail, .tls_reports, .retry_s, .connections, .messages_per_connection,
        .shaping (Path or None), .hand_over_messages, .hand_over_bytes
    settings.keep.content_days, .event_days, .hour_days, .hook_days, .audit_days
    settings.hooks.plain_http
    settings.policy.from_domain, .unverified, .over_limit
    settings.tracking.url, .zones (Path or None)
    settings.limits.connection_messages, .address_connections    tuples of (dialect, number)
    settings.tester.private_networks, .ports

Keys, kinds, defaults and help stand in `table.TABLE`. An environment variable
`POSTHOUSE_SMTP__HOSTNAME` overrides `smtp.hostname`; lists are comma separated, a route is
`domain=host:port`. Relative paths start at the directory of the settings file. Everything that is wrong is
said at once, a line each, in one `SettingsError`.

Public: Settings and its parts, load_settings, settings_from, worker_count, public_url, is_sqlite.
"""

from __future__ import annotations

import difflib
import os
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import quote

from posthouse.config.kinds import Endpoint, Route, WrongValue
from posthouse.config.table import BY_KEY, FAMILIES, TABLE, Setting
from posthouse.model.errors import SettingsError

DEFAULT_FILE = "posthouse.toml"
_PREFIX = "POSTHOUSE_"
_MAX_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoreSettings:
    url: str


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """`tls_cert` and `tls_key` are absolute; they may not exist yet (`desk.certificates` makes them)."""

    hostname: str
    listen: tuple[Endpoint, ...]
    listen_tls: tuple[Endpoint, ...]
    tls_cert: Path
    tls_key: Path
    require_tls_for_auth: bool
    message_bytes: int
    recipients: int
    idle_s: float
    connections: int
    connections_per_address: int
    bare_line_ends: str
    hide_client: bool
    queue_id_in_reply: bool
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class HttpSettings:
    listen: tuple[Endpoint, ...]
    listen_tls: tuple[Endpoint, ...]
    url: str
    request_bytes: int
    calls_per_minute: int
    sendgrid_errors: str


@dataclass(frozen=True, slots=True)
class ReturnSettings:
    port: int
    domain: str


@dataclass(frozen=True, slots=True)
class DnsSettings:
    servers: tuple[Endpoint, ...]
    validates: bool


@dataclass(frozen=True, slots=True)
class DomainsSettings:
    recheck_s: tuple[float, ...]
    verified_recheck_s: float


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    port: int
    route: tuple[Route, ...]
    capture: bool
    source_addresses: tuple[str, ...]
    private_networks: str
    post_private_networks: str
    mta_sts: bool
    mta_sts_port: int
    dane: bool
    tls_ca: Path | None
    expire_s: float
    bounce_mail: str
    tls_reports: str
    retry_s: tuple[float, ...]
    connections: int
    messages_per_connection: int
    shaping: Path | None
    hand_over_messages: int
    hand_over_bytes: int


@dataclass(frozen=True, slots=True)
class KeepSettings:
    content_days: float
    event_days: float
    hour_days: float
    hook_days: float
    audit_days: float


@dataclass(frozen=True, slots=True)
class HookSettings:
    plain_http: str

    @property
    def allows_plain(self) -> bool:  # receivers without TLS
        return self.plain_http == "allow"


@dataclass(frozen=True, slots=True)
class PolicySettings:
    from_domain: str
    unverified: str
    over_limit: str


@dataclass(frozen=True, slots=True)
class TrackingSettings:
    """`zones` is None or the path of a GeoIP database."""

    url: str
    zones: Path | None


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """(dialect, number) pairs."""

    connection_messages: tuple[tuple[str, int], ...]
    address_connections: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class TesterSettings:
    private_networks: str
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can say, resolved: no empty host name, no relative path."""

    region: str
    state_dir: Path
    workers: int
    pin_workers: bool
    store: StoreSettings
    smtp: SmtpSettings
    http: HttpSettings
    returns: ReturnSettings
    dns: DnsSettings
    domains: DomainsSettings
    delivery: DeliverySettings
    keep: KeepSettings
    hooks: HookSettings
    policy: PolicySettings
    tracking: TrackingSettings
    limits: LimitSettings
    tester: TesterSettings


def load_settings(file: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the file (default `posthouse.toml`; only the default may be missing) and the environment.

    Raises SettingsError: a line per wrong key or value.
    """
    environ = os.environ if environ is None else environ
    chosen = file or Path(DEFAULT_FILE)
    raw = {} if file is None and not chosen.exists() else _read_toml(chosen)
    return settings_from(raw, base=chosen.resolve().parent, origin=str(chosen), environ=environ)


def settings_from(
    raw: Mapping[str, Any], *, base: Path, origin: str = "settings", environ: Mapping[str, str] | None = None
) -> Settings:
    """The same from a nested mapping such as `{"smtp": {"listen": [...]}}`, for `posthouse dev` and tests."""
    problems: list[str] = []
    given = _given_in_file(raw, origin, problems) | _given_in_environment(environ or {}, problems)
    values = {setting.key: _value(setting, given, problems) for setting in TABLE}
    if not problems:
        _check_together(values, given, problems)
    if problems:
        raise SettingsError("\n".join(problems))
    return _build(values, base.absolute())


def worker_count(settings: Settings) -> int:
    """The number of worker processes: as set, or one on SQLite and one per core on PostgreSQL."""
    if settings.workers:
        return settings.workers
    return 1 if is_sqlite(settings.store.url) else len(os.sched_getaffinity(0))


def is_sqlite(url: str) -> bool:
    return url.startswith("sqlite:")


def public_url(url: str) -> str:
    """The store's URL without its password, for logs and pages."""
    scheme, found, rest = url.partition("://")
    before, at, host = rest.rpartition("@")
    user, colon, _ = before.partition(":")
    return f"{scheme}{found}{user}:…@{host}" if at and colon else url


def _read_toml(file: Path) -> dict[str, Any]:
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


@dataclass(frozen=True, slots=True)
class _Given:
    """A raw value and the words that name its place in an error."""

    value: Any
    place: str


def _given_in_file(raw: Mapping[str, Any], origin: str, problems: list[str]) -> dict[str, _Given]:
    given: dict[str, _Given] = {}
    for name, value in raw.items():
        if name not in FAMILIES:
            _take(name, value, f"{origin}: {name}", given, problems)
        elif not isinstance(value, dict):
            problems.append(f"{origin}: {name} is {_shown(value)}; allowed: a table, [{name}]")
        else:
            for inner, inner_value in value.items():
                key = f"{name}.{inner}"
                _take(key, inner_value, f"{origin}: {key}", given, problems)
    return given


def _given_in_environment(environ: Mapping[str, str], problems: list[str]) -> dict[str, _Given]:
    """A variable with a double underscore must name a setting; other POSTHOUSE_ names are let be."""
    given: dict[str, _Given] = {}
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


def _take(key: str, value: Any, place: str, given: dict[str, _Given], problems: list[str]) -> None:
    if key in BY_KEY:
        given[key] = _Given(value, place)
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


def _value(setting: Setting, given: Mapping[str, _Given], problems: list[str]) -> Any:
    entry = given.get(setting.key)
    raw, place = (entry.value, entry.place) if entry else (setting.default, "default")
    try:
        return setting.kind.read(raw)
    except WrongValue as error:
        shown = "not usable" if setting.kind.is_private else _shown(raw)
        why = f" ({error})" if str(error) else ""
        problems.append(f"{place} is {shown}{why}; allowed: {setting.kind.allowed}")
        return None


def _shown(raw: Any) -> str:
    """A value as one would write it, short and on one line."""
    text = f'"{raw}"' if isinstance(raw, str) else str(raw).lower() if isinstance(raw, bool) else str(raw)
    clean = "".join(char if char.isprintable() else "?" for char in text)
    return clean if len(clean) <= 80 else clean[:79] + "…"


def _check_together(values: Mapping[str, Any], given: Mapping[str, _Given], problems: list[str]) -> None:
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
