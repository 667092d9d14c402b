"""Keys that sign posts to webhooks.

Public: ENDPOINTS.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from posthouse.desk import hook_keys, hook_rotation
from posthouse.desk.hook_rotation import KEEP_MOST_S, KEEP_S, Standing, standing_row
from posthouse.doors.api.answers import Answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.endpoint import NativeEndpoint, one, reading, writing
from posthouse.doors.api.native.octets import Octets

Form = Literal["mailgun", "sendgrid", "mailpace", "native"]


class OlderHookKey(Struct, frozen=True, kw_only=True):
    """A key that goes on until `ends_at`, and is removed then."""

    public: str
    created_at: dt.datetime
    ends_at: dt.datetime


class HookKeyRow(Struct, frozen=True, kw_only=True):
    """The newest key that signs posts, and those before it that go on. `public`: its public half, empty for a
    secret. `native` posts are signed with all of them; others carry one signature, of the older key before
    `signs_from`."""

    dialect: Form
    domain: str
    algorithm: str
    public: str
    created_at: dt.datetime
    signs_from: dt.datetime
    older: list[OlderHookKey]


class MadeHookKey(HookKeyRow, frozen=True, kw_only=True):
    """`secret` is shown only now; empty for a key with a public half."""

    secret: str


class HookKeyChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose key, for `mailpace`."""

    domain: Annotated[str, Meta(max_length=255)] = ""


class NewHookKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make, or (`key`, base64) to bring along."""

    domain: Annotated[str, Meta(max_length=255, description="For `mailpace`.")] = ""
    key: Octets | None = None
    replaces: Annotated[bool, Meta(description="End the key that is there.")] = False


class HookKeyRotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make, or (`key`, base64) to bring along, in place of one that goes on for a while."""

    domain: Annotated[str, Meta(max_length=255, description="For `mailpace`.")] = ""
    key: Octets | None = None
    keep_s: Annotated[
        float, Meta(ge=0, le=KEEP_MOST_S, description="How long the old key goes on; 0: it ends now.")
    ] = KEEP_S


async def show_hook_key(call: Call, asked: HookKeyChoice) -> Answer:
    found = await call.read(
        hook_rotation.standing, call.account_id, call.params["dialect"], asked.domain, call.now
    )
    return one(HookKeyRow)(standing_row(found))


async def make_hook_key(call: Call, asked: NewHookKey) -> Answer:
    dialect = call.params["dialect"]
    made = _made(dialect, asked.key)
    return await call.issue_once(
        lambda key: _answer(Standing(key), made.text),
        lambda key: _answer(Standing(key), ""),
        hook_keys.store,
        replaces=asked.replaces,
        **_place(call, made, asked.domain),
    )


async def rotate_hook_key(call: Call, asked: HookKeyRotation) -> Answer:
    made = _made(call.params["dialect"], asked.key)
    return await call.issue_once(
        lambda found: _answer(found, made.text),
        lambda found: _answer(found, ""),
        hook_rotation.rotate,
        keep_s=asked.keep_s,
        **_place(call, made, asked.domain),
    )


async def end_older_hook_keys(call: Call, asked: HookKeyChoice) -> Answer:
    def answer(found: Standing) -> Answer:
        return one(HookKeyRow)(standing_row(found))

    return await call.write_once(
        answer,
        hook_rotation.end_older,
        account_id=call.account_id,
        dialect=call.params["dialect"],
        domain=asked.domain,
        now=call.now,
    )


def _made(dialect: str, key: bytes | None) -> hook_keys.Made:
    return hook_keys.make(dialect) if key is None else hook_keys.bring(dialect, key)


def _place(call: Call, made: hook_keys.Made, domain: str) -> dict[str, Any]:
    return {
        "installation": call.parts.installation,
        "ids": call.parts.ids,
        "now": call.now,
        "made": made,
        "account_id": call.account_id,
        "dialect": call.params["dialect"],
        "domain": domain,
    }


def _answer(found: Standing, secret: str) -> Answer:
    return one(MadeHookKey, 201)(standing_row(found) | {"secret": secret})


_READ, _WRITE = "hooks.read", "hooks.write"
_TOPIC: dict[str, Any] = {"topic": "Webhooks"}
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/webhook-keys/{dialect}", _READ, show_hook_key, "Show a key that signs", **_TOPIC,
            asks=HookKeyChoice, gives=HookKeyRow),
    writing("POST", "/webhook-keys/{dialect}", _WRITE, make_hook_key, "Make a key, or bring one along",
            **_TOPIC, asks=NewHookKey, gives=MadeHookKey, status=201),
    writing("POST", "/webhook-keys/{dialect}/rotate", _WRITE, rotate_hook_key,
            "Make a key while the old one goes on", **_TOPIC, asks=HookKeyRotation, gives=MadeHookKey,
            status=201),
    writing("DELETE", "/webhook-keys/{dialect}/older", _WRITE, end_older_hook_keys,
            "End the older keys now", **_TOPIC, text="The newest signs alone from then on.",
            asks=HookKeyChoice, gives=HookKeyRow),
)  # fmt: skip
