"""Why a request got no answer: words for people, none of Python's."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from types import SimpleNamespace

import aiohttp
import pytest

from posthouse.net.httpout import HttpOut, PrivateAddress
from posthouse.net.unanswered import why_unanswered

PLACE = SimpleNamespace(host="shop.test", port=443, is_ssl=True, ssl=True)


def of_connection(cause: OSError, kind: type[aiohttp.ClientConnectorError]) -> BaseException:
    return kind(PLACE, cause)  # type: ignore[arg-type]


def certificate(message: str) -> BaseException:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = message
    return aiohttp.ClientConnectorCertificateError(PLACE, error)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            of_connection(socket.gaierror(socket.EAI_NONAME, "x"), aiohttp.ClientConnectorDNSError),
            "the name shop.test was not found",
        ),
        (
            of_connection(socket.gaierror(socket.EAI_AGAIN, "x"), aiohttp.ClientConnectorDNSError),
            "the name shop.test could not be looked up",
        ),
        (socket.gaierror(socket.EAI_NONAME, "x"), "the name was not found"),
        (
            of_connection(ConnectionRefusedError(errno.ECONNREFUSED, "x"), aiohttp.ClientConnectorError),
            "the connection was refused",
        ),
        (
            of_connection(OSError(errno.EHOSTUNREACH, "x"), aiohttp.ClientConnectorError),
            "the host cannot be reached",
        ),
        (ConnectionResetError(errno.ECONNRESET, "x"), "the connection was broken off"),
        (ConnectionResetError(), "the connection was broken off"),
        (TimeoutError(), "no answer within 15 s"),
        (aiohttp.ServerTimeoutError(), "no answer within 15 s"),
        (TimeoutError(errno.ETIMEDOUT, "x"), "the host did not answer the connection"),
        (certificate("certificate has expired"), "the certificate is not valid: certificate has expired"),
        (aiohttp.ServerDisconnectedError(), "the connection was closed without an answer"),
        (http.client.RemoteDisconnected("x"), "the connection was closed without an answer"),
        (aiohttp.ClientPayloadError("x"), "the answer broke off"),
        (http.client.IncompleteRead(b""), "the answer broke off"),
        (http.client.BadStatusLine("x"), "the answer is not HTTP"),
        (aiohttp.InvalidURL("nonsense"), "the address is no URL that can be called"),
        (PrivateAddress("the address is private"), "the address is private"),
        (OSError(errno.EMFILE, "x"), "too many open files"),
        (ValueError(), "the connection failed"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_went_wrong_is_told_in_words(error: BaseException, said: str) -> None:
    assert why_unanswered(error, 15.0) == said


def test_a_wait_of_unknown_length_is_told_too() -> None:
    assert why_unanswered(TimeoutError()) == "no answer in time"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "nonsense", "ftp://x/", "http://[::1", "http://nowhere.invalid/"]
)
async def test_real_trouble_names_no_class_of_python(url: str) -> None:
    out = HttpOut(allows_private=True)
    result = await out.post(url, b"x", "text/plain")
    await out.close()
    assert result.status == 0 and "Error" not in result.text and "Errno" not in result.text, result.text
