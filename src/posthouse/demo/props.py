"""What stands on the stage before the play: domains, users, a key, templates, lists, a webhook; and the
addresses, which are hung up after it, because this machine does not really have them.

Public: furnish, Furnished, hang_up_addresses, zone_of.
"""

from __future__ import annotations

from dataclasses import dataclass

from posthouse.config import Settings
from posthouse.demo.cast import BRAND, NEWS, SENDERS, SHOP
from posthouse.desk import (
    accounts,
    credentials,
    domain_checks,
    domains,
    egress,
    hooks,
    keys,
    people,
    suppressions,
    templates,
    warmup,
)
from posthouse.desk.installation import Installation
from posthouse.desk.passwords import Given
from posthouse.dialects.table import HOOK_FORMS
from posthouse.model.account import MAIL_SEND, DomainSettings, Role
from posthouse.model.clock import Ids
from posthouse.model.suppression import SuppressionKind
from posthouse.rules.permissions import FULL
from posthouse.rules.records import needed, zone_file
from posthouse.store import identity
from posthouse.store.connection import Connection

OWNER, VIEWER = f"owner@{SHOP}", f"ben@{SHOP}"
_WELCOME = """\
<h1>Welcome, {{name}}</h1>
<p>Your account is ready. {{#if discount}}Here is your code: {{discount}}.{{/if}}</p>
"""
ADDRESSES = {"192.0.2.10": f"o1.{SHOP}", "192.0.2.11": f"o2.{SHOP}"}  # RFC 5737: of nobody
_WARM_DAY = 6


@dataclass(frozen=True, slots=True)
class Furnished:
    """`key`: of the account, for its API."""

    account_id: str
    key: str


def furnish(
    conn: Connection, settings: Settings, installation: Installation, ids: Ids, now: float, owner: Given
) -> Furnished:
    """In one transaction. `owner`: the password that opens once."""
    for name in (*SENDERS, BRAND):
        tracked = DomainSettings(track_opens=True, track_clicks="yes")
        draft = domains.draft(
            installation,
            ids,
            now,
            name=name,
            region=settings.region,
            is_verified=name != BRAND,
            settings=tracked,
        )
        domains.create(conn, ids, draft)
    account_id = accounts.own_account(conn)
    people.add(conn, ids, now, account_id, OWNER, role=Role.OWNER, name="Ada Lindt", given=owner)
    people.add(conn, ids, now, account_id, VIEWER, role=Role.VIEWER, name="Ben Okafor")
    for login in (f"shop@{SHOP}", f"crm@{NEWS}"):
        credentials.issue(conn, installation, ids, now, account_id=account_id, login=login)
    key = _keys(conn, installation, ids, now, account_id)
    _lists(conn, ids, now, account_id)
    return Furnished(account_id, key)


def _keys(conn: Connection, installation: Installation, ids: Ids, now: float, account_id: str) -> str:
    def issue(name: str, dialect: str, opening: str, permissions: tuple[str, ...]) -> str:
        issued = keys.issue_key(
            conn,
            installation,
            ids,
            now,
            account_id=account_id,
            opening=opening,
            dialect=dialect,
            permissions=permissions,
            name=name,
        )
        return issued.secret

    issue("Reports", "native", "ph_", ("stats.read", "events.read"))
    issue("Newsletter", "sendgrid", "SG.", (MAIL_SEND,))
    return issue("Shop", "mailgun", "key-", FULL)


def _lists(conn: Connection, ids: Ids, now: float, account_id: str) -> None:
    for tag in ("first", "second"):
        draft = templates.Draft(
            account_id, "", "welcome", tag, _WELCOME, fields={"subject": "Welcome, {{name}}"}
        )
        templates.store_version(conn, ids, now, draft)
    for name, words in (("Newsletter", "New lamps, twice a month"), ("Offers", "Rare, and only good ones")):
        suppressions.add_group(conn, account_id, name, words)
    gone = suppressions.Place(kind=SuppressionKind.UNSUBSCRIBE)
    suppressions.add(conn, account_id, ["rosa.costa@bluemail.example"], gone, now, "asked by telephone")
    wanted = hooks.Wanted(url="https://crm.shop.example/events", kinds=["delivered", "failed", "complained"])
    hooks.add(
        conn, ids, now, HOOK_FORMS, account_id=account_id, dialect="native", wanted=wanted, allows_plain=False
    )


def hang_up_addresses(conn: Connection, ids: Ids, now: float, account_id: str) -> None:
    """Two addresses in two pools, one of them in the middle of its warm-up."""
    for address, hello in ADDRESSES.items():
        egress.add_ip(conn, now - (_WARM_DAY - 1) * 86400.0, address, hello, account_id)
    warm, new = ADDRESSES
    egress.put_pool(conn, ids, account_id, "Receipts", [warm], "What customers wait for")
    egress.put_pool(conn, ids, account_id, "Newsletter", [warm, new])
    warmup.begin(conn, now, account_id, new, warmup.find_plan("default"), day=_WARM_DAY)


def zone_of(conn: Connection, settings: Settings, account_id: str) -> str:
    """The records of the verified domains as zone text, and where this installation is."""
    texts = [f"{settings.smtp.hostname} A 127.0.0.1"]
    sender = domain_checks.sender_of(conn, settings, account_id)
    for domain in identity.list_domains(conn, account_id):
        if domain.verified_at is not None:
            found, held = domains.load(conn, account_id, domain.name)
            texts.append(zone_file(needed(found, held, sender), domain.name))
    return "\n".join(texts)
