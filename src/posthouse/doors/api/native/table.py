"""All endpoints of our own API that it describes.

Public: ENDPOINTS.
"""

from __future__ import annotations

from posthouse.doors.api.native import (
    account,
    addresses,
    audit,
    domain_keys,
    domains,
    events,
    hook_keys,
    hooks,
    inbox,
    keys,
    messages,
    queueing,
    recipients,
    statistics,
    stored,
    suppressions,
    templates,
    users,
)
from posthouse.doors.api.native.endpoint import NativeEndpoint

ENDPOINTS: tuple[NativeEndpoint, ...] = (
    *messages.ENDPOINTS,
    *stored.ENDPOINTS,
    *events.ENDPOINTS,
    *inbox.ENDPOINTS,
    *statistics.ENDPOINTS,
    *queueing.ENDPOINTS,
    *domains.ENDPOINTS,
    *domain_keys.ENDPOINTS,
    *templates.ENDPOINTS,
    *suppressions.ENDPOINTS,
    *recipients.ENDPOINTS,
    *hooks.ENDPOINTS,
    *hook_keys.ENDPOINTS,
    *users.ENDPOINTS,
    *keys.ENDPOINTS,
    *addresses.ENDPOINTS,
    *account.ENDPOINTS,
    *audit.ENDPOINTS,
)
