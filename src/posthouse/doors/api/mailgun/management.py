"""All of Mailgun's calls that manage something.

Public: ENDPOINTS.
"""

from __future__ import annotations

from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun import (
    absent,
    account_webhooks,
    allowlist,
    credentials,
    dkim,
    domain_options,
    domains,
    ips,
    keys,
    sandbox,
    suppressions,
    templates,
    webhooks,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *absent.ENDPOINTS,
    *account_webhooks.ENDPOINTS,
    *allowlist.ENDPOINTS,
    *credentials.ENDPOINTS,
    *dkim.ENDPOINTS,
    *domain_options.ENDPOINTS,
    *domains.ENDPOINTS,
    *ips.ENDPOINTS,
    *keys.ENDPOINTS,
    *sandbox.ENDPOINTS,
    *suppressions.ENDPOINTS,
    *templates.ENDPOINTS,
    *webhooks.ENDPOINTS,
)
