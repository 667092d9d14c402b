"""All of Mailgun's calls that manage something.

Public: ENDPOINTS.
"""

from __future__ import annotations

from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun import (
    absent,
    account,
    account_webhooks,
    allowlist,
    credentials,
    dkim,
    dkim_rotation,
    domain_ips,
    domain_options,
    domains,
    ip_warmups,
    ips,
    keys,
    link_certificates,
    sandbox,
    suppressions,
    templates,
    webhooks,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *absent.ENDPOINTS,
    *account.ENDPOINTS,
    *account_webhooks.ENDPOINTS,
    *allowlist.ENDPOINTS,
    *credentials.ENDPOINTS,
    *dkim.ENDPOINTS,
    *dkim_rotation.ENDPOINTS,
    *domain_ips.ENDPOINTS,
    *domain_options.ENDPOINTS,
    *domains.ENDPOINTS,
    *ip_warmups.ENDPOINTS,
    *ips.ENDPOINTS,
    *keys.ENDPOINTS,
    *link_certificates.ENDPOINTS,
    *sandbox.ENDPOINTS,
    *suppressions.ENDPOINTS,
    *templates.ENDPOINTS,
    *webhooks.ENDPOINTS,
)
