"""Keys that sign posts to webhooks.

Public: ENDPOINTS.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from posthouse.desk import hook_keys
from posthouse.doors.api.answers import Answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.endpoint import NativeEndpoint, one, reading, writing
from posthouse.doors.api.native.octets import Octets
from posthouse.store.hook_keys import SealedHookKey

Form = Literal["mailgun", "sendgrid", "mailpace", "native"]


class HookKeyRow(Struct, frozen=True, kw_only=True):
    """A key that signs posts. `public`: its public half, empty for a secret."""

    dialect: Form
    domain: str
    algorithm: str
    public: str
    created_at: dt.datetime


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


async def show_hook_key(call: Call, asked: HookKeyChoice) -> Answer:
    found = await call.read(hook_keys.show, call.account_id, call.params["dialect"], asked.domain)
    return one(HookKeyRow)(found)


async def make_hook_key(call: Call, asked: NewHookKey) -> Answer:
    dialect = call.params["dialect"]
    made = hook_keys.make(dialect) if asked.key is None else hook_keys.bring(dialect, asked.key)

    def answer(secret: str) -> Any:
        return lambda key: one(MadeHookKey, 201)(_key_row(key) | {"secret": secret})

    return await call.issue_once(
        answer(made.text),
        answer(""),
        hook_keys.store,
        installation=call.parts.installation,
        ids=call.parts.ids,
        now=call.now,
        made=made,
        account_id=call.account_id,
        dialect=dialect,
        domain=asked.domain,
        replaces=asked.replaces,
    )


def _key_row(key: SealedHookKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in HookKeyRow.__struct_fields__}


_READ, _WRITE = "hooks.read", "hooks.write"
_TOPIC: dict[str, Any] = {"topic": "Webhooks"}
ENDPOINTS: tuple[NativeEndpoint, ...] = (
    reading("/webhook-keys/{dialect}", _READ, show_hook_key, "Show a key that signs", **_TOPIC,
            asks=HookKeyChoice, gives=HookKeyRow),
    writing("POST", "/webhook-keys/{dialect}", _WRITE, make_hook_key, "Make a key, or bring one along",
            **_TOPIC, asks=NewHookKey, gives=MadeHookKey, status=201),
)  # fmt: skip
