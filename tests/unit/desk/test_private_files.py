"""The installation key, private files and the generated TLS pair."""

from __future__ import annotations

import datetime as dt
import ssl
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509

from posthouse.desk.certificates import ensure_pair
from posthouse.desk.installation import FILE_NAME, Installation, SealBroken
from posthouse.desk.secrets_file import read_or_make, read_private, write_private
from posthouse.model.errors import SettingsError

NOW = 1_700_000_000.0


def test_the_installation_key_is_made_once_and_private(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "var"
    first = Installation.load_or_make(state)
    assert Installation.load_or_make(state) == first
    assert stat.S_IMODE((state / FILE_NAME).stat().st_mode) == 0o600
    assert [file.name for file in state.iterdir()] == [FILE_NAME], "no draft is left behind"
    assert first.key.hex() not in repr(first)


def test_many_makers_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: Installation.load_or_make(tmp_path).key, range(32)))
    assert len(set(made)) == 1


@pytest.mark.parametrize("content", [b"", b"short", b"zz" * 32, b"\xff" * 64, b"ab" * 33], ids=repr)
def test_a_damaged_key_is_told(tmp_path: Path, content: bytes) -> None:
    write_private(tmp_path / FILE_NAME, content)
    with pytest.raises(SettingsError, match="not an installation key; allowed: 64 hex digits"):
        Installation.load_or_make(tmp_path)


def test_a_key_open_to_everybody_is_refused(tmp_path: Path) -> None:
    Installation.load_or_make(tmp_path)
    (tmp_path / FILE_NAME).chmod(0o644)
    with pytest.raises(SettingsError, match="everybody may read this secret; allowed: mode 600"):
        Installation.load_or_make(tmp_path)


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SettingsError, match="cannot be read or made"):
        Installation.load_or_make(tmp_path / "file" / "var")


def test_sealed_bytes_open_for_their_owner_alone() -> None:
    installation = Installation(b"k" * 32)
    sealed = installation.seal(b"private", "owner-1")
    assert b"private" not in sealed
    assert installation.seal(b"private", "owner-1") != sealed, "a fresh nonce each time"
    assert installation.open(sealed, "owner-1") == b"private"
    damaged = sealed[:-1] + bytes([sealed[-1] ^ 1])
    attempts = [(sealed, "owner-2"), (damaged, "owner-1"), (sealed[:20], "owner-1"), (b"", "owner-1")]
    for bad, owner in attempts:
        with pytest.raises(SealBroken):
            installation.open(bad, owner)


def test_write_private_replaces_whole(tmp_path: Path) -> None:
    file = tmp_path / "password"
    write_private(file, b"one")
    write_private(file, b"two")
    assert read_private(file) == b"two"
    assert read_or_make(file, lambda: b"three") == b"two"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(list(tmp_path.iterdir())) == 1


def test_the_tls_pair_is_made_when_absent(tmp_path: Path) -> None:
    cert, key = tmp_path / "tls" / "cert.pem", tmp_path / "tls" / "key.pem"
    assert ensure_pair(cert, key, "mail.example.com", NOW) is True
    before = cert.read_bytes()
    assert ensure_pair(cert, key, "mail.example.com", NOW) is False
    assert cert.read_bytes() == before
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    made = x509.load_pem_x509_certificate(before)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["mail.example.com", "localhost"]
    assert made.not_valid_before_utc < dt.datetime.fromtimestamp(NOW, dt.UTC) < made.not_valid_after_utc


def test_a_very_long_host_name_gets_a_certificate(tmp_path: Path) -> None:
    name = ".".join(["a" * 60] * 4)
    assert ensure_pair(tmp_path / "c.pem", tmp_path / "k.pem", name, NOW)


@pytest.mark.parametrize("lone", ["cert.pem", "key.pem"])
def test_half_a_pair_is_refused(tmp_path: Path, lone: str) -> None:
    (tmp_path / lone).write_text("x")
    with pytest.raises(SettingsError, match="the other half of the TLS pair is there"):
        ensure_pair(tmp_path / "cert.pem", tmp_path / "key.pem", "h.test", NOW)
    assert len(list(tmp_path.iterdir())) == 1
