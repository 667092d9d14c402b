"""How an installation is reached from outside: where links lead, and whether returned mail is taken.

Public: link_base, takes_returns.
"""

from __future__ import annotations

from posthouse.config import Settings
from posthouse.model.account import DomainSettings


def link_base(settings: Settings, domain: str, own: DomainSettings) -> str:
    """Where the links of a sending domain's mail live: as the domain, then the installation says."""
    return own.tracking_url or settings.tracking.url or f"https://email.{domain}"


def takes_returns(settings: Settings) -> bool:
    """Does a port of this installation take returned mail? Without one no return path of ours goes out."""
    return any(endpoint.port == settings.returns.port for endpoint in settings.smtp.listen)
