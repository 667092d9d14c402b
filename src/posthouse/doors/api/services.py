"""The services whose HTTP APIs there are.

Public: SERVICES.
"""

from __future__ import annotations

from posthouse.doors.api.mailgun.service import MAILGUN
from posthouse.doors.api.mailpace.service import MAILPACE
from posthouse.doors.api.native.service import NATIVE
from posthouse.doors.api.sendgrid.service import SENDGRID
from posthouse.doors.api.service import Service

SERVICES: tuple[Service, ...] = (MAILGUN, SENDGRID, MAILPACE, NATIVE)
