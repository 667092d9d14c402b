"""All endpoints of our own API that it describes.

Public: ENDPOINTS.
"""

from __future__ import annotations

from posthouse.doors.api.native import events, messages, recipients, stored, suppressions
from posthouse.doors.api.native.endpoint import NativeEndpoint

ENDPOINTS: tuple[NativeEndpoint, ...] = (
    *messages.ENDPOINTS,
    *stored.ENDPOINTS,
    *events.ENDPOINTS,
    *suppressions.ENDPOINTS,
    *recipients.ENDPOINTS,
)
