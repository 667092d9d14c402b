"""What this very server knows about a test of itself that failed: which password that is, which domain.

Everything is looked up within the account of the person who asks; what belongs to others is answered like
what does not exist (S20).

Public: own_advice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from difflib import get_close_matches

from posthouse.desk.credentials import normal_login
from posthouse.desk.expiry import has_expired
from posthouse.desk.installation import Installation
from posthouse.desk.sign_in import KEY_USER
from posthouse.model.account import MAIL_SEND, Credential, CredentialKind, Domain
from posthouse.model.errors import Refused
from posthouse.model.probe import ProbeEnd, ProbeStep, ProbeWish
from posthouse.rules.probe_advice import Advice
from posthouse.rules.probe_facts import domain_of
from posthouse.store import credentials, identity
from posthouse.store.connection import Connection

_LETTER = (ProbeStep.MAIL, ProbeStep.RCPT, ProbeStep.DATA, ProbeStep.CONTENT)


def own_advice(
    conn: Connection,
    installation: Installation,
    region: str,
    now: float,
    account_id: str,
    wish: ProbeWish,
    end: ProbeEnd,
) -> list[Advice]:
    """At most one piece of advice, better than any that the replies alone allow."""
    if end.fault != "refused":
        return []
    if end.step is ProbeStep.AUTH:
        return [_about_sign_in(conn, installation, region, now, account_id, wish)]
    return _about_sender(conn, account_id, wish) if end.step in _LETTER else []


def _about_sign_in(
    conn: Connection,
    installation: Installation,
    region: str,
    now: float,
    account_id: str,
    wish: ProbeWish,
) -> Advice:
    account = identity.find_account_by_id(conn, account_id)
    if account is not None and account.settings.is_suspended:
        return Advice("suspended", "The account is suspended: nobody signs in for it until it is resumed.")
    login = _login(wish.user)
    secret = installation.secret_hash(wish.password.rstrip("\r\n"))
    known = credentials.with_secret(conn, account_id, secret)
    users = credentials.of_account(conn, account_id, CredentialKind.SMTP_USER)
    valid = next((each for each in known if each.revoked_at is None), None)
    if valid is not None and has_expired(valid.expires_at, now):
        text = f"{valid.name or valid.login} expired on {_day(valid.expires_at)}. Make a new one."
        return Advice("expired", text)
    if valid is not None:
        return _about_valid(conn, region, login, valid)
    if known:
        return _about_revoked(login, known, [user.login for user in users])
    return _about_unknown(login, users)


def _about_valid(conn: Connection, region: str, login: str, found: Credential) -> Advice:
    """The secret is one of the account's: why did it not let them in?"""
    wanted = {CredentialKind.SMTP_USER: found.login, CredentialKind.API_KEY: KEY_USER}.get(found.kind, "")
    if found.kind is CredentialKind.DOMAIN_TOKEN and login != "":
        text = f"This is the token {found.name or found.login}: give it as the user and as the password."
        return Advice("token-twice", text)
    if wanted and login != wanted and found.kind is CredentialKind.API_KEY:
        text = f"This is the API key {found.name or found.login}: with it the user is the word {KEY_USER}."
        return Advice("key-as-password", text)
    if wanted and login != wanted:
        return Advice(
            "other-users-password", f"This is the password of {found.login}: give that as the user."
        )
    domain = identity.find_domain_by_id(conn, found.domain_id) if found.domain_id else None
    if domain is not None and domain.region != region:
        text = f"{domain.name} belongs to the region {domain.region}: sign in at that region's host."
        return Advice("region", text)
    if MAIL_SEND not in found.permissions:
        return Advice("no-permission", f"This key may not send: it lacks the permission {MAIL_SEND}.")
    if found.ranges:
        text = f"It may be used from {' '.join(found.ranges)} only, and a test comes from the server itself."
        return Advice("address-range", text)
    return Advice("right-now", "User and password are right. If they were made just now, try once more.")


def _about_revoked(login: str, known: Sequence[Credential], users: Sequence[str]) -> Advice:
    same = next((each for each in known if each.login == login), known[0])
    day = _day(same.revoked_at)
    if same.kind is not CredentialKind.SMTP_USER:
        text = f"The key {same.name or same.login} was revoked on {day}. Make a new one."
        return Advice("revoked", text)
    if same.login in users:
        text = f"This password of {same.login} ended on {day}, when it was reset. Use the new one."
        return Advice("old-password", text)
    return Advice("removed", f"The user {same.login} was removed on {day}. Make a new one under SMTP users.")


def _about_unknown(login: str, users: Sequence[Credential]) -> Advice:
    if login == KEY_USER:
        text = "No API key of this account looks like this. Copy it anew, or make one under API keys."
        return Advice("wrong-key", text)
    if "@" not in login:
        text = f"The user is name@domain; with an API key it is the word {KEY_USER}."
        return Advice("user-form", text)
    found = next((user for user in users if user.login == login), None)
    if found is not None:
        text = f"{login} has another password, given on {_day(found.created_at)}. If it is lost, reset it."
        return Advice("wrong-password", text)
    near = get_close_matches(login, [user.login for user in users], n=1, cutoff=0.75)
    meant = f" Did you mean {near[0]}?" if near else " They are listed under SMTP users."
    return Advice("no-user", f"There is no user {login} in this account.{meant}")


def _about_sender(conn: Connection, account_id: str, wish: ProbeWish) -> list[Advice]:
    name = domain_of(wish.sender)
    domains = identity.list_domains(conn, account_id)
    found = _owner(name, domains)
    if found is None:
        text = f"{name} is no domain of this account. Add it under Domains, or write from one that is."
        return [Advice("no-domain", text)]
    if found.settings.is_sandbox and wish.recipient.lower() not in found.settings.authorised:
        text = (
            f"{found.name} is a sandbox: it writes to authorised recipients only. Authorise {wish.recipient}."
        )
        return [Advice("sandbox", text)]
    if found.verified_at is None:
        text = (
            f"{found.name} is not verified yet. Publish its DNS records, shown under Domains, and verify it."
        )
        return [Advice("unverified", text)]
    return []


def _owner(name: str, domains: Sequence[Domain]) -> Domain | None:
    """The domain or the longest one above it."""
    above = [each for each in domains if name == each.name or name.endswith(f".{each.name}")]
    return max(above, key=lambda each: len(each.name), default=None)


def _login(user: str) -> str:
    try:
        return normal_login(user)
    except Refused:
        return user.strip().lower()


def _day(at: float | None) -> str:
    return dt.datetime.fromtimestamp(at or 0, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
