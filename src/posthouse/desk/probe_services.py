"""What is particular about signing in at the services that people know, and what their secrets look like.

Facts from the services' own pages. Of a secret only its form is looked at, here and nowhere else.

Public: SERVICES, HERE, service_of, key_owner, fits.
"""

from __future__ import annotations

import re

from posthouse.rules.probe_facts import Service

SERVICES = (
    Service(
        "Mailgun",
        {"smtp.mailgun.org": "US", "smtp.eu.mailgun.org": "EU"},
        user="address",
        key_form=re.compile(r"key-\S+"),
        fresh="In Mailgun's control panel: Sending, Domain settings, SMTP credentials, Reset password.",
    ),
    Service(
        "SendGrid",
        {"smtp.sendgrid.net": "global", "smtp.eu.sendgrid.net": "EU"},
        user="apikey",
        key_form=re.compile(r"SG\.[\w-]{16,32}\.[\w-]{30,}"),
        password_form=re.compile(r"SG\.[\w-]{16,32}\.[\w-]{30,}"),
        fresh="At SendGrid: Settings, API Keys; the key needs the permission Mail Send.",
    ),
    Service(
        "MailPace",
        {"smtp.mailpace.com": ""},
        user="password",
        fresh="At MailPace the token stands on the page of the domain, under API Tokens.",
    ),
    Service(
        "Postmark",
        {"smtp.postmarkapp.com": ""},
        user="password",
        fresh="At Postmark the token stands on the page of the server, under API Tokens.",
    ),
    Service(
        "Google",
        {"smtp.gmail.com": "", "smtp-relay.gmail.com": ""},
        user="address",
        fresh="Google wants an app password, made at myaccount.google.com/apppasswords.",
    ),
    Service(
        "Resend",
        {"smtp.resend.com": ""},
        user="resend",
        key_form=re.compile(r"re_\w{20,}"),
        password_form=re.compile(r"re_\w+"),
    ),
)
HERE = Service("this server", {}, user="", key_form=re.compile(r"ph_[\w-]+\.\S+"))


def service_of(host: str) -> Service | None:
    """Whose host that is."""
    return next((service for service in SERVICES if host in service.hosts), None)


def key_owner(password: str) -> str:
    """The service whose API keys look like that, "" for none."""
    text = password.strip()
    return next(
        (each.name for each in (*SERVICES, HERE) if each.key_form and each.key_form.fullmatch(text)), ""
    )


def fits(service: Service | None, password: str) -> bool:
    """Could that be a password of the service?"""
    form = service.password_form if service else None
    return form is None or form.fullmatch(password.strip()) is not None
