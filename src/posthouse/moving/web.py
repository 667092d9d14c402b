"""Asking another service's API politely: one call at a time, with pauses, waiting when told to, trying again.

Whatever comes back is untrusted. No redirect is followed, and what an answer names as the next page is only
taken for its path and query, so no answer can lead elsewhere. Private networks are refused on the socket
itself, as for webhooks (`net.httpout`). Answers have a largest size and a longest time; proxies of the
environment are not used.

Public: Web, Unanswered, parse_base.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from posthouse.model.errors import Refused
from posthouse.moving.json_stream import MOST_VALUE, BadJson, parse, values
from posthouse.net.httpout import PrivateAddress, checked_socket
from posthouse.net.unanswered import why_unanswered

_SOCKET_S, _ANSWER_S = 30.0, 600.0
_TRIES = 6
_PAUSES_S = (1.0, 2.0, 5.0, 15.0, 30.0)
_LONGEST_WAIT_S = 900.0
_BETWEEN_S = 0.2  # 300 calls a minute is the lowest limit that a service tells
_BUSY = frozenset({420, 429, 500, 502, 503, 504})
_CHUNK = 64 * 1024
_LONGEST_SAID = 200


class Unanswered(Exception):
    """A call that brought nothing: `status` 0 without an answer, `text` one line about it for people."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def parse_base(url: str, *, allows_private: bool) -> str:
    """The base URL without a slash at its end. Raises Refused; plain http only in private networks."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), 0
    is_sound = parts.scheme in ("http", "https") and parts.hostname and port != 0
    if not is_sound or "@" in parts.netloc or parts.query or parts.fragment or not _is_plain(url):
        text = "--api-url takes a URL such as https://api.example.com, without a key, ? or # in it"
        raise Refused(501, "5.5.4", text, reason="bad-url")
    if parts.scheme == "http" and not allows_private:
        text = (
            "the key would be sent in clear to an http URL; use https, or --allow-private in your own network"
        )
        raise Refused(501, "5.5.4", text, reason="plain-http")
    return url.rstrip("/")


class Web:
    """One service. `headers` hold the key, which stands in no error. `pause` and `clock` are time's."""

    def __init__(
        self,
        base: str,
        headers: Mapping[str, str],
        *,
        allows_private: bool = False,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.base = parse_base(base, allows_private=allows_private)
        self._parts = urlsplit(self.base)
        self._headers = {"Accept": "application/json", "User-Agent": "Posthouse", **headers}
        self._allows_private = allows_private
        self._pause, self._clock, self._wall = pause, clock, wall
        self._between_s = 0.0 if _is_loopback(self._parts.hostname or "") else _BETWEEN_S
        self._connection: http.client.HTTPConnection | None = None
        self._last = -_BETWEEN_S

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """The JSON value that a GET answers. Raises Unanswered."""
        target = self._target(path, query)
        for last in (*[False] * (_TRIES - 1), True):
            answer = self._answered(target)
            try:
                return parse(b"".join(self._chunks(answer, MOST_VALUE)).decode())
            except UnicodeDecodeError:
                raise Unanswered(answer.status, "the answer is not in UTF-8") from None
            except BadJson as error:
                raise Unanswered(answer.status, f"the answer makes no sense: {error}") from None
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if last:
                    raise Unanswered(0, f"the answer broke off: {why_unanswered(error)}") from None
        raise AssertionError("unreachable")

    def stream(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """The values of a long array, one by one. Raises Unanswered, also after some."""
        answer = self._answered(self._target(path, query))
        chunks = self._chunks(answer, 0)
        try:
            yield from values(lambda most: next(chunks, b""))
        except BadJson as error:
            raise Unanswered(answer.status, f"the answer makes no sense: {error}") from None
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(0, f"the answer broke off: {why_unanswered(error)}") from None
        finally:
            if not answer.isclosed():
                self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _target(self, path: str, query: Mapping[str, Any] | None) -> str:
        """What stands behind GET; of a whole URL (`paging.next`) path and query alone."""
        if "://" in path:
            try:
                parts = urlsplit(path)
            except ValueError:
                raise Unanswered(0, "the next page has no readable URL") from None
            path = parts.path.removeprefix(self._parts.path) + (f"?{parts.query}" if parts.query else "")
        if not path.startswith("/") or not _is_plain(path):
            raise Unanswered(0, "the next page has no readable URL")
        mark = "&" if "?" in path else "?"
        return self._parts.path + path + (mark + urlencode(query, doseq=True) if query else "")

    def _answered(self, target: str) -> http.client.HTTPResponse:
        """An answer of status 200; waits and tries again where that may help. Raises Unanswered."""
        for attempt in range(_TRIES):
            try:
                answer = self._asked(target)
            except PrivateAddress:
                self.close()
                text = f"{self._parts.hostname} is in a private network; --allow-private lets it be asked"
                raise Unanswered(0, text) from None
            except ssl.SSLCertVerificationError as error:
                self.close()
                raise Unanswered(0, f"the certificate is not valid: {error.verify_message}") from None
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if attempt == _TRIES - 1:
                    raise Unanswered(0, _no_answer(error)) from None
                self._pause(_PAUSES_S[attempt])
                continue
            if answer.status == 200:
                return answer
            said = self._said(answer)
            if answer.status not in _BUSY or attempt == _TRIES - 1:
                raise Unanswered(answer.status, said)
            self._pause(self._wait_s(answer, attempt))
        raise AssertionError("unreachable")

    def _asked(self, target: str) -> http.client.HTTPResponse:
        left = self._last + self._between_s - self._clock()
        if left > 0:
            self._pause(left)
        if self._connection is None:
            self._connection = _connection(self._parts.scheme, self._parts.netloc, self._allows_private)
        self._last = self._clock()
        self._connection.request("GET", target, headers=dict(self._headers))
        return self._connection.getresponse()

    def _chunks(self, answer: http.client.HTTPResponse, most: int) -> Iterator[bytes]:
        """The answer's octets; `most` 0 for any number, however long that takes. Raises BadJson for one that
        is too long or too slow, IncompleteRead for one that broke off."""
        end, size = self._clock() + _ANSWER_S, 0
        while octets := answer.read1(_CHUNK):
            size += len(octets)
            if most and size > most:
                self.close()
                raise BadJson(f"it is longer than {most:,} octets")
            if most and self._clock() > end:
                self.close()
                raise BadJson(f"it took longer than {_ANSWER_S:.0f} s")
            yield octets
        if answer.length:
            raise http.client.IncompleteRead(b"", answer.length)
        answer.close()  # what has been read to its end frees the connection for the next call

    def _said(self, answer: http.client.HTTPResponse) -> str:
        """One line about an answer that is no success; the beginning of what it says, without the key."""
        try:
            beginning = answer.read1(_CHUNK).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException):
            beginning = ""
        self.close()  # the rest of the answer is of no interest
        if 300 <= answer.status < 400:
            return f"it answers {answer.status} and wants to lead elsewhere, which is not followed"
        for value in self._headers.values():
            beginning = beginning.replace(value, "…").replace(value.rpartition(" ")[2], "…")
        text = " ".join(_message(beginning).split())[:_LONGEST_SAID]
        return f"it answers {answer.status}" + (f": {text}" if text else "")

    def _wait_s(self, answer: http.client.HTTPResponse, attempt: int) -> float:
        """As long as it asks for, within reason; RFC 9110 10.2.3, and the reset times of the services."""
        told = answer.headers.get("Retry-After", "")
        reset = answer.headers.get("X-RateLimit-Reset", "")
        if told.isascii() and told.isdigit() and len(told) < 7:
            return min(float(told), _LONGEST_WAIT_S)
        if reset.isascii() and reset.isdigit() and len(reset) < 15:
            at = float(reset) / (1000.0 if len(reset) > 10 else 1.0)
            return min(max(at - self._wall(), _PAUSES_S[0]), _LONGEST_WAIT_S)
        return _PAUSES_S[min(attempt, len(_PAUSES_S) - 1)]


def _connection(scheme: str, place: str, allows_private: bool) -> http.client.HTTPConnection:
    made = (
        http.client.HTTPSConnection(place, timeout=_SOCKET_S, context=ssl.create_default_context())
        if scheme == "https"
        else http.client.HTTPConnection(place, timeout=_SOCKET_S)
    )

    def opened(address: tuple[str, int], timeout: float, source: Any = None) -> socket.socket:
        return _opened(address, allows_private)

    made._create_connection = opened  # type: ignore[attr-defined]  # the only way to check the final address
    return made


def _opened(address: tuple[str, int], allows_private: bool) -> socket.socket:
    trouble: OSError = OSError("the name has no address")
    for place in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
        try:
            made = checked_socket(place, allows_private=allows_private)
        except OSError as error:
            trouble = error
            continue
        try:
            made.settimeout(_SOCKET_S)
            made.connect(place[4])
            return made
        except OSError as error:
            made.close()
            trouble = error
    raise trouble


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _message(text: str) -> str:
    """What an error's JSON says in the shapes of the services, else the text."""
    try:
        found = json.loads(text)
        while isinstance(found, list | dict):
            found = found[0] if isinstance(found, list) else found.get("message") or found.get("errors")
        return str(found or "")
    except (ValueError, RecursionError, IndexError):
        return text if text.isprintable() and "<" not in text else ""


def _no_answer(error: BaseException) -> str:
    why = why_unanswered(error)
    return why if why.startswith("no answer") else f"no answer: {why}"
