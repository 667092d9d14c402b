"""Users, keys and what signs posts: what can be kept is, the rest is named in the report.

Public: Credentials.
"""

from __future__ import annotations

from functools import partial

from posthouse.desk import credentials, hook_keys, keys
from posthouse.model.account import MAIL_SEND, CredentialKind
from posthouse.model.errors import Refused
from posthouse.moving.here import Here
from posthouse.moving.report import Report
from posthouse.moving.things import Kind, NewApiKey, NewSigningKey, NewUser, StaysBehind
from posthouse.store import credentials as stored
from posthouse.store import identity
from posthouse.store.hook_keys import find_hook_key

_OPENINGS = {"sendgrid": "SG."}
_NO_PASSWORD = "the service shows nobody its password"  # noqa: S105 (a sentence)


class Credentials:
    """Of one move. `signing`: of which domains ("": the account) a signing key came in it."""

    def __init__(self, here: Here, report: Report, signing: set[str]) -> None:
        self._here, self._report, self._signing = here, report, signing

    def take(self, thing: NewUser | NewApiKey | NewSigningKey) -> None:
        """What is refused is told in the report."""
        note = self._report.note_put
        match thing:
            case NewUser():
                note(Kind.USER, thing.login, partial(self._user, thing))
            case NewApiKey():
                note(Kind.API_KEY, thing.name or thing.id, partial(self._api_key, thing))
            case NewSigningKey():
                note(Kind.SIGNING_KEY, thing.domain or "the account's", partial(self._signing_key, thing))

    def _user(self, thing: NewUser) -> bool | None:
        """None: stays behind."""
        here = self._here
        login = credentials.normal_login(thing.login)
        found = identity.find_credential(here.conn, login)
        if found is not None and found.account_id == here.account_id:
            return False
        if here.hands_out is None:
            do = f"posthouse user add {login}, or run again with --new-passwords FILE"
            self._report.note_behind(StaysBehind(Kind.USER, login, _NO_PASSWORD, do))
            return None
        if not here.is_dry:
            with here.conn.transaction():
                issued = credentials.issue(
                    here.conn,
                    here.installation,
                    here.ids,
                    here.clock.now(),
                    account_id=here.account_id,
                    login=login,
                    dialect=here.dialect,
                )
                here.hands_out(login, issued.password)  # on the disk before the user counts
        return True

    def _api_key(self, thing: NewApiKey) -> bool | None:
        if not thing.secret:
            do = "posthouse key add makes a new one, --given-key FILE keeps the one in that file"
            why = "the service shows nobody its secret"
            self._report.note_behind(StaysBehind(Kind.API_KEY, thing.name or thing.id, why, do))
            return None
        kind = CredentialKind.DOMAIN_TOKEN if thing.domain else CredentialKind.API_KEY
        here, secret_hash = self._here, self._here.installation.secret_hash(thing.secret.strip())
        own = stored.of_account(here.conn, here.account_id, kind)
        if any(credential.secret_hash == secret_hash for credential in own):
            return False
        if here.is_dry:
            keys.judge_given(kind, "" if thing.domain else self._opening(), thing.secret)
            return True
        with here.conn.transaction():
            self._issue(thing)
        return True

    def _issue(self, thing: NewApiKey) -> None:
        here, now = self._here, self._here.clock.now()
        if thing.domain:
            keys.issue_token(
                here.conn,
                here.installation,
                here.ids,
                now,
                account_id=here.account_id,
                domain=thing.domain,
                dialect=here.dialect,
                name=thing.name,
                given=thing.secret,
            )
            return
        keys.issue_key(
            here.conn,
            here.installation,
            here.ids,
            now,
            account_id=here.account_id,
            opening=self._opening(),
            dialect=here.dialect,
            permissions=thing.permissions or (MAIL_SEND,),
            name=thing.name,
            given=thing.secret,
        )

    def _opening(self) -> str:
        """Raises Refused where keys of the service cannot be kept."""
        opening = _OPENINGS.get(self._here.dialect)
        if opening is None:
            text = "keys of this service cannot be kept; make a new one with posthouse key add"
            raise Refused(501, "5.5.4", text, reason="bad-secret")
        return opening

    def _signing_key(self, thing: NewSigningKey) -> bool:
        here = self._here
        made = hook_keys.bring(here.dialect, thing.content)
        if found := find_hook_key(here.conn, here.account_id, thing.domain, here.dialect):
            if here.installation.open(found.private, found.id) == made.key.secret:
                return False
            text = f"another key signs here; posthouse hook-key import {here.dialect} FILE --replace ends it"
            raise Refused(550, "5.5.0", text, reason="exists")
        if not here.is_dry:
            with here.conn.transaction():
                hook_keys.store(
                    here.conn,
                    here.installation,
                    here.ids,
                    here.clock.now(),
                    made,
                    account_id=here.account_id,
                    dialect=here.dialect,
                    domain=thing.domain,
                )
        self._signing.add(thing.domain)
        return True
