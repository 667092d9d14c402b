"""One Chromium, one fake internet and one Posthouse for all browser tests; skipped without a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from house.house import DOMAIN, House, Houses
from house.internet import Internet

playwright = pytest.importorskip(
    "playwright.sync_api", reason="`make browser` installs playwright's Python package"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WORDS = "page_name=The Shop", "page_colour=#0a6640", "page_text=Questions? Write to help@shop.test"


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                f"--host-resolver-rules=MAP email.{DOMAIN} 127.0.0.1, MAP goal.test 127.0.0.1, "
                "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            ],
        )
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A Posthouse whose links a browser on this machine can follow."""
    with Internet() as internet:
        made = Houses(tmp_path_factory.mktemp("browser"), internet).new(starts=False)
        url = f"tracking_url=http://email.{DOMAIN}:{made.port_http}"
        made.cli("domain", "set", DOMAIN, "unsubscribe=yes", url, *WORDS)
        made.start()
        yield made
        made.stop()


class _Goal(BaseHTTPRequestHandler):
    """A page of the sender's own site."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<h1>Goal</h1>")

    def log_message(self, *words: object) -> None:
        """Nothing."""


@pytest.fixture(scope="session")
def goal() -> Iterator[str]:
    """Where a link of a mail leads."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Goal)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://goal.test:{server.server_port}/x?a=1&b=2"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go."""
    return tmp_path_factory.mktemp("pictures")
