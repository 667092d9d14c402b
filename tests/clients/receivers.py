"""Receiving servers from Debian's packages, each with settings of its own on a loopback port."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.posthouse import greets, wait_for

DOMAIN = "postfix.test"

_MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.{domain}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {root}/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_transport = virtual
smtpd_relay_restrictions = reject_unauth_destination
smtpd_milters = unix:{root}/queue/opendkim.sock
milter_default_action = tempfail
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtpd_tls_cert_file = {root}/tls.pem
smtpd_tls_key_file = {root}/tls.pem
smtputf8_enable = yes
maillog_file = {root}/mail.log
maillog_file_prefixes = {root}
"""

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
smtp unix - - n - - smtp
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""

# OpenDKIM only verifies here; the public keys come from a file instead of DNS.
_OPENDKIM = """\
Socket local:{root}/queue/opendkim.sock
UMask 000
Mode v
TestPublicKeys {root}/keys
AuthservID mx.{domain}
AlwaysAddARHeader yes
UserID opendkim
Background no
Syslog no
On-BadSignature accept
"""


class PostfixMailbox:
    """Everything that arrived for postfix.test, one file each."""

    def __init__(self, root: Path, port: int) -> None:
        self.port = port
        self.root = root

    def files(self) -> list[bytes]:
        return [f.read_bytes() for f in sorted((self.root / "mail" / "box" / "new").glob("*"))]

    def log(self) -> str:
        return (self.root / "mail.log").read_text()

    def wait(self, mark: bytes, seconds: float = 30) -> list[bytes]:
        """The letters that hold the mark, once there is one and a moment has passed for a second."""

        def found() -> list[bytes]:
            return [letter for letter in self.files() if mark in letter]

        wait_for(found, seconds, f"Postfix's mailbox, {self.log()[-2000:]}")
        time.sleep(1.0)
        return found()


def _openssl_pair(file: Path) -> None:
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    words += ["-subj", "/CN=mx.postfix.test", "-out"]
    subprocess.run([*words, file, "-keyout", f"{file}.key"], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.key").read_text())


@contextmanager
def postfix(records: Callable[[], dict[bytes, bytes]], port: int) -> Iterator[PostfixMailbox]:
    """Postfix with STARTTLS and OpenDKIM as verifying milter; `records` are DKIM names and texts."""
    root = Path(tempfile.mkdtemp(prefix="posthouse-mx-"))
    root.chmod(0o755)
    etc, queue, data, mail = (root / name for name in ("etc", "queue", "data", "mail"))
    for folder in (etc, queue, data, mail):
        folder.mkdir()
    shutil.chown(data, "postfix")
    shutil.chown(mail, 65534, 65534)
    shutil.chown(queue, "opendkim")
    _openssl_pair(root / "tls.pem")
    words = {"root": root, "port": port, "domain": DOMAIN}
    (etc / "main.cf").write_text(_MAIN.format(**words))
    (etc / "master.cf").write_text(_MASTER.format(**words))
    (root / "opendkim.conf").write_text(_OPENDKIM.format(**words))
    keys = "".join(f"{name.decode().rstrip('.')} {value.decode()}\n" for name, value in records().items())
    (root / "keys").write_text(keys)
    milter = subprocess.Popen(["/usr/sbin/opendkim", "-f", "-x", root / "opendkim.conf"])
    try:
        wait_for((queue / "opendkim.sock").exists, 10, "OpenDKIM's socket")
        started = subprocess.run(["/usr/sbin/postfix", "-c", etc, "start"], capture_output=True, text=True)
        assert started.returncode == 0, started.stderr
        wait_for(lambda: greets(port), 20, "Postfix")
        yield PostfixMailbox(root, port)
    finally:
        subprocess.run(["/usr/sbin/postfix", "-c", etc, "stop"], capture_output=True)
        milter.terminate()
        milter.wait(20)
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def smtp_sink(folder: Path, port: int) -> Iterator[Path]:
    """Postfix's smtp-sink writing each transaction to a file of the folder."""
    words = ["/usr/sbin/smtp-sink", "-d", f"{folder}/sunk.", f"127.0.0.1:{port}", "100"]
    if os.geteuid() == 0:
        folder.chmod(0o777)
        words[1:1] = ["-u", "nobody"]
        for part in folder.parents:
            if part != Path("/") and part != Path("/tmp"):
                part.chmod(part.stat().st_mode | 0o011)
    sink = subprocess.Popen(words)
    try:
        wait_for(lambda: greets(port), 10, "smtp-sink")
        yield folder
    finally:
        sink.terminate()
        sink.wait(10)
