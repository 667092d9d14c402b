"""When credentials end by themselves: how it is written, and that they are out everywhere in the view."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from posthouse.desk import accounts, credentials, expiry, keys
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.terms import Terms
from posthouse.model.account import CredentialKind
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store.connection import Connection
from unit.doors.api.calling import DOMAIN, INSTALLATION, Api, open_api

NOW = 1_700_000_000.0
DAY = 86400
KEY = CredentialKind.API_KEY


@pytest_asyncio.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90d", NOW + 90 * DAY),
        (" 12h ", NOW + 12 * 3600),
        ("2w", NOW + 14 * DAY),
        ("1s", NOW + 1),
        ("2027-01-31", 1_801_353_600.0),
        ("2027-01-31T12:00:30", 1_801_396_830.0),
        ("2027-01-31T12:00+02:00", 1_801_389_600.0),
        ("Never", math.inf),
    ],
)
def test_C_07_an_expiry_is_a_span_a_day_an_instant_or_never(text: str, at: float) -> None:
    assert expiry.parse_expiry(text, NOW) == at


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is no time"),
        ("soon", "is no time"),
        ("1_0d", "is no time"),
        ("٣d", "is no time"),
        ("0d", "in the future"),
        ("2020-01-31", "in the future"),
        ("99999d", "a hundred years"),
        ("9999-01-01", "a hundred years"),
    ],
)
def test_C_07_an_expiry_that_cannot_be_is_refused(text: str, part: str) -> None:
    with pytest.raises(Refused, match=part):
        expiry.parse_expiry(text, NOW)


async def test_C_07_what_has_expired_is_nobody_any_more_without_a_change_of_the_store(api: Api) -> None:
    made = await api.write(_three, api.ids, api.clock.now())
    view = IdentityView(INSTALLATION, "us", clock=api.clock)
    await view.refresh(api.store)
    known = [view.recognise(*each) for each in made]
    assert all(known)
    version = view.version
    api.clock.advance(59)
    assert not await view.refresh(api.store), "nothing changed"
    api.clock.advance(1)
    assert await view.refresh(api.store) and view.version == version
    assert [view.recognise(*each) for each in made] == [None, None, None]
    assert [view.current(each) for each in known if each] == [None, None, None]
    assert view.kind_of(made[1][1]) is None
    assert not await view.refresh(api.store), "once is enough"


async def test_C_07_what_has_expired_is_listed_and_can_be_given_another_day(api: Api) -> None:
    made = await api.write(_three, api.ids, api.clock.now())
    api.clock.advance(60)
    now = api.clock.now()
    (row,) = [row for row in await api.read(credentials.listing, api.account_id) if row["expires_at"]]
    assert row["login"] == made[0][0] and row["expires_at"] == now
    ids = [row["id"] for row in await api.read(keys.listing, api.account_id, KEY) if row["expires_at"]]
    of_it = {"account_id": api.account_id, "login": made[0][0]}
    with pytest.raises(Refused, match="has expired: give it another day"):
        await api.write(credentials.reset, INSTALLATION, api.ids, now, **of_it)
    await api.write(credentials.change, **of_it, terms=Terms(expires_at=now + 1))
    await api.write(credentials.reset, INSTALLATION, api.ids, now, **of_it)
    key = {"account_id": api.account_id, "kind": KEY, "id": ids[0]}
    assert (await api.write(keys.change, **key, terms=Terms(messages="5"))).expires_at == now
    assert (await api.write(keys.change, **key, terms=Terms(expires_at=expiry.NEVER))).expires_at is None
    await api.all_parts.identity.refresh(api.store)
    assert api.all_parts.identity.recognise(*made[1]) is not None


def _three(conn: Connection, ids: Ids, now: float) -> list[tuple[str, str]]:
    """A user, a key and a token that end in a minute, as they sign in."""
    account_id, terms = accounts.own_account(conn), Terms(expires_at=now + 60)
    start = conn, INSTALLATION, ids, now
    user = credentials.issue(*start, account_id=account_id, login=f"short@{DOMAIN}", terms=terms)
    key = keys.issue_key(*start, account_id=account_id, opening="ph_", dialect="native", terms=terms)
    token = keys.issue_token(*start, account_id=account_id, domain=DOMAIN, dialect="mailpace", terms=terms)
    return [(user.login, user.password), ("apikey", key.secret), (token.secret, token.secret)]
