"""`/keys`: API keys and domain tokens; `/keys/{id}`: what one of them may do.

A secret is shown when it is made, with programs that use it, and never again.

Public: PAGES.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from posthouse.desk import keys
from posthouse.desk.keys import OPENINGS, IssuedKey
from posthouse.desk.terms import shown
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.api_snippets import ApiPlace, api_snippets
from posthouse.doors.web.dashboard.choices import Choices, domain_choices
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.terms_form import terms_of
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.forms import FormTrouble
from posthouse.model.account import Credential, CredentialKind
from posthouse.model.errors import Refused
from posthouse.rules.permissions import PERMISSIONS, SCOPES, preset
from posthouse.store import credentials, identity
from posthouse.store.connection import Connection
from posthouse.store.parts import Part

PATH = "/keys"
TOKEN = "mailpace"  # noqa: S105 (a dialect)
KINDS = {
    "native": "Posthouse's own API, and Mailgun's",
    "sendgrid": "SendGrid's API, and SMTP with the user apikey",
    TOKEN: "MailPace's API: a token of one domain",
}
PRESETS = {
    "send-only": "Send mail and nothing else",
    "full": "Everything",
    "read-only": "Look at everything and change nothing",
    "own": "What is ticked below",
}


async def _look(visit: Visit) -> Response:
    rows, domains = await visit.read(_listing, visit.account_id, paging.part_of(visit))
    return visit.page(
        "keys.html",
        "API keys",
        kinds=list(KINDS.items()),
        presets=list(PRESETS.items()),
        permissions=PERMISSIONS,
        domains=domains,
        **paging.shown(visit, rows, lambda row: str(row["id"])),
    )


def _listing(conn: Connection, account_id: str, part: Part) -> tuple[list[dict[str, Any]], Choices]:
    """(keys and tokens, domains to choose from)."""
    kinds = (CredentialKind.API_KEY, CredentialKind.DOMAIN_TOKEN)
    found = credentials.of_account(conn, account_id, *kinds, part=part)
    rows = [
        row | {"is_token": item.kind is CredentialKind.DOMAIN_TOKEN}
        for row, item in zip(keys.key_rows(conn, found), found, strict=True)
    ]
    return rows, domain_choices(conn, account_id)


def _permissions(visit: Visit, dialect: str) -> tuple[str, ...]:
    """Of a preset, in the words of that kind of key, or those that are ticked. Raises Refused."""
    chosen = visit.field("preset") or "send-only"
    if chosen in PRESETS and chosen != "own":
        return preset(chosen, in_scopes=dialect != keys.NATIVE)
    ticked = [word for word in visit.fields("permission") if word in PERMISSIONS]
    if not ticked:
        raise Refused(501, "5.5.4", "Tick what the key may do, or choose a preset", reason="bad-word")
    if dialect == keys.NATIVE:
        return tuple(ticked)
    return tuple(scope for scope, ours in SCOPES.items() if ours in ticked)


async def _add(visit: Visit) -> Response:
    dialect = visit.field("dialect")
    if dialect == TOKEN:
        return await _add_token(visit)
    if dialect not in OPENINGS:
        raise Refused(501, "5.5.4", "Choose what the key is for", reason="bad-kind")
    issued = await visit.write(
        keys.issue_key,
        visit.parts.installation,
        visit.parts.ids,
        visit.now,
        account_id=visit.account_id,
        opening=OPENINGS[dialect],
        dialect=dialect,
        permissions=_permissions(visit, dialect),
        name=visit.field("name"),
        domain=visit.field("domain"),
        terms=terms_of(visit),
    )
    return await _shown(visit, dialect, issued, "key")


async def _add_token(visit: Visit) -> Response:
    if not visit.field("domain"):
        raise Refused(501, "5.5.4", "A token is for one domain: choose it", reason="no-domain")
    issued = await visit.write(
        keys.issue_token,
        visit.parts.installation,
        visit.parts.ids,
        visit.now,
        account_id=visit.account_id,
        domain=visit.field("domain"),
        dialect=TOKEN,
        name=visit.field("name"),
        terms=terms_of(visit),
    )
    return await _shown(visit, TOKEN, issued, "token")


async def _shown(visit: Visit, dialect: str, issued: IssuedKey, noun: str) -> Response:
    some = await visit.read(identity.list_domains, visit.account_id, Part(most=1))
    domain = visit.field("domain") or (some[0].name if some else "example.com")
    base_url = visit.parts.settings.http.url or visit.base_url
    place = ApiPlace(base_url, issued.secret, domain, f"hello@{domain}", visit.signed.person.email)
    return visit.page(
        "key_once.html",
        f"Keep this {noun}",
        news=f"The {noun} is made.",
        noun=noun,
        issued=issued,
        base_url=base_url,
        snippets=api_snippets(dialect, place),
        back=visit.at(PATH),
    )


# One of them


async def _one(visit: Visit) -> Response:
    key, domain = await _load(visit)
    is_token = key.kind is CredentialKind.DOMAIN_TOKEN
    return visit.page(
        "key.html",
        f"{'Token' if is_token else 'API key'} {key.name or key.login}",
        key=key,
        domain=domain,
        is_token=is_token,
        terms=shown(key),
        ours=[word for word in PERMISSIONS if _may(key.permissions, word)],
        permissions=PERMISSIONS,
        presets=[("", "Leave it as it is"), *PRESETS.items()],
    )


def _may(held: Sequence[str], word: str) -> bool:
    return any(each == word or SCOPES.get(each) == word for each in held)


async def _load(visit: Visit) -> tuple[Credential, str]:
    """The key or token and its domain. Raises FormTrouble (404), for another account's too (S20)."""
    try:
        return await visit.read(_loaded, visit.account_id, visit.param("id"))
    except Refused as refused:
        raise FormTrouble(404, "There is no such key here.") from refused


def _loaded(conn: Connection, account_id: str, id: str) -> tuple[Credential, str]:
    try:
        found = keys.load(conn, account_id, CredentialKind.API_KEY, id)
    except Refused:
        found = keys.load(conn, account_id, CredentialKind.DOMAIN_TOKEN, id)
    domain = identity.find_domain_by_id(conn, found.domain_id) if found.domain_id else None
    return found, domain.name if domain else ""


async def _change(visit: Visit) -> str:
    key, _ = await _load(visit)
    is_token = key.kind is CredentialKind.DOMAIN_TOKEN
    says = bool(visit.field("preset")) and not is_token
    await visit.write(
        keys.change,
        account_id=visit.account_id,
        kind=key.kind,
        id=key.login,
        name=visit.field("name"),
        permissions=_permissions(visit, key.dialect) if says else None,
        terms=terms_of(visit),
    )
    return "It is saved, and holds within a second."


async def _revoke(visit: Visit) -> Response:
    key, _ = await _load(visit)
    gone = await visit.write(keys.revoke, visit.now, account_id=visit.account_id, kind=key.kind, id=key.login)
    return visit.go(visit.at(PATH), f"{key.name or gone} is no longer valid.")


PAGES = (
    Page(PATH, "keys.read", _look, {"add": Work("keys.write", _add)}, most_fields=40),
    Page(
        f"{PATH}/{{id}}",
        "keys.read",
        _one,
        {"change": Work("keys.write", _change), "revoke": Work("keys.write", _revoke)},
        most_fields=40,
    ),
)
