"""doors.api.service and split: who calls, may they, and what they are told when not."""

from __future__ import annotations

import pytest

from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN, Api, Key


async def test_the_fixture_has_two_accounts_with_keys(any_api: Api) -> None:
    api = any_api
    assert api.accepted() == [] and api.events() == []
    found = {account for (account,) in api.rows("select name from account")}
    assert found == {"default", "other"}
    owners = dict(api.rows("select name, account_id from domain"))
    assert owners == {DOMAIN: api.account_id, OTHER_DOMAIN: api.other_id}
    identity = api.all_parts.identity
    for key in (api.full, api.sending, api.bound):
        principal = identity.recognise("apikey", key.secret)
        assert principal is not None and principal.account_id == api.account_id
    assert identity.recognise(api.token.secret, api.token.secret)


@pytest.mark.parametrize(
    ("path", "how", "status"),
    [
        ("/v3/nothing", {"key": "SG.x"}, 404),
        ("/v3/nothing", {"basic": "x"}, 404),
        ("/api/v1/nothing", {"token": "x"}, 404),
        ("/posthouse/v1/nothing", {"key": "x"}, 404),
    ],
    ids=["sendgrid", "mailgun", "mailpace", "native"],
)
async def test_an_unknown_path_is_never_200(api: Api, path: str, how: dict[str, Key], status: int) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        reply = await api.call(method, path, **how)
        assert reply.status == status and reply.headers["content-type"].startswith("application/")
        assert reply.json()
    assert api.rest == []
