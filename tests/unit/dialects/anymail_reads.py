"""A program for a process of its own (Django's settings are global): reads posts with django-anymail's
webhook views and prints what they make of them.

stdin: a JSON list of posts, each a service, content and content type. stdout: a JSON list of what Django's
signal got.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django
from django.conf import settings

KEY = "signing-key-of-this-test"


def main() -> None:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["anymail"],
        ANYMAIL={"MAILGUN_WEBHOOK_SIGNING_KEY": KEY, "WEBHOOK_SECRET": "joe:secret"},
        USE_TZ=True,
    )
    django.setup()
    from anymail.signals import tracking
    from anymail.webhooks.mailgun import MailgunTrackingWebhookView
    from anymail.webhooks.sendgrid import SendGridTrackingWebhookView
    from django.test import RequestFactory

    views = {"mailgun": MailgunTrackingWebhookView, "sendgrid": SendGridTrackingWebhookView}
    given = json.load(sys.stdin)
    got: list[dict[str, Any]] = []

    def take(sender: Any, event: Any, esp_name: str, **more: Any) -> None:
        names = (
            "event_type", "message_id", "recipient", "reject_reason", "tags", "metadata", "click_url",
            "user_agent",
        )  # fmt: skip
        got.append({name: getattr(event, name, None) for name in names})

    tracking.connect(take, weak=False)
    for service, content, content_type in given:
        request = RequestFactory().post(
            "/", content.encode(), content_type=content_type, HTTP_AUTHORIZATION="Basic am9lOnNlY3JldA=="
        )
        response = views[service].as_view()(request)
        assert response.status_code == 200, response.content
    print(json.dumps(got))


if __name__ == "__main__":
    main()
