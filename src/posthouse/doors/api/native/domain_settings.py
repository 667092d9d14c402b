"""Settings of a sending domain: what holds for its mail where a message does not say otherwise.

Public: DomainSettingsRow, SettingsChange, change_settings.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import fields

from posthouse.desk import domain_settings, domains
from posthouse.model.account import Domain
from posthouse.store.connection import Connection

Limit = Annotated[int, Meta(ge=0, le=10**9, description="Most recipients; 0: no limit.")]
Url = Annotated[str, Meta(max_length=500)]


class DomainSettingsRow(Struct, frozen=True, kw_only=True):
    """Empty texts and null: the installation or the dialect decides."""

    track_opens: bool | None
    track_clicks: Literal["", "off", "html", "all"]
    pixel_at_top: bool
    tracking_url: str
    unsubscribe: bool
    schedule_days: float
    require_tls: bool
    skip_verification: bool
    archive_url: str
    ip_pool: str
    is_sandbox: bool
    authorised: list[str]
    hourly_messages: int
    daily_messages: int
    keeps_fields: bool
    from_policy: Literal["", "account", "domain", "any"]
    return_path: Literal["", "own", "keep"]
    track_privacy: Literal["full", "masked", "none"]
    page_name: str
    page_colour: str
    page_text: str


Archive = Annotated[Url, Meta(description="Where a copy of all mail is posted.")]
Base = Annotated[Url, Meta(description="Base of links.")]
Unsubscribe = Annotated[bool, Meta(description="Add a text and a field to mail that has none.")]
Address = Annotated[str, Meta(min_length=3, max_length=320)]
Authorised = Annotated[
    list[Address], Meta(max_length=1000, description="Whom a sandbox domain may write to.")
]


class SettingsChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said takes the place of what was; null goes back to the default."""

    track_opens: bool | UnsetType | None = UNSET
    track_clicks: Literal["off", "html", "all"] | UnsetType | None = UNSET
    pixel_at_top: bool | UnsetType | None = UNSET
    tracking_url: Base | UnsetType | None = UNSET
    unsubscribe: Unsubscribe | UnsetType | None = UNSET
    schedule_days: Annotated[float, Meta(gt=0, le=366)] | UnsetType | None = UNSET
    require_tls: bool | UnsetType | None = UNSET
    skip_verification: bool | UnsetType | None = UNSET
    archive_url: Archive | UnsetType | None = UNSET
    ip_pool: Annotated[str, Meta(max_length=100)] | UnsetType | None = UNSET
    is_sandbox: bool | UnsetType | None = UNSET
    authorised: Authorised | UnsetType | None = UNSET
    hourly_messages: Limit | UnsetType | None = UNSET
    daily_messages: Limit | UnsetType | None = UNSET
    keeps_fields: bool | UnsetType | None = UNSET
    from_policy: Literal["account", "domain", "any"] | UnsetType | None = UNSET
    return_path: Literal["own", "keep"] | UnsetType | None = UNSET
    track_privacy: Literal["full", "masked", "none"] | UnsetType | None = UNSET
    page_name: Annotated[str, Meta(max_length=80)] | UnsetType | None = UNSET
    page_colour: Annotated[str, Meta(pattern="^#[0-9a-fA-F]{6}$")] | UnsetType | None = UNSET
    page_text: Annotated[str, Meta(max_length=300)] | UnsetType | None = UNSET


def change_settings(conn: Connection, account_id: str, name: str, asked: SettingsChange) -> Domain:
    """Inside the caller's transaction. Raises Refused."""
    pairs = [
        f"{field.name}={_text(value)}"
        for field in fields(asked)
        if (value := getattr(asked, field.name)) is not UNSET
    ]
    domain, _ = domains.change_settings(
        conn, account_id, name, lambda settings: domain_settings.changed(settings, pairs)
    )
    return domain


def _text(value: Any) -> str:
    """As `desk.domain_settings` reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
