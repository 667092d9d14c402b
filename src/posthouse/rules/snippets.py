"""Ready-made pieces of programs and settings that send a first mail here, filled with the real values.

Values are quoted as each language wants it, so a password with a quote in it makes no broken program.

Public: Place, Snippet, snippets.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Place:
    """Where to send and as whom. `has_tls`: STARTTLS is to be used."""

    host: str
    port: int
    has_tls: bool
    user: str
    password: str
    sender: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Snippet:
    name: str
    title: str
    text: str


_SUBJECT, _TEXT = "Hello from Posthouse", "It works."


def snippets(place: Place) -> list[Snippet]:
    """One for each way, in the order in which they are shown."""
    return [
        Snippet("swaks", "swaks", _swaks(place)),
        Snippet("python", "Python", _python(place)),
        Snippet("django", "Django", _django(place)),
        Snippet("rails", "Rails", _rails(place)),
        Snippet("node", "Node (nodemailer)", _node(place)),
        Snippet("php", "PHP (Symfony, Laravel)", _php(place)),
        Snippet("wordpress", "WordPress (WP Mail SMTP)", _wordpress(place)),
    ]


def _quoted(text: str) -> str:
    """A text in double quotes as Python, JavaScript and Ruby take it."""
    return json.dumps(text, ensure_ascii=False).replace("#", "\\u0023")  # Ruby fills "#{…}"


def _swaks(place: Place) -> str:
    words = [
        ["swaks", *(["--tls"] if place.has_tls else []), "--server", f"{place.host}:{place.port}"],
        ["--auth-user", place.user, "--auth-password", place.password],
        ["--from", place.sender, "--to", place.recipient],
        ["--h-Subject", _SUBJECT, "--body", _TEXT],
    ]
    return " \\\n  ".join(" ".join(map(shlex.quote, line)) for line in words)


def _python(place: Place) -> str:
    start = "    smtp.starttls(context=ssl.create_default_context())\n" if place.has_tls else ""
    return (
        ("import smtplib\nimport ssl\n" if place.has_tls else "import smtplib\n")
        + "from email.message import EmailMessage\n\n"
        + "mail = EmailMessage()\n"
        + f'mail["From"], mail["To"] = {_quoted(place.sender)}, {_quoted(place.recipient)}\n'
        + f'mail["Subject"] = {_quoted(_SUBJECT)}\n'
        + f"mail.set_content({_quoted(_TEXT)})\n\n"
        + f"with smtplib.SMTP({_quoted(place.host)}, {place.port}) as smtp:\n"
        + start
        + f"    smtp.login({_quoted(place.user)}, {_quoted(place.password)})\n"
        + "    smtp.send_message(mail)\n"
    )


def _django(place: Place) -> str:
    return (
        f"EMAIL_HOST = {_quoted(place.host)}\n"
        f"EMAIL_PORT = {place.port}\n"
        f"EMAIL_USE_TLS = {place.has_tls}\n"
        f"EMAIL_HOST_USER = {_quoted(place.user)}\n"
        f"EMAIL_HOST_PASSWORD = {_quoted(place.password)}\n"
        f"DEFAULT_FROM_EMAIL = {_quoted(place.sender)}\n\n"
        f"# then: python manage.py sendtestemail {place.recipient}\n"
    )


def _rails(place: Place) -> str:
    return (
        "config.action_mailer.smtp_settings = {\n"
        f"  address: {_quoted(place.host)},\n"
        f"  port: {place.port},\n"
        f"  user_name: {_quoted(place.user)},\n"
        f"  password: {_quoted(place.password)},\n"
        "  authentication: :plain,\n"
        f"  enable_starttls: {str(place.has_tls).lower()},\n"
        "}\n"
    )


def _node(place: Place) -> str:
    return (
        'const nodemailer = require("nodemailer");\n\n'
        "const transport = nodemailer.createTransport({\n"
        f"  host: {_quoted(place.host)},\n"
        f"  port: {place.port},\n"
        f"  secure: false, {'requireTLS: true' if place.has_tls else 'ignoreTLS: true'},\n"
        f"  auth: {{ user: {_quoted(place.user)}, pass: {_quoted(place.password)} }},\n"
        "});\n"
        f"transport.sendMail({{ from: {_quoted(place.sender)}, to: {_quoted(place.recipient)}, "
        f"subject: {_quoted(_SUBJECT)}, text: {_quoted(_TEXT)} }});\n"
    )


def _php(place: Place) -> str:
    secret = f"{quote(place.user, safe='')}:{quote(place.password, safe='')}"
    more = "" if place.has_tls else "?auto_tls=false"
    return (
        f"# Symfony (.env)\nMAILER_DSN=smtp://{secret}@{place.host}:{place.port}{more}\n\n"
        f"# Laravel (.env)\nMAIL_MAILER=smtp\nMAIL_HOST={place.host}\nMAIL_PORT={place.port}\n"
        f"MAIL_USERNAME={_env(place.user)}\nMAIL_PASSWORD={_env(place.password)}\n"
        f"MAIL_FROM_ADDRESS={_env(place.sender)}\n"
    )


def _env(text: str) -> str:
    """A value of a .env file; single quotes keep `$` and blanks as they are."""
    return "'" + text.replace("'", "'\"'\"'") + "'" if not text.isalnum() else text


def _wordpress(place: Place) -> str:
    encryption, auto = ("TLS", "on") if place.has_tls else ("None", "off")
    return (
        f"From Email       {place.sender}\n"
        "Mailer           Other SMTP\n"
        f"SMTP Host        {place.host}\n"
        f"Encryption       {encryption}   Auto TLS {auto}\n"
        f"SMTP Port        {place.port}\n"
        "Authentication   on\n"
        f"SMTP Username    {place.user}\n"
        f"SMTP Password    {place.password}\n"
    )
