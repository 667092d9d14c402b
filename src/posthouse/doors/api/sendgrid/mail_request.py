"""The body of `POST /v3/mail/send`, typed (sendgrid.md 3.2).

Public: MailSend, Personalization, Person, Content, Attachment, Asm, decode, DYNAMIC.
"""

from __future__ import annotations

from typing import Any

import msgspec

DYNAMIC = "d-"  # how the ids of dynamic templates begin


class Person(msgspec.Struct, frozen=True, gc=False):
    email: str
    name: str | None = None


class Personalization(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    """One envelope, which is one letter."""

    to: list[Person]
    cc: list[Person] | None = None
    bcc: list[Person] | None = None
    sender: Person | None = None
    subject: str | None = None
    headers: dict[str, str] | None = None
    substitutions: dict[str, str] | None = None
    dynamic_template_data: dict[str, Any] | None = None
    custom_args: dict[str, str] | None = None
    send_at: int | None = None


class Content(msgspec.Struct, frozen=True, gc=False):
    type: str
    value: str


class Attachment(msgspec.Struct, frozen=True, gc=False):
    """`content`: base64."""

    content: str
    filename: str
    type: str | None = None
    disposition: str | None = None
    content_id: str | None = None


class Asm(msgspec.Struct, frozen=True):
    group_id: int
    groups_to_display: list[int] | None = None


_RARE = (
    "reply_to_list",
    "attachments",
    "template_id",
    "sections",
    "headers",
    "categories",
    "custom_args",
    "send_at",
    "batch_id",
    "asm",
    "ip_pool_name",
    "mail_settings",
    "tracking_settings",
)
_RARE_OWN = (
    "cc",
    "bcc",
    "sender",
    "subject",
    "headers",
    "substitutions",
    "dynamic_template_data",
    "custom_args",
    "send_at",
)
_USUAL_KINDS = {("text/html",), ("text/plain",), ("text/plain", "text/html")}


class MailSend(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    personalizations: list[Personalization]
    sender: Person
    reply_to: Person | None = None
    reply_to_list: list[Person] | None = None
    subject: str | None = None
    content: list[Content] | None = None
    attachments: list[Attachment] | None = None
    template_id: str | None = None
    sections: dict[str, str] | None = None
    headers: dict[str, str] | None = None
    categories: list[str] | None = None
    custom_args: dict[str, str] | None = None
    send_at: int | None = None
    batch_id: str | None = None
    asm: Asm | None = None
    ip_pool_name: str | None = None
    mail_settings: dict[str, Any] | None = None
    tracking_settings: dict[str, Any] | None = None

    @property
    def is_sandboxed(self) -> bool:
        """Checked only, not sent."""
        given = (self.mail_settings or {}).get("sandbox_mode")
        return bool(given and given.get("enable"))

    @property
    def is_ordinary(self) -> bool:
        """Nothing but one envelope's addresses, a subject and texts, as most calls are; whether the addresses
        are any shows when they are read."""
        if (
            len(self.personalizations) != 1
            or not self.content
            or any(getattr(self, name) is not None for name in _RARE)
        ):
            return False
        own = self.personalizations[0]
        if any(getattr(own, name) is not None for name in _RARE_OWN):
            return False
        kinds = tuple([each.type for each in self.content if each.value])
        addresses = {each.email.lower() for each in own.to}
        return (
            kinds in _USUAL_KINDS
            and len(kinds) == len(self.content)
            and bool(self.subject)
            and 0 < len(own.to) == len(addresses) <= 1000
        )

    @property
    def is_dynamic(self) -> bool:
        return (self.template_id or "").startswith(DYNAMIC)


decode = msgspec.json.Decoder(MailSend).decode
"""Raises msgspec.ValidationError for another shape, msgspec.DecodeError for what is no JSON."""
