"""Keys, certificates and settings that change while mail goes through (F64), on both stores."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dkim_oracle import verified_signatures
from house.conftest import Stores
from house.house import House, Houses, letter, unique, until
from house.wire import Answer, Wire
from posthouse.config import load_settings
from posthouse.desk.certificates import ensure_pair

pytestmark = pytest.mark.long

PACE_S = 0.03
KINDS = ("plain", "starttls", "tls", "plain")


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, houses: Houses, stores: Stores) -> House:
    """Each with a domain of its own, because all of them share one DNS."""
    made = houses.new(store=stores.fresh(request.param))
    return made.set_up(f"{unique('d')}.test")


def _domain(house: House) -> str:
    return house.login.partition("@")[2]


class Load:
    """Clients that send one letter after another, each over its own connection, and connect again when they
    are told good-bye between two letters. In the middle of one a good-bye is a dropped transaction."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.acknowledged: list[str] = []
        self.goodbyes = 0
        self.wrong: list[str] = []
        self._tag = unique()
        self._sender = f"orders@{_domain(house)}"
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._send_on, args=(number, kind)) for number, kind in enumerate(KINDS)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)

    def goes_on(self, what: str) -> None:
        """Wait for more letters than clients have under way."""
        seen = len(self.acknowledged)
        until(lambda: self.wrong or len(self.acknowledged) > seen + 3 * len(KINDS), 30, f"letters {what}")
        assert self.wrong == []

    def _send_on(self, number: int, kind: str) -> None:
        count = 0
        try:
            while not self._stopping.is_set():
                with self._connected(kind) as wire:
                    while wire is not None and not self._stopping.wait(PACE_S):
                        recipient = f"{number}-{count}+{self._tag}@good.test"
                        if not self._one(wire, recipient):
                            break
                        count += 1
                self.goodbyes += 1
        except Exception as error:
            self.wrong.append(f"{kind}: {error!r}")

    @contextlib.contextmanager
    def _connected(self, kind: str) -> Iterator[Wire | None]:
        """A connection that has signed in, None when the server said good-bye before that."""
        port = self.house.port_tls if kind == "tls" else self.house.port
        try:
            opened = Wire(port, is_tls=kind == "tls")
        except ssl.SSLEOFError:  # the worker left while we shook hands: nothing had begun
            yield None
            return
        with opened as wire:
            answer = wire.greeting
            if kind == "starttls" and answer.code == 220:
                answer = self._upgraded(wire)
            if answer.code == 220:
                answer = wire.sign_in(self.house.login, self.house.password)
            assert answer.code == 235 or _is_goodbye(answer), answer
            yield wire if answer.code == 235 else None

    def _upgraded(self, wire: Wire) -> Answer:
        answer = wire.say("EHLO client.test")
        if answer.code == 250:
            answer = wire.say("STARTTLS")
        if answer.code == 220:
            try:
                wire.upgrade()
            except ssl.SSLEOFError:  # likewise
                return Answer("")
        return answer

    def _one(self, wire: Wire, recipient: str) -> bool:
        answer = wire.say(f"MAIL FROM:<{self._sender}>")
        if _is_goodbye(answer):
            return False
        answers = [answer, wire.say(f"RCPT TO:<{recipient}>"), wire.say("DATA")]
        assert [each.code for each in answers] == [250, 250, 354], answers
        wire.send(letter(recipient, sender=self._sender).raw + b".\r\n")
        last = wire.read()
        assert last.code == 250, f"a dropped transaction: {last!r}"
        self.acknowledged.append(recipient)
        return True


def _is_goodbye(answer: str) -> bool:
    return answer == "" or answer.startswith("421 4.3.2")


def _records(house: House) -> dict[str, str]:
    rows = house.cli_rows("domain", "key", "list", _domain(house))
    return {row["record"]["name"]: row["record"]["value"] for row in rows}


def _publish(house: House, records: dict[str, str]) -> None:
    for name, value in records.items():
        parts = " ".join(f'"{value[at : at + 255]}"' for at in range(0, len(value), 255))
        house.internet.publish(f"{name} TXT {parts}")


def _selector_of_last(house: House) -> str:
    """Whose key signed the letter that arrived last."""
    for arrival in house.internet.arrivals_from(house.hellos)[-1:]:
        head = arrival.content.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ")
        return head.partition(b" s=")[2].partition(b";")[0].decode()
    return ""


def _shown(house: House, *, starttls: bool) -> str:
    """The fingerprint of the certificate that a new connection is shown, "" while it is told good-bye."""
    port = house.port if starttls else house.port_tls
    with contextlib.suppress(OSError, AssertionError), Wire(port, is_tls=not starttls) as wire:
        if starttls:
            assert wire.say("EHLO client.test").code == 250
            wire.start_tls()
        assert isinstance(wire.socket, ssl.SSLSocket)
        return hashlib.sha256(wire.socket.getpeercert(binary_form=True) or b"").hexdigest()
    return ""


def _new_certificate(house: House) -> str:
    """Put another pair in the place of the present one, key first, as a careless script does; its
    fingerprint."""
    smtp = load_settings(house.config).smtp
    fresh = house.folder / unique("pair")
    fresh.mkdir()
    ensure_pair(fresh / "cert.pem", fresh / "key.pem", "new.house.test", time.time())
    text = (fresh / "cert.pem").read_text()
    smtp.tls_key.write_bytes((fresh / "key.pem").read_bytes()[:100])
    shutil.copy(fresh / "key.pem", smtp.tls_key)
    os.replace(fresh / "cert.pem", smtp.tls_cert)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()


def _greets_as(house: House, hostname: str) -> bool:
    with contextlib.suppress(OSError), Wire(house.port) as wire:
        return wire.greeting.startswith(f"220 {hostname} ")
    return False


def _reload(house: House, hostname: str) -> None:
    """Another name in the settings, `posthouse reload`; until that name greets and the old workers left."""
    old = house.workers()
    house.hostname = hostname
    house.hellos.append(hostname)
    house._write_settings()
    assert house.cli("reload") == {"told": house.pid}
    until(lambda: _greets_as(house, hostname), 30, "the new name in the greeting")
    until(lambda: not set(house.workers()) & set(old), 40, "the end of the old workers")


def test_F64_D_03_a_rotation_a_certificate_and_settings_change_under_load(house: House) -> None:
    records = _records(house)
    _publish(house, records)
    with Load(house) as load:
        load.goes_on("before any change")
        until(lambda: _selector_of_last(house) == "ph1", 20, "a letter that the first key signed")

        done = house.cli("domain", "rotate", _domain(house))
        assert [key["selector"] for key in done["active"]] == ["ph2"]
        until(lambda: _selector_of_last(house) == "ph2", 20, "a letter that the new key signed")
        load.goes_on("after the rotation")

        fingerprint = _new_certificate(house)
        for starttls in (True, False):
            until(lambda s=starttls: _shown(house, starttls=s) == fingerprint, 20, "the new certificate")  # type: ignore[misc]
        load.goes_on("after the new certificate")

        _reload(house, f"{unique('other')}.house.test")
        load.goes_on("after the new settings")
        assert _shown(house, starttls=True) == fingerprint

        text = house.config.read_text()
        house.config.write_text(text.replace("hostname", "hostnam", 1))
        house.signal(signal.SIGHUP)
        until(lambda: "the old ones stay" in house.log.read_text(), 20, "the complaint about wrong settings")
        house.config.write_text(text)
        load.goes_on("after wrong settings")
    assert load.wrong == []
    assert load.goodbyes > len(KINDS), "the reloads reached open connections"
    for recipient in load.acknowledged:
        house.event(recipient, "delivered", seconds=30)
        (arrival,) = house.internet.to(recipient)
        assert verified_signatures(arrival.content, records) in (["ph1"], ["ph2"])


def test_D_03_a_key_from_elsewhere_signs_once_dns_shows_it(house: House, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    file = tmp_path / "old.pem"
    private = generate_private_key(65537, 2048)
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    made = house.cli("domain", "key", "import", _domain(house), "mailo", str(file))
    refused = house.command("domain", "key", "activate", _domain(house), "mailo", check=False)
    assert refused == "", "DNS does not have it yet"
    records = {made["record"]["name"]: made["record"]["value"]}
    _publish(house, records)
    done = house.cli("domain", "key", "activate", _domain(house), "mailo")
    assert [key["selector"] for key in done["retiring"]] == ["ph1"]

    def signed() -> list[str]:
        recipient = f"{unique()}@good.test"
        sender = f"orders@{_domain(house)}"
        house.submit(recipient, letter(recipient, sender=sender), sender=sender)
        return verified_signatures(house.internet.copy(recipient).content, records | _records(house))

    until(lambda: signed() == ["mailo"], 20, "a letter that the imported key signed")
    assert b"PRIVATE KEY" not in b"".join(path.read_bytes() for path in house.files() if path.suffix == ".db")


def test_D_03_a_rotation_is_refused_until_dns_has_the_next_record(house: House) -> None:
    before = house.cli_rows("domain", "key", "list", _domain(house))
    with pytest.raises(AssertionError, match=r"DNS has nothing at ph2\._domainkey"):
        house.cli("domain", "rotate", _domain(house))
    assert house.cli_rows("domain", "key", "list", _domain(house)) == before
