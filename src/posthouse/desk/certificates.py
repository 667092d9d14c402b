"""The self-signed TLS pair that is made when the operator has none yet.

P-256, because its handshake costs two thirds of an RSA one. Names: the host name and loopback. It lasts ten
years: nobody can verify it anyway, it only keeps eyes off the wire.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from posthouse.desk.secrets_file import write_private
from posthouse.model.errors import SettingsError

_DAYS = 3650


def ensure_pair(cert: Path, key: Path, hostname: str, now: float) -> bool:
    """Make both files when both are absent; True when they were made. Raises SettingsError."""
    if cert.exists() and key.exists():
        return False
    if cert.exists() or key.exists():
        missing = key if cert.exists() else cert
        raise SettingsError(f"{missing}: the other half of the TLS pair is there, this file is not")
    cert_pem, key_pem = _self_signed(hostname, now)
    write_private(key, key_pem)
    write_private(cert, cert_pem)
    cert.chmod(0o644)
    return True


def _self_signed(hostname: str, now: float) -> tuple[bytes, bytes]:
    """(certificate, private key), both PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    # RFC 5280 upper bound of a common name is 64; the names that count are in the SAN
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, hostname[:64])])
    start = dt.datetime.fromtimestamp(now, dt.UTC) - dt.timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + dt.timedelta(days=_DAYS))
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in dict.fromkeys((hostname, "localhost"))]
    names += [x509.IPAddress(ipaddress.ip_address(loopback)) for loopback in ("127.0.0.1", "::1")]
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private
