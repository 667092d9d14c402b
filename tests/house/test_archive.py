"""MG-23: the exact bytes of each delivered mail, posted to the sender's archive."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import pytest

from house import books
from house.copies import read
from house.house import House, Houses, unique, until
from house.mailgun import alternative, change, option_fields, submit, warnings

pytestmark = pytest.mark.long

ARCHIVED = "archived.test"  # a domain whose settings name an archive
HTML = '<p>Dear %recipient.first% <a href="https://shop.test/x">go</a></p>'


@dataclass(frozen=True, slots=True)
class Posted:
    """One request that the archive got."""

    path: str
    kind: str
    body: bytes


@dataclass
class Archive:
    """A small HTTP server in threads. The beginning of a path says how it answers: /500/… the first time 500,
    /406/… always, /302/… leads elsewhere; anything else 200."""

    posts: list[Posted] = field(default_factory=list)

    def __enter__(self) -> Self:
        archive = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                posted = Posted(self.path, self.headers["Content-Type"], body)
                is_first = not archive.to(self.path)
                archive.posts.append(posted)
                word = self.path.split("/")[1]
                status = {"500": 500 if is_first else 200, "406": 406, "302": 302}.get(word, 200)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", self.path.replace("302", "elsewhere"))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Silence."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="archive")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def to(self, path: str) -> list[Posted]:
        return [each for each in list(self.posts) if each.path == path]

    def post(self, path: str, count: int = 1) -> Posted:
        """Wait for so many posts to this path; the last of them."""
        found = until(lambda: self.to(path)[count - 1 :], 10, f"post {count} to {path}")
        return found[0]


@pytest.fixture(scope="module")
def archive() -> Iterator[Archive]:
    with Archive() as running:
        yield running


@pytest.fixture(scope="module")
def house(shared_houses: Houses, archive: Archive) -> House:
    allowed = {"delivery": {"post_private_networks": "allow", "retry_s": [1]}}
    made = shared_houses.new(starts=False, settings=allowed)
    made.cli("domain", "add", ARCHIVED, "--assume-verified")
    made.add_user(f"app@{ARCHIVED}")
    made.cli("domain", "set", ARCHIVED, f"archive_url={archive.url('/domain')}")
    return made.start()


def _jobs(house: House, message_id: str) -> list[dict[str, Any]]:
    return books.rows(house.store, f"select * from job where message_id = '{message_id}'")


def _tried(house: House, message_id: str) -> list[dict[str, Any]]:
    """Wait until the first try is over; the job that is left."""

    def found() -> list[dict[str, Any]]:
        return [row for row in _jobs(house, message_id) if row["last_text"]]

    return until(found, 10, "the archive to be tried")


def _no_jobs(house: House, message_id: str) -> None:
    """Wait until there is nothing more to post."""
    until(lambda: not _jobs(house, message_id), 10, "the jobs to be done")


def test_MG_23_the_archive_gets_the_bytes_that_the_recipients_host_took(
    house: House, archive: Archive
) -> None:
    tag = unique()
    recipients = [f"bob+{tag}@good.test", f"eve+{tag}@notls.test"]
    values = json.dumps({each: {"first": each[:3].title()} for each in recipients})
    fields = [
        f"X-Mailgun-Archive-To: {archive.url(f'/{tag}')}",
        f"X-Mailgun-Recipient-Variables: {values}",
        "X-Mailgun-Track: yes",
    ]
    message_id = house.submit(recipients, alternative(recipients[0], fields, html=HTML, text="Grüße\n"))
    copies = {house.internet.copy(recipient).content for recipient in recipients}
    archive.post(f"/{tag}", 2)
    _no_jobs(house, message_id)
    posts = archive.to(f"/{tag}")
    assert {each.body for each in posts} == copies and len(posts) == 2
    assert {each.kind for each in posts} == {"application/mime"}
    assert not any(option_fields(read(house.internet.copy(each))) for each in recipients)


def test_MG_23_only_what_was_delivered_and_once(house: House, archive: Archive) -> None:
    tag = unique()
    header = f"Archive-To: {archive.url(f'/{tag}')}"
    late, never, test = f"defer-1+{tag}@good.test", f"refuse+{tag}@good.test", f"test+{tag}@good.test"
    ids = [
        submit(house, late, header),
        submit(house, never, header),
        submit(house, test, header, "Drop-Message: yes"),
    ]
    house.event(never, "failed")
    house.event(test, "delivered")
    house.event(late, "delivered")
    posted = archive.post(f"/{tag}")
    for message_id in ids:
        _no_jobs(house, message_id)
    assert archive.to(f"/{tag}") == [posted]
    assert posted.body == house.internet.copy(late).content


def test_MG_23_a_failing_archive_gets_it_again(house: House, archive: Archive) -> None:
    path, recipient = f"/500/{unique()}", f"{unique()}@good.test"
    message_id = submit(house, recipient, f"Archive-To: {archive.url(path)}")
    before = time.time()
    archive.post(path)
    (job,) = _tried(house, message_id)
    assert job["attempt"] == 1 and job["last_text"].startswith("500")
    assert before + 300 <= job["due_at"] <= time.time() + 300  # the ladder begins with five minutes
    change(house, "update job set due_at = 0 where id = ?", job["id"])
    archive.post(path, 2)
    _no_jobs(house, message_id)
    first, second = archive.to(path)
    assert first.body == second.body == house.internet.copy(recipient).content


def test_MG_23_an_archive_that_does_not_want_it(house: House, archive: Archive) -> None:
    paths = {status: f"/{status}/{unique()}" for status in ("406", "302")}
    ids = {
        status: submit(house, f"{unique()}@good.test", f"Archive-To: {archive.url(path)}")
        for status, path in paths.items()
    }
    for path in paths.values():
        archive.post(path)
    _no_jobs(house, ids["406"])
    assert _tried(house, ids["302"])
    assert [len(archive.to(path)) for path in paths.values()] == [1, 1]
    assert archive.to(paths["302"].replace("302", "elsewhere")) == []  # redirects are not followed


def test_MG_23_the_domains_archive_and_the_headers(house: House, archive: Archive) -> None:
    path = f"/{unique()}"
    by_domain, by_header = f"{unique()}@good.test", f"{unique()}@good.test"
    submit(house, by_header, f"Archive-To: {archive.url(path)}", domain=ARCHIVED)
    submit(house, by_domain, domain=ARCHIVED)
    assert archive.post(path).body == house.internet.copy(by_header).content
    assert archive.post("/domain").body == house.internet.copy(by_domain).content
    assert len(archive.to("/domain")) == 1


def test_MG_23_of_repeated_headers_the_last_counts(house: House, archive: Archive) -> None:
    tag = unique()
    headers = [f"Archive-To: {archive.url(f'/{name}/{tag}')}" for name in ("first", "last")]
    submit(house, f"{unique()}@good.test", *headers)
    archive.post(f"/last/{tag}")
    assert archive.to(f"/first/{tag}") == []


NO_URLS = [
    "ftp://archive.test/x",
    "archive.test",
    "http://",
    "https://a b/",
    "javascript:alert(1)",
    "http://x:0/",
]


@pytest.mark.parametrize("url", NO_URLS)
def test_MG_23_what_is_no_web_address_is_ignored(house: House, url: str) -> None:
    recipient = f"{unique()}@good.test"
    message_id = submit(house, recipient, f"Archive-To: {url}")
    house.event(recipient, "delivered")
    assert _jobs(house, message_id) == []
    assert option_fields(read(house.internet.copy(recipient))) == []
    assert warnings(house, recipient) == ["X-Mailgun-Archive-To: ignored: use an http or https URL"]


HOSTS = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"]


def test_MG_23_S15_nobody_leads_us_to_our_own_machine_unless_it_is_allowed(
    careful: House, archive: Archive
) -> None:
    path = f"/{unique()}"
    recipients = {host: f"{unique()}@good.test" for host in HOSTS}
    ids = {
        host: submit(careful, name, f"Archive-To: {archive.url(path).replace('127.0.0.1', host)}")
        for host, name in recipients.items()
    }
    for host, recipient in recipients.items():
        careful.event(recipient, "delivered")  # the mail itself goes
        (job,) = _tried(careful, ids[host])
        assert job["last_text"].startswith("0 "), host
    assert archive.to(path) == []


@pytest.fixture(scope="module")
def careful(shared_houses: Houses) -> House:
    """A house as it is installed: no posts into private networks."""
    return shared_houses.new()
