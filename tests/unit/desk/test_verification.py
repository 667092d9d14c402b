"""`posthouse domain verify` against a real name server on loopback (D-01, D-02)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from posthouse.cli.main import run
from posthouse.internet.dns import DnsFault, FakeDns


async def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """One command in a thread, while this loop serves DNS."""
    capsys.readouterr()
    code = await asyncio.to_thread(run, arguments)
    captured = capsys.readouterr()
    assert not captured.err
    return code, captured.out


async def test_a_domain_may_send_once_its_key_is_in_dns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("posthouse.desk.verification._LOOK_UP_S", 2.0)
    dns = FakeDns('example.com TXT "v=spf1 a:mail.example.com -all"')
    await dns.start()
    monkeypatch.setenv("POSTHOUSE_DNS__SERVERS", dns.address)
    monkeypatch.setenv("POSTHOUSE_SMTP__HOSTNAME", "mail.example.com")
    try:
        _, out = await call(capsys, "domain", "add", "example.com", "--json")
        key = json.loads(out)["records"][0]
        code, out = await call(capsys, "domain", "verify", "example.com", "--json")
        answer = json.loads(out)
        assert (code, answer["verified"]) == (1, False)
        assert [row["is_there"] for row in answer["records"]] == [
            False,
            False,
            True,
            False,
            False,
            False,
            False,
        ]
        assert answer["records"][0]["found"] == "nothing"

        cut = key["value"][:200], key["value"][200:]
        dns.load(f'{key["name"]} TXT "{cut[0]}" "{cut[1]}"')
        code, out = await call(capsys, "domain", "verify", "example.com")
        assert code == 0
        assert "example.com is verified." in out
        _, out = await call(capsys, "domain", "list", "--json")
        assert json.loads(out)["verified"] is True

        dns.faults["example.com"] = DnsFault.SERVFAIL
        _, out = await call(capsys, "domain", "verify", "example.com", "--json")
        assert json.loads(out)["records"][2]["found"].startswith("no answer: ")
    finally:
        await dns.close()
