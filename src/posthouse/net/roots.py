"""Whom we trust as a certificate authority: the system's roots, and those that the operator adds.

Public: trusting_context.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from posthouse.model.errors import SettingsError


def trusting_context(extra: Path | None = None) -> ssl.SSLContext:
    """A client's context that checks chain, dates and name; `extra` is a PEM file of further authorities.

    RFC 8461 3.3, 4.2: the name stands in the certificate's DNS names; the common name counts for nothing.
    Raises SettingsError when the file cannot be used.
    """
    context = ssl.create_default_context()
    context.hostname_checks_common_name = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if extra is not None:
        try:
            context.load_verify_locations(cafile=str(extra))
        except OSError as error:
            is_content = isinstance(error, ssl.SSLError)
            reason = "it holds no PEM certificate" if is_content else error.strerror
            raise SettingsError(f"delivery.tls_ca: {extra} cannot be used: {reason}") from error
    return context
