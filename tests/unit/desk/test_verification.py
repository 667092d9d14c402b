"""`posthouse domain verify` against a real name server on loopback (D-01, D-02)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from posthouse.cli.main import run
from posthouse.desk.domain_checks import zone_given, zone_of
from posthouse.internet.dns import DnsFault, FakeDns
from posthouse.model.errors import Refused
from posthouse.rules.dns import NOTHING, Found


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
    dns = FakeDns('example.com TXT "v=spf1 a:mail.example.com -all"\nmail.example.com A 192.0.2.1')
    await dns.start()
    monkeypatch.setenv("POSTHOUSE_DNS__SERVERS", dns.address)
    monkeypatch.setenv("POSTHOUSE_SMTP__HOSTNAME", "mail.example.com")
    try:
        _, out = await call(capsys, "domain", "add", "example.com", "--json")
        key = json.loads(out)["records"][0]
        code, out = await call(capsys, "domain", "verify", "example.com", "--json")
        answer = json.loads(out)
        assert (code, answer["verified"]) == (1, False)
        states = ["missing", "missing", "ok", *["missing"] * 4]  # two keys, then SPF
        assert [row["state"] for row in answer["records"]] == states
        assert "There is no DKIM record at ph1._domainkey.example.com yet" in answer["records"][0]["text"]

        cut = key["value"][:200], key["value"][200:]
        dns.load(f'{key["name"]} TXT "{cut[0]}" "{cut[1]}"')
        code, out = await call(capsys, "domain", "verify", "example.com")
        assert code == 0
        assert "example.com is verified." in out
        _, out = await call(capsys, "domain", "list", "--json")
        assert json.loads(out)["verified"] is True

        dns.faults["example.com"] = DnsFault.SERVFAIL
        _, out = await call(capsys, "domain", "verify", "example.com", "--json")
        answer = json.loads(out)
        assert (answer["verified"], answer["records"][2]["state"]) == (True, "unknown")
        assert "DNS could not be asked" in answer["records"][2]["text"]
    finally:
        await dns.close()


@pytest.mark.parametrize(
    ("domain", "apexes", "zone"),
    [
        ("example.com", ["example.com"], "example.com"),
        ("news.example.com", ["example.com", "com"], "example.com"),
        ("news.example.com", ["news.example.com", "example.com"], "news.example.com"),
        ("example.com", ["com"], "example.com"),
    ],
)
async def test_the_zone_of_a_domain_begins_where_its_soa_is(
    domain: str, apexes: list[str], zone: str
) -> None:
    async def ask(name: str, kind: str) -> Found:
        return (
            Found(rows=((0, "ns. h. 1 2 3 4 5"),))
            if (name, kind) in {(a, "SOA") for a in apexes}
            else NOTHING
        )

    assert await zone_of(ask, domain) == zone


@pytest.mark.parametrize("zone", ["", "example.com", "other.test"])
def test_a_zone_that_is_named_must_hold_the_domain(zone: str) -> None:
    if zone == "other.test":
        with pytest.raises(Refused, match="is not in the zone"):
            zone_given(zone, "example.com")
    else:
        assert zone_given(zone, "news.example.com") == zone
