"""A signing name server and a validating resolver, Knot DNS and Unbound, in a folder and on high ports."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.query
from bench.posthouse import free_port, wait_for

_KNOT = """\
server:
  rundir: {root}/run
  listen: 127.0.0.1@{port}
database:
  storage: {root}/keys
policy:
  - id: quick
    algorithm: ecdsap256sha256
template:
  - id: default
    storage: {root}
    file: "%s.zone"
    zonefile-load: whole
    zonefile-sync: 0
zone:
"""
_ZONE = "  - domain: {name}\n    dnssec-signing: {signing}\n    dnssec-policy: quick\n"

_UNBOUND = """\
server:
  directory: "{root}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 0
  do-daemonize: no
  num-threads: 1
  interface: 127.0.0.1
  port: {port}
  do-ip6: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  local-zone: "test." nodefault
{anchors}
remote-control:
  control-enable: no
{stubs}
"""
_SOA = "$TTL 60\n{name}. SOA ns.{name}. hostmaster.{name}. 1 3600 600 86400 60\n{name}. NS ns.{name}.\n"
_SOA += "ns.{name}. A 127.0.0.1\n"


class Zones:
    """Zone texts by name, all names in them absolute, and the Knot that serves them."""

    def __init__(self, root: Path, texts: Mapping[str, str]) -> None:
        self.root = root
        self.texts = texts
        self.port = free_port()
        self.config = root / "knot.conf"

    def write(self, *, signing: bool) -> None:
        zones = "".join(_ZONE.format(name=n, signing="on" if signing else "off") for n in self.texts)
        self.config.write_text(_KNOT.format(root=self.root, port=self.port) + zones)

    def anchor(self, name: str) -> str:
        """The DS record of a zone's key."""
        words = ["/usr/sbin/keymgr", "-c", str(self.config), name, "ds"]
        told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        return next(line for line in told.splitlines() if " 13 2 " in line)


@contextmanager
def _running(words: list[str], root: Path, log: str) -> Iterator[subprocess.Popen[bytes]]:
    with (root / log).open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out, cwd=root)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)


def _answers(port: int, name: str, kind: str = "SOA", *, secure: bool = False) -> bool:
    """Does the server answer? `secure`: with the proof."""
    question = dns.message.make_query(name, kind)
    question.flags |= dns.flags.AD
    try:
        answer = dns.query.udp(question, "127.0.0.1", port=port, timeout=2)
    except Exception:
        return False
    return bool(answer.answer) and (not secure or bool(answer.flags & dns.flags.AD))


def _has_signed(port: int, name: str) -> bool:
    return _answers(port, name, "DNSKEY")


@contextmanager
def validating_pair(
    texts: Mapping[str, str],
    *,
    tampered: Mapping[str, tuple[str, str]] | None = None,
    unsigned: frozenset[str] = frozenset(),
    forged: frozenset[str] = frozenset(),
) -> Iterator[str]:
    """Knot serves the zones, Unbound validates; the resolver's "address:port".

    `tampered`: what to replace in a zone's file after it was signed; `unsigned` zones have no anchor,
    `forged` ones that of another key."""
    with tempfile.TemporaryDirectory(prefix="posthouse-dns-") as folder:
        root = Path(folder)
        for name in ("run", "keys"):
            (root / name).mkdir()
        zones = Zones(root, texts)
        for name, text in texts.items():
            (root / f"{name}.zone").write_text(_SOA.format(name=name) + text + "\n")
        zones.write(signing=True)
        knot = ["/usr/sbin/knotd", "-c", str(zones.config)]
        with _running(knot, root, "signing.log"):  # signs, and writes what it signed at its end
            for name in texts:
                wait_for(lambda name=name: _has_signed(zones.port, name), 20, f"Knot's signatures of {name}")
        anchors = {name: zones.anchor(name) for name in texts if name not in unsigned}
        for name in forged:
            owner, _, key = anchors[name].partition(" DS ")
            anchors[name] = f"{owner} DS {key[:-64]}{'00' * 32}"
        for name, (old, new) in (tampered or {}).items():
            file = root / f"{name}.zone"
            signed = file.read_text()
            assert signed.count(old) == 1, signed
            file.write_text(signed.replace(old, new))
        zones.write(signing=False)
        with _running(knot, root, "knot.log"), _unbound(zones, anchors) as port:
            yield f"127.0.0.1:{port}"


@contextmanager
def _unbound(zones: Zones, anchors: Mapping[str, str]) -> Iterator[int]:
    port = free_port()
    stubs = "".join(
        f'stub-zone:\n  name: "{name}"\n  stub-addr: 127.0.0.1@{zones.port}\n' for name in zones.texts
    )
    lines = "\n".join(f'  trust-anchor: "{anchor}"' for anchor in anchors.values())
    config = zones.root / "unbound.conf"
    config.write_text(_UNBOUND.format(root=zones.root, port=port, anchors=lines, stubs=stubs))
    with _running(["/usr/sbin/unbound", "-d", "-c", str(config)], zones.root, "unbound.log"):
        proven = next(iter(anchors))
        wait_for(
            lambda: _answers(port, proven, secure=True),
            20,
            f"Unbound's proof of {proven}: {(zones.root / 'unbound.log').read_text()[-2000:]}",
        )
        yield port
