"""What the settings say about where mail goes.

Public: site_rules.
"""

from __future__ import annotations

from posthouse.config import Settings
from posthouse.net.dns import Route, SiteRules, reaches_ipv6


def site_rules(settings: Settings) -> SiteRules:
    """Routes, the port, our own names, and which addresses may be asked."""
    delivery = settings.delivery
    return SiteRules(
        port=delivery.port,
        routes=tuple(
            Route(route.domain, route.host, route.port or delivery.port) for route in delivery.route
        ),
        own_names=frozenset({settings.smtp.hostname}),
        allow_private=delivery.private_networks == "allow",
        wants_ipv6=reaches_ipv6(),
    )
