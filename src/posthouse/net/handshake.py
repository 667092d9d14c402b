"""What a connection or its TLS handshake brought: the presented certificates, or why it failed.

Public: presented_chain, fault_of, reason_of.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Sequence
from typing import Any

_ENCODING_DER = 2  # _ssl.ENCODING_DER, which has no public name
_EXPIRED = frozenset({9, 10})  # X509_V_ERR_CERT_NOT_YET_VALID, …_HAS_EXPIRED
_WRONG_NAME = frozenset({62, 64})  # …_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH
_NOT_TRUSTED = frozenset({2, 18, 19, 20, 21, 24, 26, 27, 28})  # no way to a root that we trust


def presented_chain(session: Any) -> Sequence[bytes]:
    """The certificates as the host sent them (DER, its own first), checked by nobody.

    Python before 3.13 gives more than the first only by the object inside `ssl.SSLObject`.
    """
    if hasattr(session, "get_unverified_chain"):
        return list(session.get_unverified_chain())
    inner = getattr(session, "_sslobj", None)
    if inner is not None and hasattr(inner, "get_unverified_chain"):
        return [one.public_bytes(_ENCODING_DER) for one in inner.get_unverified_chain() or ()]
    own = session.getpeercert(binary_form=True)
    return [own] if own else []


def fault_of(error: BaseException) -> str:
    """The result type of RFC 8460 4.3.1 for a failed handshake."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return "validation-failure"
    if error.verify_code in _EXPIRED:
        return "certificate-expired"
    if error.verify_code in _WRONG_NAME:
        return "certificate-host-mismatch"
    return "certificate-not-trusted" if error.verify_code in _NOT_TRUSTED else "validation-failure"


def reason_of(error: BaseException) -> str:
    """One line for people; OpenSSL's texts lose their source file, the system's their number."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "SSL error").replace("_", " ").lower()
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__
