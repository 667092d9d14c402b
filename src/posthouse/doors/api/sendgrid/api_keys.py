"""Keys of the account and what they may do: `/v3/api_keys`, `/v3/scopes` (sendgrid.md 3.14).

Who calls can give and widen only what their own key allows: a key that leaked must not make stronger ones.

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from posthouse.desk import keys
from posthouse.desk.installation import Installation
from posthouse.doors.api.answers import NOTHING, Answer, Problem, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import object_of, page_of, text_of
from posthouse.doors.api.sendgrid.phrases import not_found, said
from posthouse.model.account import Credential, CredentialKind
from posthouse.model.clock import Ids
from posthouse.rules.permissions import PERMISSIONS, SCOPES, beyond
from posthouse.store import credentials as stored
from posthouse.store.connection import Connection

MOST_KEYS = 100
_MOST_NAME, _MOST_SCOPES = 100, 500
_MOST_SHOWN = 500
_DIALECT, _OPENING = "sendgrid", "SG."
_KIND = CredentialKind.API_KEY


def scopes_of(permissions: Iterable[str]) -> list[str]:
    """What a key may do in the service's words; one of our own kind has words of ours."""
    found: list[str] = []
    for word in permissions:
        is_ours_alone = word in PERMISSIONS and word not in SCOPES
        found += [scope for scope, ours in SCOPES.items() if ours == word] if is_ours_alone else [word]
    return list(dict.fromkeys(found))


def _scopes(call: Call, given: dict[str, Any]) -> tuple[str, ...] | None:
    """Those that the call names, None for none. Raises Said, Problem."""
    scopes = given.get("scopes")
    if scopes is None or scopes == []:
        return None
    if not isinstance(scopes, list) or not all(isinstance(each, str) for each in scopes):
        raise said("scopes must be a list of strings", field="scopes")
    if len(scopes) > _MOST_SCOPES:
        raise said(f"scopes must have at most {_MOST_SCOPES} entries", field="scopes")
    return _allowed(call, scopes)


def _allowed(call: Call, scopes: Sequence[str]) -> tuple[str, ...]:
    if missing := beyond(scopes, call.principal.permissions):
        raise Problem(403, "no-permission", f"The key that calls has not {missing[0]} itself", field="scopes")
    return tuple(scopes)


# The calls


async def _add(call: Call) -> Answer:
    """A call that comes again gets the answer without the key, of which no copy is kept."""
    asked = await object_of(call)
    name = text_of(asked, "name", _MOST_NAME)
    scopes = _scopes(call, asked) or _allowed(call, tuple(SCOPES))  # without scopes: full access (documented)
    parts = call.parts

    def shown(issued: keys.IssuedKey) -> Answer:
        told = {"api_key": issued.secret, "api_key_id": issued.id, "name": name, "scopes": list(scopes)}
        return json_answer(told, 201)

    def kept(issued: keys.IssuedKey) -> Answer:
        return shown(replace(issued, secret=""))

    named = {"account_id": call.account_id, "name": name, "scopes": scopes, "maker": call.principal.login}
    given = await call.issue_once(shown, kept, _issued, parts.installation, parts.ids, call.now, **named)
    await parts.identity.refresh(parts.store)  # it is valid in this worker before anybody can show it
    return given


def _issued(
    conn: Connection,
    installation: Installation,
    ids: Ids,
    now: float,
    *,
    account_id: str,
    name: str,
    scopes: tuple[str, ...],
    maker: str,
) -> keys.IssuedKey:
    if len(_held(conn, account_id)) >= MOST_KEYS:
        raise said("Cannot create more than 100 API Keys", 403)
    return keys.issue_key(
        conn,
        installation,
        ids,
        now,
        account_id=account_id,
        opening=_OPENING,
        dialect=_DIALECT,
        permissions=scopes,
        name=name,
        maker=maker,
    )


def _held(conn: Connection, account_id: str) -> list[Credential]:
    """Keys of this kind, the oldest first; those of other kinds are not shown and not changed here."""
    found = [key for key in stored.of_account(conn, account_id, _KIND) if key.dialect == _DIALECT]
    return sorted(found, key=lambda key: (key.created_at, key.login))


async def _listed(call: Call) -> Answer:
    limit, offset = page_of(call, _MOST_SHOWN, _MOST_SHOWN)
    held = await call.read(_held, call.account_id)
    return json_answer({"result": [_brief(key) for key in held[offset : offset + limit]]})


def _brief(key: Credential) -> dict[str, Any]:
    return {"name": key.name, "api_key_id": key.login}


def _full(key: Credential) -> dict[str, Any]:
    return {**_brief(key), "scopes": scopes_of(key.permissions)}


async def _one(call: Call) -> Answer:
    return json_answer(_full(await call.read(_load, call.account_id, call.params["key"])))


def _load(conn: Connection, account_id: str, id: str) -> Credential:
    found = keys.load(conn, account_id, _KIND, id)
    if found.dialect != _DIALECT:
        raise not_found()
    return found


async def _rename(call: Call) -> Answer:
    name = text_of(await object_of(call), "name", _MOST_NAME)
    return json_answer(_brief(await call.write(_changed, call, name, None)))


async def _replace(call: Call) -> Answer:
    given = await object_of(call)
    name = text_of(given, "name", _MOST_NAME)
    scopes = _scopes(call, given)
    if scopes is None and given.get("scopes") is not None:
        raise said("scopes must name at least one scope", field="scopes")
    return json_answer(_full(await call.write(_changed, call, name, scopes)))


def _changed(conn: Connection, call: Call, name: str, scopes: tuple[str, ...] | None) -> Credential:
    account_id = call.account_id
    key = _load(conn, account_id, call.params["key"])
    return keys.change(
        conn,
        account_id=account_id,
        kind=_KIND,
        id=key.login,
        name=name,
        permissions=scopes,
        maker=call.principal.login,
    )


async def _revoke(call: Call) -> Answer:
    await call.write(_revoked, call.account_id, call.params["key"], call.now)
    await call.parts.identity.refresh(call.parts.store)  # here at once, elsewhere within a second
    return NOTHING


def _revoked(conn: Connection, account_id: str, id: str, now: float) -> None:
    key = _load(conn, account_id, id)
    keys.revoke(conn, now, account_id=account_id, kind=_KIND, id=key.login)


async def _own_scopes(call: Call) -> Answer:
    return json_answer({"scopes": scopes_of(call.principal.permissions)})


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", "/v3/api_keys", "keys.write", _add),
    Endpoint("GET", "/v3/api_keys", "keys.read", _listed),
    Endpoint("GET", "/v3/api_keys/{key}", "keys.read", _one),
    Endpoint("PATCH", "/v3/api_keys/{key}", "keys.write", _rename),
    Endpoint("PUT", "/v3/api_keys/{key}", "keys.write", _replace),
    Endpoint("DELETE", "/v3/api_keys/{key}", "keys.write", _revoke),
    Endpoint("GET", "/v3/scopes", "", _own_scopes, is_for_domains=True),
)
