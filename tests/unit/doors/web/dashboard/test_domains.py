"""The pages of domains: a new one, its records as DNS has them, keys, settings, sandbox, end (W-04, S20)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from posthouse.desk import published, verification
from posthouse.mail.dkim import RSA_SHA256, new_key
from posthouse.model.account import Domain, Role
from posthouse.rules.checks import Check, State
from posthouse.rules.records import needed
from posthouse.store import audit, domain_checks, identity
from posthouse.store.audit import Query
from posthouse.store.domain_keys import keys_of
from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN
from unit.doors.web.dashboard.desk import Desk

DOMAINS = "/accounts/default/domains"
HERE = f"{DOMAINS}/{DOMAIN}"


@pytest.fixture
def in_dns(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What DNS has, by name."""
    found: dict[str, list[str]] = {}
    monkeypatch.setattr(published, "texts_at", lambda name, servers: found.get(name, []))
    return found


async def _domain(desk: Desk, name: str = DOMAIN) -> Domain:
    found = await desk.api.store.read(identity.find_domain, name)
    assert isinstance(found, Domain)
    return found


async def _settled(desk: Desk, state: State) -> None:
    """Write down a look at DNS that found every record so."""
    domain, settings = await _domain(desk), desk.api.parts.settings
    keys = await desk.api.store.read(keys_of, domain.id)

    def settle(conn: Any) -> None:
        from posthouse.desk import domain_checks as desk_checks

        sender = desk_checks.sender_of(conn, settings, domain.account_id)
        checks = [Check(each, state, "v=old", "What to do.") for each in needed(domain, keys, sender)]
        verification.settle(conn, domain, checks, desk.api.clock.now(), settings)

    await desk.api.write(settle)


async def test_W_04_a_new_domain_shows_its_records_with_buttons_to_copy(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.fill(
        await browser.open(DOMAINS), "Add domain", name="Mail.New.test", has_ed25519="yes"
    )
    assert page.path == f"{DOMAINS}/mail.new.test" and "is added" in page.text
    assert "ph1._domainkey.mail.new.test" in page.text and "not looked at yet" in page.text
    assert page.html.count("data-copy=") > 10
    keys = await desk.api.store.read(keys_of, (await _domain(desk, "mail.new.test")).id)
    assert {key.algorithm for key in keys} == {"rsa-sha256", "ed25519-sha256"}
    page = await browser.open(DOMAINS)
    assert "mail.new.test" in page.text and "not verified" in page.text


async def test_W_04_a_sandbox_writes_to_whom_it_is_told(desk: Desk) -> None:
    browser = await desk.browser()
    await browser.fill(await browser.open(DOMAINS), "Add domain", name="box.test", is_sandbox="yes")
    page = await browser.open(f"{DOMAINS}/box.test")
    page = await browser.fill(page, "Authorise", address="Ann@Good.test")
    assert (await _domain(desk, "box.test")).settings.authorised == ("ann@good.test",)
    page = await browser.press(page, "Remove", address="ann@good.test")
    assert (await _domain(desk, "box.test")).settings.authorised == ()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.OK, "✓ there"),
        (State.MISSING, "✗ missing"),
        (State.WRONG, "Found:"),
        (State.UNKNOWN, "did not answer"),
    ],
)
async def test_W_04_each_record_tells_how_it_stands(desk: Desk, state: State, words: str) -> None:
    await _settled(desk, state)
    browser = await desk.browser(Role.VIEWER)
    assert words in (await browser.open(HERE)).text


async def test_W_04_the_piece_with_the_records_comes_only_when_it_changed(desk: Desk) -> None:
    await _settled(desk, State.MISSING)
    browser = await desk.browser()
    page = await browser.open(HERE)
    poll = page.html.partition('hx-get="')[2].partition('"')[0].replace("&amp;", "&")
    assert (await browser.open(poll)).status == 204
    desk.api.clock.advance(60)
    await _settled(desk, State.OK)
    page = await browser.open(poll)
    assert page.status == 200 and "✓ there" in page.text and "<html" not in page.html


async def test_W_04_who_watches_missing_records_has_them_looked_at_soon_but_not_all_the_time(
    desk: Desk,
) -> None:
    await _settled(desk, State.MISSING)
    domain, browser = await _domain(desk), await desk.browser()

    async def next_look() -> float:
        await browser.open(f"{HERE}/records?look=yes")
        row = await desk.api.store.read(domain_checks.find, domain.id)
        assert row is not None
        return float(row.next_at)

    assert await next_look() > desk.api.clock.now()
    desk.api.clock.advance(29.5)
    assert await next_look() == desk.api.clock.now()
    await _settled(desk, State.OK)
    desk.api.clock.advance(3600)
    assert await next_look() > desk.api.clock.now() + 3600 or await next_look() != desk.api.clock.now()
    assert await desk.api.store.read(audit.search, Query(desk.api.account_id)) == []


async def test_W_04_settings_are_read_as_the_command_reads_them(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.open(f"{HERE}/settings")
    page = await browser.fill(
        page, "Save settings", track_clicks="html", daily_messages="500", page_name="Shop"
    )
    settings = (await _domain(desk)).settings
    assert (settings.track_clicks, settings.daily_messages, settings.page_name) == ("html", 500, "Shop")
    page = await browser.fill(page, "Save settings", page_colour="red", page_name="")
    assert page.status == 400 and "page_colour cannot be" in page.text
    assert page.form("Save settings").fields["page_colour"] == "red"
    page = await browser.fill(await browser.open(f"{HERE}/settings"), "Save settings", page_name="")
    assert (await _domain(desk)).settings.page_name == "" and "saved" in page.text
    page = await browser.fill(page, "Save settings")
    assert "Nothing was changed." in page.text


async def test_W_04_a_key_signs_once_dns_has_its_record(desk: Desk, in_dns: dict[str, list[str]]) -> None:
    browser = await desk.browser()
    page = await browser.fill(
        await browser.open(f"{HERE}/keys"), "Add key", selector="s7", algorithm="ed25519-sha256"
    )
    assert "s7._domainkey.shop.test" in page.text and "standby" in page.text
    page = await browser.press(page, "Let it sign", selector="s7")
    assert page.status == 400 and "DNS has nothing" in page.text
    domain = await _domain(desk)
    (new,) = [key for key in await desk.api.store.read(keys_of, domain.id) if key.selector == "s7"]
    in_dns["s7._domainkey.shop.test"] = [f"v=DKIM1; k=ed25519; p={new.public}"]
    page = await browser.press(page, "Let it sign", selector="s7")
    assert "Mail is signed with" in page.text, page.text
    assert "retiring" in page.text
    states = {key.selector: key.state for key in await desk.api.store.read(keys_of, domain.id)}
    assert states["s7"] == "active"


async def test_S22_a_key_that_is_brought_along_is_never_shown(desk: Desk) -> None:
    browser = await desk.browser()
    private = base64.b64encode(new_key(RSA_SHA256)[0]).decode()
    page = await browser.fill(await browser.open(f"{HERE}/keys"), "Add key", selector="own", private=private)
    assert "own stands by" in page.text and private[40:80] not in page.html


async def test_W_04_a_certificate_that_is_none_is_refused_in_words(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.open(f"{HERE}/keys")
    page = await browser.fill(page, "Install certificate", chain="marker-1", private="marker-2-secret")
    assert page.status == 400 and 'role="alert"' in page.html and "marker-2-secret" not in page.html


async def test_W_04_a_domain_goes_with_what_it_has(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.press(await browser.open(HERE), "Remove domain")
    assert page.path == DOMAINS and f"{DOMAIN} is removed" in page.text
    assert await desk.api.store.read(identity.find_domain, DOMAIN) is None


@pytest.mark.parametrize("path", ["", "/records", "/keys", "/settings"])
@pytest.mark.parametrize("name", [OTHER_DOMAIN, "nobodys.test", "%20", "a%2Fb"])
async def test_S20_anothers_domain_is_answered_like_none(desk: Desk, path: str, name: str) -> None:
    page = await (await desk.browser()).open(f"{DOMAINS}/{name}{path}")
    assert (page.status == 404 and "There is no such" in page.text) or page.status == 404


async def test_S20_a_domain_of_another_account_is_not_taken(desk: Desk, in_dns: dict[str, list[str]]) -> None:
    browser = await desk.browser()
    page = await browser.fill(await browser.open(DOMAINS), "Add domain", name=OTHER_DOMAIN)
    assert page.status == 400 and "posthouse-claim=" in page.text
    value = page.text.partition("posthouse-claim=")[2].split()[0]
    page = await browser.fill(await browser.open(DOMAINS), "Add domain", name=OTHER_DOMAIN, claims="yes")
    assert page.status == 400 and "DNS has nothing there" in page.text
    in_dns[f"_posthouse-claim.{OTHER_DOMAIN}"] = [f"posthouse-claim={value}"]
    page = await browser.fill(await browser.open(DOMAINS), "Add domain", name=OTHER_DOMAIN, claims="yes")
    assert page.status == 200
    assert (await _domain(desk, OTHER_DOMAIN)).account_id == desk.api.account_id


@pytest.mark.parametrize("path", [DOMAINS, HERE, f"{HERE}/keys", f"{HERE}/settings"])
async def test_a_viewer_looks_and_changes_nothing(desk: Desk, path: str) -> None:
    browser = await desk.browser(Role.VIEWER)
    page = await browser.open(path)
    assert page.status == 200 and [form.action for form in page.forms] == ["/sign-out"]
    token = page.form("Sign out").fields["token"]
    for do in ("add", "remove", "save", "look"):
        page = await browser.post(path, {"token": token, "do": do, "name": "x.test"})
        assert page.status in (400, 403)
    assert await desk.api.store.read(audit.search, Query(desk.api.account_id)) == []
