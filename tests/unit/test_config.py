"""Settings: defaults, files, environment, and the exact words about everything that is wrong."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from posthouse.config import (
    TABLE,
    Endpoint,
    Route,
    Settings,
    SettingsError,
    load_settings,
    public_url,
    settings_from,
    worker_count,
)
from posthouse.config.kinds import WrongValue

BASE = Path("/srv/posthouse")


def from_toml(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    file = tmp_path / "posthouse.toml"
    file.write_text(text)
    return load_settings(file, environ or {})


def test_the_issues_own_example(tmp_path: Path) -> None:
    settings = from_toml(
        tmp_path,
        """
        region = "us"
        [store]
        url = "sqlite:///var/posthouse.db"
        [smtp]
        hostname = "mail.example.com"
        listen = ["0.0.0.0:25", "0.0.0.0:587", "0.0.0.0:2525"]
        listen_tls = ["0.0.0.0:465"]
        tls_cert = "tls/cert.pem"
        tls_key = "/etc/key.pem"
        require_tls_for_auth = true
        [http]
        listen = ["127.0.0.1:8025"]
        [dns]
        servers = ["127.0.0.1:5353"]
        [delivery]
        port = 25
        [[delivery.route]]
        domain = "*"
        host = "127.0.0.1"
        port = 2600
        """,
    )
    assert settings.store.url == f"sqlite:///{tmp_path}/var/posthouse.db"
    assert settings.smtp.listen[1] == Endpoint("0.0.0.0", 587)
    assert settings.smtp.tls_cert == tmp_path / "tls" / "cert.pem"
    assert settings.smtp.tls_key == Path("/etc/key.pem")
    assert settings.dns.servers == (Endpoint("127.0.0.1", 5353),)
    assert settings.delivery.route == (Route("*", "127.0.0.1", 2600),)
    assert settings.state_dir == tmp_path / "var"


def test_defaults_need_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(environ={})
    assert settings.smtp.hostname
    assert settings.smtp.require_tls_for_auth is True
    assert settings.delivery.private_networks == "refuse"
    assert settings.delivery.expire_s == 432_000
    assert settings.smtp.tls_cert == tmp_path / "var" / "tls" / "cert.pem"
    assert worker_count(settings) == 1


def test_every_setting_has_a_field_and_every_field_a_setting() -> None:
    settings = settings_from({}, base=BASE)
    found = set()
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value):
            found |= {f"{field.name}.{inner.name}" for inner in fields(value)}
        else:
            found.add(field.name)
    assert found == {setting.key for setting in TABLE}
    assert len({setting.key for setting in TABLE}) == len(TABLE)


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.key)
def test_each_default_is_allowed_and_bounds_hold(setting: Any) -> None:
    setting.kind.read(setting.default)
    assert setting.help.endswith(".")
    if setting.kind.bounds:
        least, most = setting.kind.bounds
        setting.kind.read(least)
        setting.kind.read(most)
        for outside in (least - 1, most + 1, True, "many", None, float("nan")):
            with pytest.raises(WrongValue):
                setting.kind.read(outside)


WRONG = [
    ("regin = 'us'", ["posthouse.toml: regin is not a setting; did you mean region?"]),
    ("region = 'US!'", ['posthouse.toml: region is "US!"; allowed: a short lower-case name']),
    ("smtp = 3", ["posthouse.toml: smtp is 3; allowed: a table, [smtp]"]),
    ("[smpt]\nlisten = []", ["smpt is not a setting; did you mean smtp?"]),
    ("[smtp]\nhostnam = 'x'", ["smtp.hostnam is not a setting; did you mean smtp.hostname?"]),
    ("[smtp]\nurl = 'x'", ["smtp.url is not a setting; did you mean http.url?"]),
    ("[smtp]\nzzz = 1", ["smtp.zzz is not a setting; allowed: smtp.hostname, smtp.listen, "]),
    ("[smtp]\nhostname = 'a b'", ['smtp.hostname is "a b" (the domain is not a host name)']),
    ("[smtp]\nlisten = '0.0.0.0:25'", ['smtp.listen is "0.0.0.0:25"; allowed: a list of']),
    ("[smtp]\nlisten = ['25']", ['"25" has no port']),
    ("[smtp]\nlisten = ['h:99999']", ['"h:99999" has no port between 0 and 65535']),
    ("[smtp]\nlisten = ['::1:x']", ['"::1:x" has no port between 0 and 65535']),
    ("[smtp]\nidle_s = true", ["smtp.idle_s is true; allowed: a number of seconds from 1 to 3600"]),
    ("[smtp]\nidle_s = nan", ["smtp.idle_s is nan; allowed"]),
    ("[smtp]\nidle_s = 99999", ["smtp.idle_s is 99999; allowed: a number of seconds from 1 to 3600"]),
    ("[smtp]\nrecipients = 0", ["smtp.recipients is 0; allowed: a whole number from 1 to 100000"]),
    ("[smtp]\nrecipients = 1.5", ["smtp.recipients is 1.5; allowed"]),
    ("[smtp]\nrequire_tls_for_auth = 1", ["require_tls_for_auth is 1; allowed: true or false"]),
    ("[smtp]\nbare_line_ends = 'keep'", ['is "keep"; allowed: "normalize" or "reject"']),
    ("[smtp]\ntls_cert = 'a.pem'", ["smtp.tls_cert stands alone; allowed: smtp.tls_cert and smtp.tls_key"]),
    ("[smtp]\nmemory_bytes = 2000000", ["below smtp.message_bytes (52428800); allowed: room for at least"]),
    ("[dns]\nservers = ['ns.example.com']", ["is a name; a name server is given by its IP address"]),
    ("[delivery]\nport = 0", ["delivery.port is 0; allowed: a whole number from 1 to 65535"]),
    ("[delivery]\nsource_addresses = ['me']", ['"me" is not an IP address']),
    (
        "[delivery]\nretry_s = [60, 0]",
        ["delivery.retry_s is [60, 0]; allowed: a list of seconds, each from 1"],
    ),
    ("[[delivery.route]]\ndomain = '*'", ["(a route needs host); allowed: tables with domain"]),
    ("[[delivery.route]]\ndomain='*'\nhost='h'\nprt=1", ['"prt" is not part of a route']),
    ("[[delivery.route]]\ndomain='*.x'\nhost='h'", ['"*.x" is neither a domain name nor .suffix nor *']),
    ("[[delivery.route]]\ndomain='x.y'\nhost='h'\nport=70000", ["the port is not a whole number"]),
    ("[store]\nurl = 'mysql://u:topsecret@h/d'", ["store.url is not usable; allowed: sqlite:///path or"]),
    ("[store]\nurl = 'sqlite://var/x.db'", ["a SQLite URL has three slashes and a file"]),
    ("workers = 2", ["workers is 2; allowed: 0 or 1 with a SQLite store"]),
    ("region = ", ["posthouse.toml: not valid TOML: "]),
    ("a = 1\nb = 2", ["posthouse.toml: a is not a setting", "posthouse.toml: b is not a setting"]),
    ("region = 'u\\u0007s'", ["region is"]),
]


@pytest.mark.parametrize(("text", "parts"), WRONG, ids=[text.replace("\n", " ")[:40] for text, _ in WRONG])
def test_wrong_settings_are_told(tmp_path: Path, text: str, parts: list[str]) -> None:
    with pytest.raises(SettingsError) as told:
        from_toml(tmp_path, text)
    for part in parts:
        assert part in str(told.value)
    assert "topsecret" not in str(told.value)
    assert all(line.isprintable() for line in str(told.value).split("\n"))


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load_settings(tmp_path / "other.toml", {})


def test_binary_and_huge_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_settings(file, {})
    file.write_bytes(b"#" * 2_000_000)
    with pytest.raises(SettingsError, match="larger than"):
        load_settings(file, {})


OVERRIDES = [
    ("POSTHOUSE_SMTP__HOSTNAME", "mx.example.org", lambda s: s.smtp.hostname, "mx.example.org"),
    ("POSTHOUSE_REGION", "eu", lambda s: s.region, "eu"),
    ("POSTHOUSE_SMTP__IDLE_S", "2.5", lambda s: s.smtp.idle_s, 2.5),
    ("POSTHOUSE_SMTP__HIDE_CLIENT", "yes", lambda s: s.smtp.hide_client, True),
    ("POSTHOUSE_HTTP__LISTEN", "", lambda s: s.http.listen, ()),
    (
        "POSTHOUSE_SMTP__LISTEN",
        "127.0.0.1:25, [::1]:25",
        lambda s: s.smtp.listen,
        (Endpoint("127.0.0.1", 25), Endpoint("::1", 25)),
    ),
    (
        "POSTHOUSE_DNS__SERVERS",
        "9.9.9.9,::1,[::1]:54",
        lambda s: s.dns.servers,
        (Endpoint("9.9.9.9", 53), Endpoint("::1", 53), Endpoint("::1", 54)),
    ),
    (
        "POSTHOUSE_DELIVERY__ROUTE",
        ".test=127.0.0.1:2600,*=[::1]",
        lambda s: s.delivery.route,
        (Route(".test", "127.0.0.1", 2600), Route("*", "::1", 25)),
    ),
    ("POSTHOUSE_DELIVERY__RETRY_S", "1,2.5", lambda s: s.delivery.retry_s, (1.0, 2.5)),
]


@pytest.mark.parametrize(("name", "text", "read", "value"), OVERRIDES, ids=[row[0] for row in OVERRIDES])
def test_environment_overrides_the_file(tmp_path: Path, name: str, text: str, read: Any, value: Any) -> None:
    assert read(from_toml(tmp_path, "region = 'us'\n[smtp]\nhostname = 'file.test'", {name: text})) == value


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        (
            "POSTHOUSE_SMTP__HOSTNAM",
            "x",
            "POSTHOUSE_SMTP__HOSTNAM is not a setting; did you mean smtp.hostname?",
        ),
        ("POSTHOUSE_SMTP__IDLE_S", "soon", 'environment: POSTHOUSE_SMTP__IDLE_S is "soon"; allowed'),
        ("POSTHOUSE_STORE__URL", "x:topsecret@y", "environment: POSTHOUSE_STORE__URL is not usable"),
    ],
)
def test_wrong_environment_is_told(name: str, text: str, part: str) -> None:
    with pytest.raises(SettingsError) as told:
        settings_from({}, base=BASE, environ={name: text})
    assert part in str(told.value)
    assert "topsecret" not in str(told.value)


def test_other_variables_are_let_be() -> None:
    settings_from({}, base=BASE, environ={"POSTHOUSE_CRASH_AT": "x", "SMTP__IDLE_S": "y"})


URLS = [
    ("sqlite:///var/x.db", "sqlite:////srv/posthouse/var/x.db"),
    ("sqlite:////abs/x.db", "sqlite:////abs/x.db"),
    ("postgresql://h/d", "postgresql://h/d"),
]


@pytest.mark.parametrize(("given", "absolute"), URLS)
def test_store_urls_become_absolute(given: str, absolute: str) -> None:
    assert settings_from({"store": {"url": given}}, base=BASE).store.url == absolute


def test_a_strange_directory_survives_the_url() -> None:
    url = settings_from({}, base=Path("/a b%20c")).store.url
    assert url == "sqlite:////a%20b%2520c/var/posthouse.db"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@h:5/d", "postgresql://u:…@h:5/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("sqlite:////x.db", "sqlite:////x.db"),
    ],
)
def test_public_url_has_no_password(url: str, shown: str) -> None:
    assert public_url(url) == shown


def test_a_route_without_port_uses_the_delivery_port() -> None:
    raw = {"delivery": {"port": 2626, "route": [{"domain": "a.test", "host": "127.0.0.1"}]}}
    assert settings_from(raw, base=BASE).delivery.route == (Route("a.test", "127.0.0.1", 2626),)
