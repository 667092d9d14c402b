"""Django as a project with django-anymail has it, and its messages; only the backend's settings differ.

Public: message, SENDER, and what the tests need of Django and anymail, imported once settings are there.
"""

from __future__ import annotations

from typing import Any

import django.conf

from house.house import DOMAIN

if not django.conf.settings.configured:
    django.conf.settings.configure()

from anymail.exceptions import AnymailRequestsAPIError
from anymail.message import AnymailMessage, attach_inline_image
from django.core.mail import get_connection
from django.test import override_settings
from django.utils import timezone

__all__ = [
    "SENDER",
    "AnymailMessage",
    "AnymailRequestsAPIError",
    "attach_inline_image",
    "get_connection",
    "message",
    "override_settings",
    "timezone",
]

SENDER = f"Größe <orders@{DOMAIN}>"


def message(connection: Any, to: list[str], **more: Any) -> AnymailMessage:
    return AnymailMessage(
        subject=more.pop("subject", "Grüße"),
        body=more.pop("body", "plain ü"),
        from_email=SENDER,
        to=to,
        connection=connection,
        **more,
    )
