"""What hostile clients do to the HTTP door, octet by octet: requests that two programs read in two ways, SMTP
on HTTP's port and the other way round, floods, bombs and guessed keys (S9, S12, S21, S24, C-14)."""

from __future__ import annotations

import gzip
import json
import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests

from house import books
from house.conftest import Stores
from house.house import DOMAIN, House, Houses, unique, until
from posthouse.desk.installation import FILE_NAME as KEY_FILE
from posthouse.doors.headers import ALWAYS

MIB = 1024 * 1024
CALL = "/posthouse/v1/messages"
SENDER = f"orders@{DOMAIN}"
FLOOD = 128 * MIB
CHUNKED = b"Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def key(house: House) -> str:
    return str(house.cli("key", "add", "--native", "--full")["key"])


# -- wires


def letter_to(recipient: str) -> bytes:
    return json.dumps({"from": SENDER, "to": [recipient], "subject": "Hi", "text": "Hi"}).encode()


def post(key: str, *lines: bytes, body: bytes, end: bytes = b"\r\n", version: bytes = b"HTTP/1.1") -> bytes:
    """The octets of a call that sends mail."""
    head = [f"POST {CALL} ".encode() + version, b"Host: posthouse.test", b"Content-Type: application/json"]
    return end.join([*head, f"Authorization: Bearer {key}".encode(), *lines, b"", b""]) + body


def length(body: bytes) -> bytes:
    return b"Content-Length: %d" % len(body)


def chunk(body: bytes, size: bytes | None = None) -> bytes:
    return (b"%x" % len(body) if size is None else size) + b"\r\n" + body + b"\r\n0\r\n\r\n"


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def all_said(wire: socket.socket) -> bytes:
    """What the server says until it closes. Raises TimeoutError when it does not."""
    said = b""
    try:
        while data := wire.recv(65536):
            said += data
    except ConnectionResetError:
        pass  # it closed while we had more to say
    return said


def answer_to(port: int, octets: bytes) -> bytes:
    """Everything that is said to these octets until the server closes."""
    with closing(dial(port)) as wire:
        wire.sendall(octets)
        return all_said(wire)


def flood(port: int, beginning: bytes, block: bytes, total: int = FLOOD) -> int:
    """How much the server took before it cut the connection off."""
    taken = 0
    with closing(dial(port)) as wire:
        try:
            wire.sendall(beginning)
            while taken < total:
                wire.sendall(block)
                taken += len(block)
        except OSError:
            pass
    return taken


def statuses(said: bytes) -> list[int]:
    return [int(each[:3]) for each in said.split(b"HTTP/1.1 ")[1:]]


def count_of(house: House, recipient: str) -> int:
    (found,) = books.rows(house.store, f"select count(*) as n from delivery where recipient = '{recipient}'")
    return int(found["n"])


def all_messages(house: House) -> int:
    return int(books.rows(house.store, "select count(*) as n from message")[0]["n"])


def is_well(house: House) -> bool:
    return requests.get(f"http://127.0.0.1:{house.port_http}/healthz", timeout=20).status_code == 200


def peak_bytes(house: House) -> int:
    """The most that the worker has ever had in memory."""
    (worker,) = house.workers()
    status = Path(f"/proc/{worker}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


# -- S24: one request that two programs read in two ways


HEADS = {
    "two lengths": [b"Content-Length: 5", b"Content-Length: {n}"],
    "the same length twice": [b"Content-Length: {n}", b"Content-Length: {n}"],
    "a list of lengths": [b"Content-Length: {n}, {n}"],
    "a length with a sign": [b"Content-Length: +{n}"],
    "a length below zero": [b"Content-Length: -1"],
    "a length in hex": [b"Content-Length: 0x10"],
    "a length that no number holds": [b"Content-Length: 99999999999999999999999"],
    "a length and chunks": [b"Content-Length: {n}", CHUNKED],
    "chunks and a length": [CHUNKED, b"Content-Length: {n}"],
    "xchunked": [b"Transfer-Encoding: xchunked"],
    "xchunked and a length": [b"Transfer-Encoding: xchunked", b"Content-Length: {n}"],
    "chunked is not last": [b"Transfer-Encoding: chunked, identity"],
    "gzip under chunked": [b"Transfer-Encoding: gzip, chunked"],
    "identity under chunked": [b"Transfer-Encoding: identity, chunked"],
    "chunked twice": [CHUNKED, CHUNKED],
    "chunked behind a vertical tab": [b"Transfer-Encoding: \x0bchunked"],
    "a folded line": [b"Content-Length: {n}", b"X-A: b", b" c"],
    "a folded coding": [b"Transfer-Encoding:", b" chunked"],
    "a space before the colon": [b"Content-Length : {n}"],
    "a space before the other colon": [b"Content-Length: {n}", b"Transfer-Encoding : chunked"],
    "NUL in a value": [b"Content-Length: {n}", b"X-A: a\0b"],
    "NUL in a name": [b"Content-Length: {n}", b"X\0A: b"],
    "a bare CR": [b"Content-Length: {n}", b"X-A: a\rX-B: c"],
    "a line without a colon": [b"Content-Length: {n}", b"X-A"],
    "a second host": [b"Content-Length: {n}", b"Host: other.test"],
}


@pytest.mark.parametrize("lines", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("is_chunked", [False, True], ids=["plain body", "chunked body"])
def test_S24_a_head_that_can_be_read_in_two_ways_is_refused_and_the_connection_closed(
    house: House, key: str, lines: list[bytes], is_chunked: bool
) -> None:
    first, second = f"{unique()}@good.test", f"{unique()}@good.test"
    body, behind = letter_to(first), letter_to(second)
    framed = chunk(body) if is_chunked else body
    made = [line.replace(b"{n}", b"%d" % len(body)) for line in lines]
    said = answer_to(house.port_http, post(key, *made, body=framed) + post(key, length(behind), body=behind))
    assert statuses(said) == [400]
    assert (count_of(house, first), count_of(house, second)) == (0, 0)


@pytest.mark.parametrize("end", [b"\n", b"\r"], ids=["LF", "CR"])
def test_S24_lines_that_end_otherwise_are_no_request(house: House, key: str, end: bytes) -> None:
    to = f"{unique()}@good.test"
    body = letter_to(to)
    assert statuses(answer_to(house.port_http, post(key, length(body), body=body, end=end))) == [400]
    assert count_of(house, to) == 0


@pytest.mark.parametrize(
    "size",
    [b"0x{n}", b"-1", b"+{n}", b"", b"zz", b"f" * 17, b" {n}", b"{n} ", b"5", b"{n};a\nb", b"{n}\n"],
    ids=repr,
)
def test_S24_a_chunk_without_a_proper_size_ends_the_connection(house: House, key: str, size: bytes) -> None:
    first, second = f"{unique()}@good.test", f"{unique()}@good.test"
    body, behind = letter_to(first), letter_to(second)
    framed = chunk(body, size.replace(b"{n}", b"%x" % len(body)))
    said = answer_to(
        house.port_http, post(key, CHUNKED, body=framed) + post(key, length(behind), body=behind)
    )
    assert statuses(said) == [400]
    assert (count_of(house, first), count_of(house, second)) == (0, 0)


def test_S24_chunks_of_HTTP_1_0_are_read_and_nothing_behind_them(house: House, key: str) -> None:
    """RFC 9112 6.1: the connection must end behind such a request."""
    first, second = f"{unique()}@good.test", f"{unique()}@good.test"
    behind = letter_to(second)
    old = post(key, CHUNKED, body=chunk(letter_to(first)), version=b"HTTP/1.0")
    assert len(statuses(answer_to(house.port_http, old + post(key, length(behind), body=behind)))) == 1
    assert count_of(house, second) == 0


def test_S24_two_whole_requests_in_one_go_are_two_letters(house: House, key: str) -> None:
    """What the other tests send does work where it is written properly."""
    names = [f"{unique()}@good.test" for _ in range(2)]
    bodies = [letter_to(name) for name in names]
    octets = post(key, length(bodies[0]), body=bodies[0])
    octets += post(key, CHUNKED, b"Connection: close", body=chunk(bodies[1]))
    assert statuses(answer_to(house.port_http, octets)) == [202, 202]
    assert [count_of(house, name) for name in names] == [1, 1]


# -- S24: a request in the body of another


@pytest.mark.parametrize(
    ("about", "status"),
    [("a wrong key", 401), ("no such call", 404), ("a body too large", 413), ("no JSON", 400)],
)
def test_S24_a_request_in_the_body_of_a_refused_one_is_never_run(
    house: House, key: str, about: str, status: int
) -> None:
    to = f"{unique()}@good.test"
    inner = post(key, length(letter_to(to)), body=letter_to(to))
    body = inner
    if about == "a body too large":
        body += b" " * (51 * MIB)  # more than `http.request_bytes`, less than is thrown away
    outer = post("ph_wrong" if about == "a wrong key" else key, length(body), body=body)
    if about == "no such call":
        outer = outer.replace(CALL.encode(), b"/posthouse/v1/nothing", 1)
    last = b"GET /healthz HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
    said = statuses(answer_to(house.port_http, outer + last))
    assert said in ([status, 200], [status])
    assert count_of(house, to) == 0


# -- S24: SMTP on HTTP's port, HTTP on SMTP's


def _mail(to: str) -> bytes:
    lines = f"EHLO a.test|MAIL FROM:<{SENDER}>|RCPT TO:<{to}>|DATA|Subject: x||x|.|QUIT|"
    return lines.replace("|", "\r\n").encode()


def test_S24_SMTP_on_the_port_of_HTTP_is_no_request(house: House) -> None:
    to = f"{unique()}@good.test"
    assert statuses(answer_to(house.port_http, _mail(to))) == [400]
    assert count_of(house, to) == 0


def test_S24_SMTP_in_the_body_of_a_request_is_a_body(house: House, key: str) -> None:
    to = f"{unique()}@good.test"
    body = b"\r\n" + _mail(to)
    octets = post(key, length(body), b"Connection: close", body=body)
    assert statuses(answer_to(house.port_http, octets)) == [400]
    assert count_of(house, to) == 0


@pytest.mark.parametrize(
    "head", ["POST / HTTP/1.1", "GET / HTTP/1.1", "OPTIONS * HTTP/1.1", "PUT /x HTTP/1.0"]
)
@pytest.mark.parametrize("is_tls_port", [False, True], ids=["clear", "TLS"])
def test_S24_a_web_page_cannot_make_a_browser_send_mail(house: House, head: str, is_tls_port: bool) -> None:
    """A form of a page may hold a whole mail transaction; its connection ends at its first line."""
    to, before = f"{unique()}@good.test", all_messages(house)
    body = _mail(to)
    request = f"{head}\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    with house.wire(is_tls=is_tls_port) as wire:
        assert wire.greeting.code == 220
        wire.send(request.encode() + body)
        said = [answer for answer in iter(wire.read, "") if answer]
    assert [answer.code for answer in said if answer.code < 400] == []
    assert (count_of(house, to), all_messages(house)) == (0, before)


# -- S9


FLOODS = {
    "a request line": (b"GET /", b"x"),
    "the name of a field": (b"GET / HTTP/1.1\r\nHost: a.test\r\n", b"x"),
    "the value of a field": (b"GET / HTTP/1.1\r\nHost: a.test\r\nX-A: ", b"x"),
    "fields": (b"GET / HTTP/1.1\r\nHost: a.test\r\n", b"X-A: b\r\n"),
    "empty lines": (b"", b"\r\n"),
    "the size of a chunk": (b"POST / HTTP/1.1\r\nHost: a.test\r\n" + CHUNKED + b"\r\n\r\n", b"0"),
    "words behind the size": (b"POST / HTTP/1.1\r\nHost: a.test\r\n" + CHUNKED + b"\r\n\r\n5;", b"x"),
    "fields behind the body": (
        b"POST / HTTP/1.1\r\nHost: a.test\r\n" + CHUNKED + b"\r\n\r\n0\r\n",
        b"X: b\r\n",
    ),
}


@pytest.mark.parametrize(("beginning", "unit"), FLOODS.values(), ids=FLOODS)
def test_S9_an_endless_head_is_cut_off(house: House, beginning: bytes, unit: bytes) -> None:
    assert is_well(house)  # what is needed once is in memory
    before = peak_bytes(house)
    taken = flood(house.port_http, beginning, unit * (65536 // len(unit)))
    assert taken < 16 * MIB  # 64 KiB, and what the two kernels hold
    assert peak_bytes(house) - before < 8 * MIB
    assert is_well(house)


@pytest.mark.parametrize("beginning", [b"GET /?", b"GET / HTTP/1.1\r\nHost: a.test\r\nX-A: "])
def test_S9_a_head_past_the_limit_is_told_so(house: House, beginning: bytes) -> None:
    with closing(dial(house.port_http)) as wire:
        wire.sendall(beginning + b"x" * (66 * 1024))
        assert wire.recv(100).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("path", [CALL, f"/v3/{DOMAIN}/messages", "/v3/mail/send", "/api/v1/send", "/"])
@pytest.mark.parametrize("shows_key", [True, False], ids=["with a key", "without one"])
def test_S9_a_gigabyte_in_one_line_is_refused_while_others_are_served(
    house: House, key: str, path: str, shows_key: bool
) -> None:
    before, to = peak_bytes(house), f"{unique()}@good.test"
    head = post(key if shows_key else "ph_none", CHUNKED, body=b"").replace(CALL.encode(), path.encode(), 1)
    block = b"100000\r\n" + b"x" * MIB + b"\r\n"
    with ThreadPoolExecutor(1) as pool:
        flooded = pool.submit(flood, house.port_http, head, block, 1024 * MIB)
        served = requests.post(
            f"http://127.0.0.1:{house.port_http}{CALL}",
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            data=letter_to(to),
            timeout=20,
        )
        assert served.status_code == 202, served.text
        assert flooded.result() < 256 * MIB
    budget = 50 * MIB  # `http.request_bytes`: that much may come
    assert peak_bytes(house) - before < budget + 64 * MIB


# -- S12


def test_S12_a_bomb_is_refused_before_it_is_unpacked(house: House, key: str) -> None:
    before = peak_bytes(house)
    bomb = gzip.compress(b" " * (256 * MIB), 9)
    assert len(bomb) < MIB
    for packed in (bomb, gzip.compress(bomb)):
        answer = requests.post(
            f"http://127.0.0.1:{house.port_http}{CALL}",
            headers={
                "Authorization": f"Bearer {key}",
                "Content-Type": "application/json",
                "Content-Encoding": "gzip",
            },
            data=packed,
            timeout=60,
        )
        assert answer.status_code in (400, 413)
    assert peak_bytes(house) - before < (50 + 64) * MIB
    assert is_well(house)


def test_S12_a_form_of_100_000_parts_is_refused(house: House) -> None:
    full = house.cli("key", "add", "--full")["key"]
    to = f"{unique()}@good.test"
    part = '--cut\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'.format
    first = "".join(part(name, value) for name, value in [("from", SENDER), ("to", to), ("text", "x")])
    body = first + part("o:tag", "x") * 100_000 + "--cut--\r\n"
    answer = requests.post(
        f"http://127.0.0.1:{house.port_http}/v3/{DOMAIN}/messages",
        headers={"Content-Type": "multipart/form-data; boundary=cut"},
        auth=("api", full),
        data=body,
        timeout=60,
    )
    assert answer.status_code == 400 and "parts" in answer.json()["message"]
    assert count_of(house, to) == 0


# -- Expect, HEAD, OPTIONS and methods that a call does not take


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(house: House, key: str) -> None:
    to = f"{unique()}@good.test"
    body = letter_to(to)
    with closing(dial(house.port_http)) as wire:
        wire.sendall(post(key, length(body), b"Expect: 100-continue", b"Connection: close", body=b""))
        assert wire.recv(65536).startswith(b"HTTP/1.1 100 ")
        wire.sendall(body)
        assert statuses(all_said(wire)) == [202]
    assert count_of(house, to) == 1


@pytest.mark.parametrize(("shown", "octets", "status"), [("", 51 * MIB, 413), ("ph_wrong", 100, 401)])
def test_a_client_that_asks_before_it_sends_is_told_that_it_need_not(
    house: House, key: str, shown: str, octets: int, status: int
) -> None:
    asked = [b"Content-Length: %d" % octets, b"Expect: 100-continue"]
    with closing(dial(house.port_http)) as wire:
        wire.sendall(post(shown or key, *asked, body=b""))
        assert statuses(wire.recv(65536)) == [status]


@pytest.mark.parametrize(
    ("path", "status"),
    [(CALL, 405), (f"/v3/{DOMAIN}/messages", 405), ("/v3/mail/send", 405), ("/api/v1/send", 404)],
    ids=["native", "mailgun", "sendgrid", "mailpace"],
)
def test_methods_that_a_call_does_not_take(house: House, path: str, status: int) -> None:
    url = f"http://127.0.0.1:{house.port_http}{path}"
    put = requests.put(url, timeout=20)
    assert put.status_code == status
    assert put.headers["Content-Type"].startswith("application/") and put.json()
    assert {"POST", "OPTIONS"} <= set(put.headers["Allow"].split(", "))
    asked = requests.options(url, timeout=20)
    assert (asked.status_code, asked.content) == (204, b"")
    assert asked.headers["Allow"] == put.headers["Allow"]
    assert not [name for name in asked.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("path", ["/nothing", "/healthz", "/static/x/y.js", "/c/nothing", "/v3/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_S13_every_answer_carries_the_headers_that_keep_others_out(
    house: House, method: str, path: str
) -> None:
    said = requests.request(method, f"http://127.0.0.1:{house.port_http}{path}", timeout=60).headers
    for name in ALWAYS:
        assert said.get(name), (method, path, name)


def test_HEAD_is_GET_without_its_body(house: House, key: str) -> None:
    url = f"http://127.0.0.1:{house.port_http}/posthouse/v1/domains"
    headers = {"Authorization": f"Bearer {key}"}
    got, head = (requests.request(how, url, headers=headers, timeout=20) for how in ("GET", "HEAD"))
    assert (got.status_code, head.status_code, head.content) == (200, 200, b"")
    assert head.headers["Content-Length"] == str(len(got.content))
    raw = f"HEAD /posthouse/v1/domains HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer {key}\r\n"
    said = answer_to(house.port_http, f"{raw}Connection: close\r\n\r\n".encode())
    assert said.endswith(b"\r\n\r\n")  # nothing that could be read as the next answer


# -- keys, accounts, regions


def _domains(house: House, key: str, path: str = "/posthouse/v1/domains") -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return requests.get(f"http://127.0.0.1:{house.port_http}{path}", headers=headers, timeout=60)


def test_S21_wrong_keys_are_answered_slower_and_the_right_one_at_once(houses: Houses) -> None:
    house = houses.new(settings={"http": {"calls_per_minute": 0}})
    right = house.cli("key", "add", "--native", "--full")["key"]

    def guess(_: int) -> float:
        begun = time.monotonic()
        assert _domains(house, "ph_" + unique()).status_code == 401
        return time.monotonic() - begun

    with ThreadPoolExecutor(12) as pool:
        guesses = [pool.submit(guess, number) for number in range(12)]
        served = 0
        while not all(each.done() for each in guesses):
            assert _domains(house, right).status_code == 200
            served += 1
        waited = [each.result() for each in guesses]
    assert served > 1  # while guesses were held back
    assert max(waited) > 0.4


def test_S21_a_suspended_account_is_served_no_more(house: House) -> None:
    house.cli("account", "add", "second")
    made = house.cli("key", "add", "--native", "--full", "--account", "second")["key"]
    assert _domains(house, made).status_code == 200
    house.cli("account", "suspend", "second")
    until(lambda: _domains(house, made).status_code == 403, 10, "the suspension")
    assert "suspended" in _domains(house, made).text
    house.cli("account", "resume", "second")


def test_S21_a_key_for_other_addresses_opens_nothing_here(house: House) -> None:
    made = house.cli("key", "add", "--native", "--full", "--from", "192.0.2.0/24")["key"]
    answer = _domains(house, made)
    assert answer.status_code == 403 and "127.0.0.1" in answer.text


def test_C_14_a_domain_of_another_region_is_unknown_to_the_API_here(houses: Houses, stores: Stores) -> None:
    here = houses.new(store=stores.fresh("postgresql"))
    settings = {"": {"region": "eu"}}
    there = House(here.folder.parent / unique("house"), houses.internet, store=here.store, settings=settings)
    shutil.copy(here.folder / KEY_FILE, there.folder)
    there.set_up("europe.test")
    houses.open.append(there)
    there.start()
    here.hellos.append(there.hostname)  # they share their books
    there.hellos.append(here.hostname)
    key = here.cli("key", "add", "--full")["key"]

    def send(house: House, domain: str) -> int:
        return requests.post(
            f"http://127.0.0.1:{house.port_http}/v3/{domain}/messages",
            auth=("api", key),
            data={"from": f"me@{domain}", "to": f"{unique()}@good.test", "text": "x"},
            timeout=20,
        ).status_code

    assert (send(here, DOMAIN), send(there, "europe.test")) == (200, 200)
    assert (send(here, "europe.test"), send(there, DOMAIN)) == (404, 404)

    def listed(house: House) -> list[str]:
        answer = requests.get(f"http://127.0.0.1:{house.port_http}/v4/domains", auth=("api", key), timeout=20)
        return [item["name"] for item in answer.json()["items"]]

    assert (listed(here), listed(there)) == ([DOMAIN], ["europe.test"])
    assert _domains(here, key).json()["items"][0]["name"] == DOMAIN
