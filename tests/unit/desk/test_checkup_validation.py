"""`posthouse check` looks at what can be seen of `dns.validates`, and at `delivery.tls_ca`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dns.exception
import dns.flags
import pytest

from posthouse.config import settings_from
from posthouse.desk import checkup
from posthouse.internet.certificates import Certificates


@pytest.mark.parametrize(
    ("servers", "flags", "state", "words"),
    [
        (["127.0.0.1"], dns.flags.AD, "ok", "validate DNSSEC"),
        (["::1"], dns.flags.AD, "ok", "validate DNSSEC"),
        (["127.0.0.1", "192.0.2.1"], dns.flags.AD, "warning", "192.0.2.1 is another machine"),
        (["127.0.0.1"], 0, "warning", "prove nothing"),
        (["127.0.0.1"], None, "warning", "prove nothing"),
    ],
    ids=["on this machine", "over IPv6", "another machine too", "no proof", "no answer"],
)
def test_the_word_of_the_resolver(
    monkeypatch: pytest.MonkeyPatch, servers: list[str], flags: int | None, state: str, words: str
) -> None:
    def resolve(name: str, kind: str) -> Any:
        if flags is None:
            raise dns.exception.Timeout
        return SimpleNamespace(response=SimpleNamespace(flags=flags))

    monkeypatch.setattr(checkup, "_resolver", lambda _: SimpleNamespace(nameservers=servers, resolve=resolve))
    settings = settings_from({"dns": {"validates": True, "servers": servers}}, base=Path("/"))
    finding = checkup._validation(settings)
    assert (finding.area, finding.state) == ("dns", state)
    assert words in finding.text


def test_a_file_of_authorities_is_tried(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    assert checkup._authorities(file).state == "wrong"
    file.write_text("nothing")
    assert "no PEM certificate" in checkup._authorities(file).text
    file.write_bytes(Certificates().authority_pem)
    assert checkup._authorities(file).state == "ok"
