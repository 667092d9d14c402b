"""The calls about what an account keeps: lists, groups, templates, keys, people, settings.

Public: ENDPOINTS.
"""

from __future__ import annotations

from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid import (
    access_activity,
    address_whitelist,
    api_keys,
    bounce_classes,
    group_suppressions,
    settings,
    suppressions,
    teammates,
    template_versions,
    templates,
    unsubscribe_groups,
    user,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *suppressions.ENDPOINTS,
    *bounce_classes.ENDPOINTS,
    *unsubscribe_groups.ENDPOINTS,
    *group_suppressions.ENDPOINTS,
    *templates.ENDPOINTS,
    *template_versions.ENDPOINTS,
    *api_keys.ENDPOINTS,
    *user.ENDPOINTS,
    *settings.ENDPOINTS,
    *address_whitelist.ENDPOINTS,
    *access_activity.ENDPOINTS,
    *teammates.ENDPOINTS,
)
