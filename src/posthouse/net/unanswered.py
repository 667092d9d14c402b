"""Why a request over HTTP got no answer, in words for people; names of classes tell nobody what to do.

Public: why_unanswered.
"""

from __future__ import annotations

import errno
import socket
import ssl

from posthouse.net.handshake import reason_of

_LONGEST = 200
_WAYS = {
    errno.ECONNREFUSED: "the connection was refused",
    errno.ECONNRESET: "the connection was broken off",
    errno.EPIPE: "the connection was broken off",
    errno.ECONNABORTED: "the connection was broken off",
    errno.EHOSTUNREACH: "the host cannot be reached",
    errno.ENETUNREACH: "the network of the host cannot be reached",
    errno.ETIMEDOUT: "the host did not answer the connection",
}


def why_unanswered(error: BaseException, total_s: float = 0.0) -> str:
    """One line. `total_s`: how long was waited in all, 0 when that is not known."""
    return _why(error, total_s)[:_LONGEST].replace("\n", " ")


def _why(error: BaseException, total_s: float) -> str:
    certificate = getattr(error, "certificate_error", None)
    cause = certificate or getattr(error, "os_error", None) or error
    if isinstance(error, TimeoutError) and not getattr(cause, "errno", None):
        return f"no answer within {total_s:g} s" if total_s else "no answer in time"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {cause.verify_message}"
    if certificate is not None:  # another name's
        return f"the certificate is not valid: {certificate}"
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed: {reason_of(cause)}"
    if isinstance(cause, socket.gaierror):
        return _name_trouble(error, cause)
    if isinstance(cause, OSError) and cause.errno in _WAYS:
        return _WAYS[cause.errno]
    return _without_class(error, cause)


def _name_trouble(error: BaseException, cause: socket.gaierror) -> str:
    host = str(getattr(error, "host", "") or "")
    if cause.errno == socket.EAI_AGAIN:
        return f"the name {host} could not be looked up".replace("  ", " ")
    return f"the name {host} was not found".replace("  ", " ")


def _without_class(error: BaseException, cause: BaseException) -> str:
    """What is rarer: known by the name of its class, for aiohttp and http.client are loaded by nobody who
    does not post."""
    kinds = {each.__name__ for each in type(error).__mro__}
    if "InvalidURL" in kinds:
        return "the address is no URL that can be called"
    if kinds & {"ServerDisconnectedError", "RemoteDisconnected"}:
        return "the connection was closed without an answer"
    if kinds & {"ClientPayloadError", "IncompleteRead"}:
        return "the answer broke off"
    if kinds & {"ClientResponseError", "HTTPException"}:
        return "the answer is not HTTP"
    if isinstance(cause, ConnectionError):
        return "the connection was broken off"
    if isinstance(cause, OSError) and cause.errno:
        return reason_of(cause)
    return str(cause) or "the connection failed"
