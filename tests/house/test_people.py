"""People and accounts of a running house: the first start, signing in, roles, revoking, suspending."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench.posthouse import wait_for

from browsing import Browser, Headers, Page
from house.conftest import Stores
from house.house import Auth, House, Houses, letter, unique, until
from patience import Watch
from posthouse.rules import totp

pytestmark = pytest.mark.long

OWN = "a password of one's own"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, shared_houses: Houses, stores: Stores) -> House:
    return shared_houses.new(store=stores.fresh(request.param))


def browser_of(house: House, **headers: str) -> Browser:
    """A browser on the house's HTTP port, a connection a request."""

    async def send(method: str, path: str, given: Headers, body: bytes) -> tuple[int, Headers, str]:
        connection = http.client.HTTPConnection("127.0.0.1", house.port_http, timeout=20)
        try:
            connection.request(method, path, body, dict(given))
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read().decode()
        finally:
            connection.close()

    return Browser(send, dict(headers))


async def sign_in(browser: Browser, email: str, password: str) -> Page:
    page = await browser.open("/sign-in")
    return await browser.submit(page.form("Sign in"), email=email, password=password)


async def choose(browser: Browser, page: Page, password: str = OWN) -> Page:
    assert page.title == "Choose a password", page.text
    return await browser.submit(page.form("Save and sign in"), password=password, again=password)


async def settled(house: House, email: str) -> Browser:
    """A browser in which a new person of that address is signed in with a password of their own."""
    browser = browser_of(house)
    given = house.cli("person", "reset", email)["password"]
    page = await choose(browser, await sign_in(browser, email, given))
    assert page.title == "First message", page.text
    return browser


def code_now(secret: str) -> str:
    return totp.code_at(totp.parse_secret(secret), totp.step_at(time.time()))


class Starts:
    """`posthouse serve` with its standard output apart from its log."""

    def __init__(self, house: House) -> None:
        self.house = house

    def once(self, *words: str) -> tuple[str, str]:
        """Start, wait for the door, stop; (standard output, log)."""
        folder = self.house.folder
        with (folder / "out.txt").open("w") as out, (folder / "err.txt").open("w") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "posthouse", "serve", *words, "--config", str(self.house.config)],
                cwd=folder,
                env=self.house.env,
                stdout=out,
                stderr=err,
            )
            try:
                wait_for(self._answers, 60, "the HTTP door")
            finally:
                process.terminate()
                process.wait(60)
        return (folder / "out.txt").read_text(), (folder / "err.txt").read_text()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.house.port_http, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def test_W_01_the_first_start_prints_the_owners_password_once_and_never_into_the_log(
    houses: Houses,
) -> None:
    house = houses.new(starts=False)
    starts = Starts(house)
    out, log = starts.once()
    password = re.search(r"^  password  (\S+)$", out, re.M)
    assert password and f"owner@{house.hostname}" in out
    assert password[1] not in log
    again, log = starts.once()
    assert again == ""
    assert password[1] not in log
    (owner,) = house.cli_rows("person", "list")
    assert (owner["email"], owner["role"], owner["must_change"]) == (f"owner@{house.hostname}", "owner", True)
    for file in house.files():
        if file.name != "out.txt":
            assert password[1].encode() not in file.read_bytes(), file


def test_W_01_who_adds_an_owner_first_gets_no_other(houses: Houses) -> None:
    house = houses.new(starts=False)
    house.cli("person", "add", "me@shop.test", "--role", "owner")
    out, _ = Starts(house).once("--json")
    assert out == ""
    assert [row["email"] for row in house.cli_rows("person", "list")] == ["me@shop.test"]


async def test_W_01_signing_in_with_the_first_password_works_once_and_asks_for_another(
    houses: Houses,
) -> None:
    house = houses.new(starts=False)
    out, _ = Starts(house).once("--json")
    facts = json.loads(out)
    assert facts.keys() == {"owner", "owner_password"}
    house.start()
    browser = browser_of(house)
    page = await sign_in(browser, facts["owner"], facts["owner_password"])
    assert (await browser.open("/account")).title == "Choose a password"
    page = await choose(browser, page)
    assert page.title == "First message", "nothing was sent yet"
    page = await browser.open("/account")
    assert page.title == "Your account" and "default , owner" in page.text
    assert (await sign_in(browser_of(house), facts["owner"], facts["owner_password"])).status == 403
    assert (await sign_in(browser_of(house), facts["owner"], OWN)).title == "First message"


async def test_W_01_signing_in_asks_for_a_code_once_it_was_turned_on(house: House) -> None:
    email = f"{unique('ann')}@shop.test"
    house.cli("person", "add", email)
    browser = await settled(house, email)
    page = await browser.open("/account")
    page = await browser.submit(page.form("Go on", do="totp-start"), current=OWN)
    form = page.form("Turn on")
    page = await browser.submit(form, code=code_now(form.fields["secret"]))
    codes = re.findall(r"<code>(\w{5}-\w{5})</code>", page.html)
    assert len(codes) == 8
    other = browser_of(house)
    page = await sign_in(other, email, OWN)
    assert page.title == "Your code"
    assert (await other.open("/account")).title == "Your code", "the password alone opens nothing"
    used = await other.submit(page.form("Go on"), code=code_now(form.fields["secret"]))
    assert used.status in (200, 403)  # 403: still the step that turned it on
    page = await other.submit(page.form("Go on"), code=codes[0]) if used.status == 403 else used
    assert page.title == "First message"
    house.cli("person", "totp", email, "--off")
    assert (await sign_in(browser_of(house), email, OWN)).title == "First message"


async def test_W_01_an_owner_and_a_viewer_are_told_what_they_may(house: House) -> None:
    said = {}
    for role in ("owner", "viewer"):
        email = f"{unique(role)}@shop.test"
        house.cli("person", "add", email, "--role", role)
        said[role] = (await (await settled(house, email)).open("/account")).text
    assert "You may see and change everything." in said["owner"]
    assert "You may see everything and change nothing." in said["viewer"]


async def until_out(browser: Browser, seconds: float = 1.0) -> None:
    """The session must have ended within a second. Every request is asked anew, so no sleeping."""
    watch = Watch()
    while (page := await browser.open("/account")).title != "Sign in":
        assert not watch.is_over(seconds), page.text


async def test_W_01_a_session_revoked_on_the_command_line_is_out_within_a_second(house: House) -> None:
    email = f"{unique('ann')}@shop.test"
    house.cli("person", "add", email)
    browser = await settled(house, email)
    other = browser_of(house, **{"User-Agent": "the other one"})
    await sign_in(other, email, OWN)
    rows = house.cli_rows("person", "sessions", email)
    (doomed,) = [row["id"] for row in rows if row["agent"] == "the other one"]
    house.cli("person", "sign-out", email, "--session", doomed)
    await until_out(other)
    assert (await browser.open("/account")).title == "Your account"
    house.cli("person", "sign-out", email, "--all")
    await until_out(browser)


ENDS: dict[str, Callable[[House, str], Any]] = {
    "a new password": lambda house, email: house.cli("person", "reset", email),
    "a lower role": lambda house, email: house.cli("person", "role", email, "viewer"),
    "the end of the membership": lambda house, email: house.cli("person", "remove", email),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_W_01_a_session_ends_with(house: House, end: Callable[[House, str], Any]) -> None:
    email = f"{unique('ann')}@shop.test"
    house.cli("person", "add", email, "--role", "developer")
    browser = await settled(house, email)
    end(house, email)
    await until_out(browser)


async def test_S20_a_person_sees_and_ends_nothing_of_another_account(house: House) -> None:
    acme = unique("acme")
    house.cli("account", "add", acme)
    eve, ann = f"{unique('eve')}@shop.test", f"{unique('ann')}@shop.test"
    house.cli("person", "add", eve, "--role", "owner", "--account", acme)
    house.cli("person", "add", ann, "--role", "owner")
    theirs = browser_of(house)
    given = house.cli("person", "reset", eve, "--account", acme)["password"]
    await choose(theirs, await sign_in(theirs, eve, given))
    browser = await settled(house, ann)
    page = await browser.open("/account")
    assert acme not in page.html and eve not in page.html
    (session,) = house.cli_rows("person", "sessions", eve, "--account", acme)
    said = []
    for wanted in (session["id"], "0" * 32):
        form = page.form("Sign out").fields | {"do": "end", "session": wanted}
        answer = await browser.post("/account", form)
        said.append((answer.status, re.sub(r"last used [^U]*", "", answer.text)))
    assert said[0] == said[1]
    assert (await theirs.open("/account")).title == "Your account"
    refusals = []
    for email in (eve, f"{unique('nobody')}@shop.test"):
        told = house.command("person", "reset", email, check=False)
        refusals.append(told.replace(email, "X"))
    assert refusals[0] == refusals[1]


def test_S22_nothing_that_opens_is_in_the_store_or_the_log(house: House, tmp_path: Path) -> None:
    email = f"{unique('ann')}@shop.test"
    given = house.cli("person", "add", email)["password"]
    for place in house.files():
        assert given.encode() not in place.read_bytes(), place


# -- accounts ------------------------------------------------------------------------------------------


def account_with_user(house: House) -> tuple[str, Auth, str]:
    """A new account, its user, and its domain."""
    name = unique("acme")
    domain = f"{name}.test"
    house.cli("account", "add", name)
    house.cli("domain", "add", domain, "--assume-verified", "--account", name)
    made = house.cli("user", "add", f"app@{domain}", "--account", name)
    return name, Auth(made["login"], made["password"]), domain


def answer_to(house: House, auth: Auth) -> str:
    """What is said to somebody who signs in."""
    with house.wire() as wire:
        return str(wire.sign_in(auth.user, auth.password))


def test_W_02_nobody_of_a_suspended_account_sends_until_it_is_resumed(house: House) -> None:
    name, auth, domain = account_with_user(house)
    sender = f"app@{domain}"
    recipient = f"{unique()}@good.test"
    with house.wire() as wire:
        assert wire.sign_in(auth.user, auth.password).code == 235
        house.cli("account", "suspend", name)

        def refused() -> bool:
            answer = wire.say(f"MAIL FROM:<{sender}>")
            wire.say("RSET")
            return answer == "535 5.7.8 Authentication failed: this account is disabled"

        until(refused, 1.0, "the end of the open session's rights")
    assert answer_to(house, auth) == "535 5.7.8 Authentication failed: this account is disabled"
    assert answer_to(house, Auth(auth.user, "guessed")) == "535 5.7.8 Authentication failed"
    house.submit(f"{unique()}@good.test")  # other accounts do not notice
    house.cli("account", "resume", name)

    until(lambda: answer_to(house, auth).startswith("235"), 1.5, "the end of the suspension")
    house.submit(recipient, letter(recipient, sender=sender), sender=sender, auth=auth)
    house.event(recipient, "delivered")


def test_W_02_queued_mail_of_a_suspended_account_waits_and_goes_on(house: House) -> None:
    name, auth, domain = account_with_user(house)
    sender = f"app@{domain}"
    recipient = f"defer-1+{unique()}@good.test"
    house.submit(recipient, letter(recipient, sender=sender), sender=sender, auth=auth)
    house.event(recipient, "deferred")
    house.cli("account", "suspend", name)

    def is_shown() -> bool:
        lanes = house.cli_rows("queue", "--account", name)
        return [(lane["suspended"], lane["waiting"]) for lane in lanes] == [(True, 1)]

    until(is_shown, 5.0, "the lane that waits")
    # somebody else's letter that is accepted and deferred after it overtakes it
    other = f"defer-1+{unique()}@good.test"
    house.submit(other)
    house.event(other, "delivered")
    if house.state(recipient) != "delivered":  # its second attempt may have been under way already
        assert house.state(recipient) == "waiting"
        assert not house.events(recipient, "delivered")
    house.cli("account", "resume", name)
    house.event(recipient, "delivered")


def test_W_02_an_account_is_removed_with_its_mail_only_by_force(house: House) -> None:
    name, auth, domain = account_with_user(house)
    recipient = f"{unique()}@dead.test"
    sender = f"app@{domain}"
    house.submit(recipient, letter(recipient, sender=sender), sender=sender, auth=auth)
    until(lambda: house.cli("account", "show", name)["contents"].get("queued") == 1, 5, "the queued mail")
    told = house.command("account", "remove", name, check=False)
    assert told == ""
    assert name in [row["name"] for row in house.cli_rows("account", "list")]
    until(lambda: house.state(recipient) == "waiting", 20, "the end of the first attempt")
    gone = house.cli("account", "remove", name, "--force")
    assert gone["contents"]["domains"] == 1
    house.event(recipient, "cancelled")
    assert name not in [row["name"] for row in house.cli_rows("account", "list")]
    until(lambda: answer_to(house, auth) == "535 5.7.8 Authentication failed", 2.0, "the end of its users")
