"""A test's connection: bytes in clear, then under TLS, and what the handshake brought even when it failed.

TLS runs over memory, not in the transport: the certificate of a server that is not trusted is what people
want to see, and the loop's own handshake throws it away with the connection.

Public: ProbeWire, shown_certificate.
"""

from __future__ import annotations

import asyncio
import ssl

from cryptography import x509
from cryptography.x509.oid import NameOID

from posthouse.model.probe import ProbeTls, ShownCertificate
from posthouse.net.handshake import presented_chain, reason_of

READ_BYTES = 16_384
_MOST_NAMES = 50
_LONGEST = 200
_FAULTS = {9: "not-yet", 10: "expired", 18: "self-signed", 62: "name", 64: "name"}  # X509_V_ERR_…
_TLS_RECORDS = (0x15, 0x16)  # alert, handshake (RFC 8446 5.1)


class ProbeWire:
    """Over an open connection. `read` gives b"" at its end; both directions raise OSError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._inward, self._outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session: ssl.SSLObject | None = None

    async def read(self) -> bytes:
        while True:
            if self._session is None:
                return await self._reader.read(READ_BYTES)
            try:
                return self._session.read(READ_BYTES)
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._fill():
                    return b""
            except ssl.SSLZeroReturnError:
                return b""

    async def write(self, data: bytes) -> None:
        if self._session is None:
            self._writer.write(data)
        else:
            self._session.write(data)
        await self._flush()

    async def secure(self, context: ssl.SSLContext, name: str) -> ProbeTls:
        """Shake hands; the result says why it failed. A certificate that does not hold ends the connection,
        unless the context does not look."""
        session = context.wrap_bio(self._inward, self._outward, server_hostname=name)
        is_first = True
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._fill()
                if not data:
                    return ProbeTls(fault="failed", reason="the server closed the connection")
                if is_first and data[0] not in _TLS_RECORDS:
                    return ProbeTls(fault="in-clear", reason="the answer is not TLS")
                is_first = False
            except ssl.SSLError as error:
                await self._flush()  # the alert that tells the server
                return _failed(session, error)
        await self._flush()
        self._session = session
        fault = "" if context.verify_mode is ssl.CERT_REQUIRED else "not-checked"
        return _shown(session, fault, "")

    def close(self) -> None:
        self._writer.transport.abort()

    async def _fill(self) -> bytes:
        data = await self._reader.read(READ_BYTES)
        if data:
            self._inward.write(data)
        else:
            self._inward.write_eof()
        return data

    async def _flush(self) -> None:
        if self._outward.pending:
            self._writer.write(self._outward.read())
        await self._writer.drain()


def _failed(session: ssl.SSLObject, error: ssl.SSLError) -> ProbeTls:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _shown(session, _FAULTS.get(error.verify_code, "not-trusted"), error.verify_message)
    is_old = error.reason in ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION")
    return ProbeTls(fault="old" if is_old else "failed", reason=reason_of(error))


def _shown(session: ssl.SSLObject, fault: str, reason: str) -> ProbeTls:
    chain = presented_chain(session)
    cipher = session.cipher()
    return ProbeTls(
        version=session.version() or "",
        cipher=cipher[0] if cipher else "",
        certificate=shown_certificate(chain[0]) if chain else None,
        fault=fault,
        reason=reason,
    )


def shown_certificate(der: bytes) -> ShownCertificate | None:
    """What people ask of a certificate; None for one that cannot be read."""
    try:
        found = x509.load_der_x509_certificate(der)
        return ShownCertificate(
            subject=_name(found.subject),
            names=_names(found),
            issuer=_name(found.issuer),
            valid_from=found.not_valid_before_utc.timestamp(),
            valid_until=found.not_valid_after_utc.timestamp(),
        )
    except (ValueError, TypeError, x509.InvalidVersion, x509.DuplicateExtension):  # untrusted bytes
        return None


def _name(name: x509.Name) -> str:
    """The common name, else the whole of it."""
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return _fit(str(common[0].value) if common else name.rfc4514_string())


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    said = [*names.get_values_for_type(x509.DNSName)]
    said += map(str, names.get_values_for_type(x509.IPAddress))
    return tuple(_fit(each) for each in said[:_MOST_NAMES])


def _fit(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:_LONGEST])
