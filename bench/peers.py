"""Postfix with OpenDKIM from Debian's packages as a peer: same work, same generator, same sink, same run.

Own settings and queue in a temporary folder, own ports, nothing of the system's mail set-up is read or
changed. Needs root (Postfix drops it by itself) and the packages postfix and opendkim.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.cells import Target
from bench.posthouse import DOMAIN, free_port, greets, wait_for

_MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = peer.{domain}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
alias_maps =
local_recipient_maps =
relayhost = [127.0.0.1]:{sink}
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_milters = unix:{root}/queue/opendkim.sock
milter_default_action = tempfail
smtp_tls_security_level = none
smtpd_tls_security_level = none
default_process_limit = {processes}
default_destination_concurrency_limit = {processes}
initial_destination_concurrency = 20
smtp_connection_cache_destinations = [127.0.0.1]
in_flow_delay = 0
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
flush unix n - n 1000? 0 flush
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
"""

_OPENDKIM = """\
Socket local:{root}/queue/opendkim.sock
UMask 000
Domain {domain}
Selector peer
KeyFile {root}/key.pem
Mode s
Canonicalization relaxed/relaxed
SignatureAlgorithm rsa-sha256
InternalHosts 127.0.0.1
UserID opendkim
RequireSafeKeys no
Background no
Syslog no
"""


def missing() -> str:
    """Why the peer cannot be measured here, "" when it can."""
    if os.geteuid() != 0:
        return "Postfix needs root to start"
    absent = [
        p
        for p in ("postfix", "opendkim", "openssl")
        if not shutil.which(p, path=f"{os.environ['PATH']}:/usr/sbin")
    ]
    return f"not installed: {', '.join(absent)}" if absent else ""


@contextmanager
def postfix_with_opendkim(sink_port: int, processes: int = 100) -> Iterator[Target]:
    """A running Postfix whose milter signs with RSA-2048; stopped and removed afterwards."""
    root = Path(tempfile.mkdtemp(prefix="posthouse-peer-"))
    root.chmod(0o755)
    port = free_port()
    etc, queue, data = root / "etc", root / "queue", root / "data"
    for folder in (etc, queue, data):
        folder.mkdir()
    shutil.chown(data, "postfix")
    words = {"root": root, "domain": DOMAIN, "sink": sink_port, "port": port, "processes": processes}
    (etc / "main.cf").write_text(_MAIN.format(**words))
    (etc / "master.cf").write_text(_MASTER.format(**words))
    (root / "opendkim.conf").write_text(_OPENDKIM.format(**words))
    key = root / "key.pem"
    subprocess.run(
        ["openssl", "genrsa", "-traditional", "-out", key, "2048"], check=True, capture_output=True
    )
    shutil.chown(key, "opendkim")
    shutil.chown(queue, "opendkim")
    milter = subprocess.Popen(["/usr/sbin/opendkim", "-f", "-x", root / "opendkim.conf"])
    try:
        wait_for((queue / "opendkim.sock").exists, 10, "OpenDKIM's socket")
        subprocess.run(["/usr/sbin/postfix", "-c", etc, "start"], check=True, capture_output=True)
        wait_for(lambda: greets(port), 20, "Postfix")
        master = int((queue / "pid" / "master.pid").read_text())
        yield Target("postfix+opendkim", port, roots=[master, milter.pid])
    finally:
        subprocess.run(["/usr/sbin/postfix", "-c", etc, "stop"], capture_output=True)
        milter.send_signal(signal.SIGTERM)
        milter.wait(20)
        shutil.rmtree(root, ignore_errors=True)
