"""What this server says of a failed test of itself: exact for the account's own things, and no others'."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from posthouse.desk import credentials, keys
from posthouse.desk.probe_own import own_advice
from posthouse.model.account import CredentialKind
from posthouse.model.probe import ProbeEnd, ProbeStep, ProbeWish
from posthouse.rules.probe_advice import Advice
from unit.doors.api.calling import DOMAIN, INSTALLATION, OTHER_DOMAIN, Api, open_api

USER = f"app@{DOMAIN}"
REFUSED = ProbeEnd(ProbeStep.AUTH, "refused", 535, "5.7.8", "Authentication failed")


@pytest_asyncio.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(tmp_path) as opened:
        yield opened


async def user(api: Api, login: str = USER) -> str:
    issued = await api.write(
        credentials.issue,
        INSTALLATION,
        api.ids,
        api.clock.now(),
        account_id=api.account_id if login.endswith(DOMAIN) else api.other_id,
        login=login,
    )
    return str(issued.password)


async def asked(
    api: Api, login: str, password: str, *, end: ProbeEnd = REFUSED, account_id: str = "", sender: str = USER
) -> Advice | None:
    wish = ProbeWish(
        "localhost", 587, user=login, password=password, sender=sender, recipient="ann@good.test"
    )
    found = await api.read(
        own_advice, INSTALLATION, "us", api.clock.now(), account_id or api.account_id, wish, end
    )
    return found[0] if found else None


async def word(api: Api, login: str, password: str, **more: object) -> str:
    found = await asked(api, login, password, **more)  # type: ignore[arg-type]
    return found.word if found else ""


async def test_W_02_an_old_password_is_told_with_its_end(api: Api) -> None:
    old = await user(api)
    await api.write(
        credentials.reset, INSTALLATION, api.ids, api.clock.now(), account_id=api.account_id, login=USER
    )
    found = await asked(api, USER, old)
    assert found is not None and found.word == "old-password" and "when it was reset" in found.text


async def test_W_02_each_mistake_has_its_own_words(api: Api) -> None:
    password = await user(api)
    second = await user(api, f"news@{DOMAIN}")
    assert await word(api, USER, "something else") == "wrong-password"
    assert await word(api, USER, second) == "other-users-password"
    assert await word(api, f"ap@{DOMAIN}", "something") == "no-user"
    assert await word(api, "app", "something") == "user-form"
    assert await word(api, "apikey", "something") == "wrong-key"
    assert await word(api, USER, api.sending.secret) == "key-as-password"
    assert await word(api, USER, api.token.secret) == "token-twice"
    assert await word(api, USER, password) == "right-now"
    await api.write(credentials.revoke, api.clock.now(), account_id=api.account_id, login=USER)
    assert await word(api, USER, password) == "removed"


async def test_W_02_a_user_that_is_meant_is_named(api: Api) -> None:
    await user(api)
    found = await asked(api, f"ap@{DOMAIN}", "something")
    assert found is not None and f"Did you mean {USER}?" in found.text


async def test_W_02_a_key_that_may_not_send(api: Api) -> None:
    key = await api.issue(["stats.read"])
    assert await word(api, "apikey", key.secret) == "no-permission"
    await api.write(
        keys.revoke, api.clock.now(), account_id=api.account_id, kind=CredentialKind.API_KEY, id=key.id
    )
    assert await word(api, "apikey", key.secret) == "revoked"


async def test_W_02_the_senders_domain(api: Api) -> None:
    await api.add_domain("fresh.test", is_verified=False)
    end = ProbeEnd(ProbeStep.CONTENT, "refused", 550, "5.7.1", "Sender not authorized", is_signed_in=True)
    assert await word(api, USER, "x", end=end, sender="a@nobodys.test") == "no-domain"
    assert await word(api, USER, "x", end=end, sender="a@mail.fresh.test") == "unverified"
    assert await word(api, USER, "x", end=end) == ""


async def test_S20_what_is_anothers_is_answered_like_what_does_not_exist(api: Api) -> None:
    theirs = await user(api, f"app@{OTHER_DOMAIN}")
    mine = await asked(api, f"app@{OTHER_DOMAIN}", theirs)
    nobodys = await asked(api, "app@nobodys.test", "whatever")
    assert mine is not None and nobodys is not None
    assert mine.text.replace(OTHER_DOMAIN, "nobodys.test") == nobodys.text
    assert await word(api, "apikey", api.others.secret) == "wrong-key"
    end = ProbeEnd(ProbeStep.CONTENT, "refused", 550)
    theirs_domain = await asked(api, USER, "x", end=end, sender=f"a@{OTHER_DOMAIN}")
    unknown = await asked(api, USER, "x", end=end, sender="a@nobodys.test")
    assert theirs_domain is not None and unknown is not None
    assert theirs_domain.text.replace(OTHER_DOMAIN, "nobodys.test") == unknown.text
