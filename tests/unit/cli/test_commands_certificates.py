"""`posthouse domain certificate` and `posthouse domain certificates`."""

from __future__ import annotations

from pathlib import Path

import pytest

from posthouse.internet.certificates import Certificates
from posthouse.internet.scripts import Tls
from unit.cli.calling import Cli, caller

HOST = "email.example.com"
MAKER = Certificates()
INSTALL = ("domain", "certificate", "example.com", "--cert", "pair.pem", "--key", "pair.pem")


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    call = caller(tmp_path, monkeypatch, capsys)
    assert call("domain", "add", "example.com", "--assume-verified").code == 0
    Path("pair.pem").write_bytes(MAKER.pem(HOST))
    return call


def test_it_is_installed_listed_and_removed(cli: Cli) -> None:
    assert cli("domain", "certificates").out == "No certificates yet.\n"
    answer = cli(*INSTALL)
    assert answer.code == 0 and answer.out.startswith(f"{HOST} shows this certificate, until 20")
    assert answer.err == "posthouse: no port speaks TLS yet; set http.listen_tls\n"
    listed = cli("domain", "certificates")
    head, row = listed.out.splitlines()
    assert head.split() == ["HOST", "EXPIRES", "DAYS", "LEFT", "NAMES"] and listed.err == ""
    assert row.split()[0] == row.split()[-1] == HOST and row.split()[3] == "29"
    (value,) = cli("domain", "certificates", "--json").rows
    assert set(value) == {"host", "domain", "names", "expires_at", "days_left", "changed_at"}
    removed = cli("domain", "certificate", "example.com", "--remove", "--json")
    assert removed.rows == [{"removed": "example.com"}]
    assert cli("domain", "certificate", "example.com", "--remove").code != 0


def test_one_that_ends_soon_is_warned_of(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOUSE_HTTP__LISTEN_TLS", "127.0.0.1:8443")
    cli(*INSTALL)
    monkeypatch.setattr("posthouse.desk.tracking_certificates.WARN_DAYS", 30)
    for words in (("domain", "certificates"), ("domain", "certificates", "--json"), INSTALL):
        assert cli(*words).err == f"posthouse: the certificate of {HOST} ends in 29 days\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Give --cert and --key, both, or --remove alone"),
        (("--cert", "pair.pem"), "Give --cert and --key, both, or --remove alone"),
        (("--cert", "pair.pem", "--key", "pair.pem", "--remove"), "Give --cert and --key, both, or --remove"),
        (("--cert", "none.pem", "--key", "pair.pem"), "none.pem: cannot be read: No such file"),
        (("--cert", "old.pem", "--key", "old.pem"), "The certificate expired on 20"),
        (("--cert", "other.pem", "--key", "other.pem"), "The certificate is for another.invalid; the links"),
    ],
)
def test_mistakes_are_one_line(cli: Cli, words: tuple[str, ...], said: str) -> None:
    Path("old.pem").write_bytes(MAKER.pem(HOST, Tls.EXPIRED))
    Path("other.pem").write_bytes(MAKER.pem(HOST, Tls.WRONG_NAME))
    answer = cli("domain", "certificate", "example.com", *words)
    assert answer.code != 0 and answer.out == "" and said in answer.err
    assert len(answer.err.splitlines()) == 1
    assert cli("domain", "certificates").out == "No certificates yet.\n"
