"""The three kinds of credential at a running house: users, keys and tokens, who may sign in with what."""

from __future__ import annotations

import shutil
import smtplib
from pathlib import Path

import pytest
from bench.posthouse import free_port

from dkim_oracle import verified_signatures
from house import books
from house.conftest import Stores
from house.house import DOMAIN, Auth, House, Houses, letter, unique, until
from house.wire import Answer, Wire, b64, plain
from posthouse.desk.installation import FILE_NAME as KEY_FILE

NO = "535 5.7.8 Authentication failed"
BAD_KEY = "535 Authentication failed: The provided authorization grant is invalid, expired, or revoked"
NO_RIGHT = "535 Authentication failed: access forbidden"
BAD_TOKEN = "535 5.7.8 Authentication failed: Invalid API Token"
IS_KEY = "535 5.7.8 Authentication failed: this is an API key; use the SMTP password of this user"
FOREIGN_KEY = f"SG.{'a' * 22}.{'B' * 43}"


def answer_to(house: House, user: str, password: str, *, way: str = "plain") -> Answer:
    """The last answer of a sign-in with PLAIN or LOGIN, with all on one line or asked for."""
    answer = _said(house, user, password, way)
    if answer.code == 535:
        house.wire(signed_in=True).close()  # or the next refusal from this address comes late
    return answer


def _said(house: House, user: str, password: str, way: str) -> Answer:
    with house.wire() as wire:
        assert wire.say("EHLO client.test").code == 250
        if way == "plain":
            return wire.say(f"AUTH PLAIN {plain(user, password)}")
        if way == "plain asked":
            assert wire.say("AUTH PLAIN") == "334 "
            return wire.say(plain(user, password))
        if way == "login":
            assert wire.say(f"AUTH LOGIN {b64(user)}") == "334 UGFzc3dvcmQ6"
            return wire.say(b64(password))
        assert wire.say("AUTH LOGIN") == "334 VXNlcm5hbWU6"
        assert wire.say(b64(user)) == "334 UGFzc3dvcmQ6"
        return wire.say(b64(password))


WAYS = ("plain", "plain asked", "login", "login asked")


def new_domain(house: House) -> str:
    name = f"{unique('more')}.test"
    house.cli("domain", "add", name, "--assume-verified")
    return name


def sends(house: House, auth: Auth, domain: str = DOMAIN) -> None:
    """A letter of this credential arrives, signed by its domain."""
    recipient = f"{unique()}@good.test"
    sent = letter(recipient, sender=f"me@{domain}")
    with house.smtp(auth=auth) as client:
        assert client.sendmail(f"me@{domain}", [recipient], sent.raw) == {}
    content = house.internet.copy(recipient).content
    shown = house.cli("domain", "show", domain)
    records = {row["name"]: row["value"] for row in shown["records"] if row["kind"] == "TXT"}
    assert verified_signatures(content, records) == ["ph1"]
    assert house.event(recipient, "delivered")["domain"] == domain


# -- C-03 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_C_03_users_of_one_domain_each_send_with_a_password_of_their_own(house: House, way: str) -> None:
    logins = [f"{unique('user')}@{DOMAIN}" for _ in range(2)]
    auths = [Auth(login, house.add_user(login)) for login in logins]
    assert auths[0].password != auths[1].password
    for auth in auths:
        assert answer_to(house, *auth, way=way).code == 235
    assert answer_to(house, auths[0].user, auths[1].password, way=way) == NO
    assert answer_to(house, auths[1].user, auths[0].password, way=way) == NO


def test_C_03_mail_of_a_user_arrives_and_revoking_one_leaves_the_other(house: House) -> None:
    one, other = [f"{unique('user')}@{DOMAIN}" for _ in range(2)]
    auths = {login: Auth(login, house.add_user(login)) for login in (one, other)}
    sends(house, auths[one])
    house.cli("user", "revoke", one)
    until(lambda: answer_to(house, *auths[one]) == NO, 1.0, "the end of the user")
    sends(house, auths[other])


def test_C_03_a_users_login_counts_in_any_case_and_its_password_exactly(house: House) -> None:
    login = f"{unique('user')}@{DOMAIN}"
    password = house.add_user(login)
    assert answer_to(house, login.upper(), password).code == 235
    for user, given in [
        (login, password.upper()),
        (login, password + "x"),
        (login, password[:-1]),
        (login, ""),
        (login.partition("@")[0], password),
        (f"{login}.test", password),
        ("", password),
    ]:
        assert answer_to(house, user, given) == NO, (user, given)


# -- C-04 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_C_04_a_key_with_the_right_to_send_signs_in_as_apikey(house: House, way: str) -> None:
    auth = house.key()
    assert auth.password.startswith("SG.") and len(auth.password) == 69
    assert answer_to(house, *auth, way=way) == "235 Authentication successful"
    assert answer_to(house, "ApiKey", auth.password, way=way).code == 235


def test_C_04_a_key_sends_for_every_domain_of_the_account(house: House) -> None:
    domain = new_domain(house)
    auth = house.key()
    sends(house, auth)
    sends(house, auth, domain)


def test_C_04_a_key_of_one_domain_sends_for_that_domain_only(house: House) -> None:
    domain = new_domain(house)
    auth = house.key("--domain", domain)
    sends(house, auth, domain)
    recipient = f"{unique()}@good.test"
    code, text = house.refusal(recipient, letter(recipient, sender="me@bank.test"), auth=auth)
    assert code == 550 and text.startswith("The from address does not match a verified Sender Identity")
    assert house.events(recipient) == []


def test_C_04_a_key_without_the_right_to_send_is_refused(house: House) -> None:
    made = house.cli("key", "add", "--permission", "stats.read", "--permission", "mail.batch.create")
    for way in WAYS:
        assert answer_to(house, "apikey", made["key"], way=way) == NO_RIGHT
    both = house.cli("key", "add", "--permission", "stats.read", "--permission", "mail.send")
    assert answer_to(house, "apikey", both["key"]).code == 235


def test_C_04_an_unknown_key_and_a_revoked_one_are_refused(house: House) -> None:
    made = house.cli("key", "add", "--permission", "mail.send")
    other = house.key()
    assert answer_to(house, "apikey", made["key"]).code == 235
    for password in (FOREIGN_KEY, made["key"][:-1], made["key"] + "x", made["key"].lower(), "", "apikey"):
        assert answer_to(house, "apikey", password) == BAD_KEY, password
    assert answer_to(house, "apikey", house.password) == BAD_KEY
    assert answer_to(house, "api key", made["key"]).code == 535
    assert answer_to(house, made["key"], made["key"]).code == 535
    house.cli("key", "revoke", made["id"])
    until(lambda: answer_to(house, "apikey", made["key"]) == BAD_KEY, 1.0, "the end of the key")
    assert answer_to(house, *other).code == 235


def test_C_04_a_revoked_key_ends_an_open_session_within_a_second(house: House) -> None:
    made = house.cli("key", "add", "--permission", "mail.send")
    with house.wire() as wire:
        assert wire.sign_in("apikey", made["key"]).code == 235
        house.cli("key", "revoke", made["id"])

        def refused() -> bool:
            answer = wire.say(f"MAIL FROM:<orders@{DOMAIN}>")
            wire.say("RSET")
            return answer == BAD_KEY

        until(refused, 1.0, "the end of the session's rights")


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("way", WAYS)
def test_C_04_a_line_end_that_echo_left_behind_the_key_does_no_harm(house: House, way: str, end: str) -> None:
    auth = house.key()
    assert answer_to(house, auth.user, auth.password + end, way=way).code == 235


# -- C-05 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_C_05_the_token_is_user_and_password(house: House, way: str) -> None:
    token = house.token().user
    assert answer_to(house, token, token, way=way).startswith("235 2.7.0 ")
    assert answer_to(house, f" {token}", f"{token} ", way=way).code == 235  # its clients trim it


@pytest.mark.long
def test_C_05_a_token_sends_from_every_port_with_both_mechanisms(houses: Houses) -> None:
    ports = [free_port() for _ in range(3)]
    house = houses.new(settings={"smtp": {"listen": [f"127.0.0.1:{port}" for port in ports]}})
    token = house.token().user
    for port in [*ports, house.port_tls]:
        for line, next_line in (
            (f"AUTH PLAIN {plain(token, token)}", ""),
            (f"AUTH LOGIN {b64(token)}", token),
        ):
            recipient = f"{unique()}@good.test"
            with Wire(port, is_tls=port == house.port_tls) as wire:
                wire.say("EHLO client.test")
                if port != house.port_tls:
                    wire.start_tls()
                    wire.say("EHLO client.test")
                answer = wire.say(line)
                if next_line:
                    answer = wire.say(b64(next_line))
                assert answer.code == 235, (port, line, answer)
                house.hand_over(wire, recipient)
            house.internet.copy(recipient)


def test_C_05_mail_of_a_token_arrives_and_revoking_one_leaves_the_other(house: House) -> None:
    one, other = [house.cli("token", "add", DOMAIN) for _ in range(2)]
    sends(house, Auth(one["token"], one["token"]))
    house.cli("token", "revoke", one["id"])
    gone = Auth(one["token"], one["token"])
    until(lambda: answer_to(house, *gone) == BAD_TOKEN, 1.0, "the end of the token")
    sends(house, Auth(other["token"], other["token"]))


def test_C_05_anything_but_the_same_token_twice_is_refused(house: House) -> None:
    token, other = house.token().user, house.token().user
    unknown = "3f2b8c1e-0000-4000-8000-123456789abc"
    assert answer_to(house, unknown, unknown) == BAD_TOKEN
    for user, password in [
        (token, other),
        (token, ""),
        ("", token),
        (token, token.upper()),
        (token.upper(), token.upper()),
        (house.login, token),
        (token, house.password),
        ("apikey", token),
    ]:
        assert answer_to(house, user, password).code == 535, (user, password)


def test_C_05_a_token_writes_for_exactly_its_domain(house: House) -> None:
    domain = new_domain(house)
    auth = house.token(domain)
    sends(house, auth, domain)
    for sender in (f"me@{DOMAIN}", f"me@sub.{domain}", "me@bank.test", f"me@x{domain}"):
        recipient = f"{unique()}@good.test"
        code, text = house.refusal(recipient, letter(recipient, sender=sender), auth=auth)
        name = sender.partition("@")[2]
        assert (code, text.startswith(f"5.7.1 Domain not found: {name}")) == (550, True), text
        assert "Verified domain does not match domain in From address of email" in text
        assert house.events(recipient) == []


def test_C_05_a_client_that_puts_the_token_into_the_authorisation_identity_gets_in(house: House) -> None:
    token = house.token().user
    for parts in ((token, "", token), (token, token, token)):
        with house.wire() as wire:
            wire.say("EHLO client.test")
            assert wire.say(f"AUTH PLAIN {b64(chr(0).join(parts))}").code == 235, parts.index(token)


# -- C-06 ------------------------------------------------------------------------------------------------


@pytest.mark.long  # wrong passwords are answered slower and slower
def test_C_06_an_api_key_as_a_users_password_is_told_so(house: House) -> None:
    key = house.key().password
    native = house.key("--native").password
    for password in (key, native, FOREIGN_KEY, f"key-{'0123456789abcdef' * 2}", f"{key}\n"):
        for way in WAYS:
            assert answer_to(house, house.login, password, way=way) == IS_KEY, password
    # nobody learns in this way which users there are
    assert answer_to(house, f"nobody@{DOMAIN}", key) == IS_KEY


def test_C_06_another_domains_user_and_an_old_password_are_refused(house: House) -> None:
    domain = new_domain(house)
    login = f"app@{domain}"
    password = house.add_user(login)
    assert answer_to(house, f"app@{DOMAIN}", password) == NO
    assert answer_to(house, login, house.password) == NO
    with house.wire() as wire:
        assert wire.sign_in(login, password).code == 235
        new = house.cli("user", "reset", login)["password"]

        def refused() -> bool:
            answer = wire.say(f"MAIL FROM:<me@{domain}>")
            wire.say("RSET")
            return answer.startswith("535 5.7.8 Authentication failed")

        until(refused, 1.0, "the end of the session with the old password")
    assert answer_to(house, login, password) == NO
    sends(house, Auth(login, new), domain)


# -- C-07 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["user", "key", "token"])
def test_C_07_a_secret_is_shown_once_and_stored_as_a_hash_only(
    house: House, kind: str, tmp_path: Path
) -> None:
    secret, revoke = _made(house, kind)
    user = {"user": revoke, "key": "apikey", "token": secret}[kind]
    assert answer_to(house, user, secret).code == 235
    for way in WAYS:  # a slip in either half is no reason to write the other down
        assert answer_to(house, user, f"{secret}x", way=way).code == 535
        assert answer_to(house, f"{user}x", secret, way=way).code == 535
    with pytest.raises(smtplib.SMTPAuthenticationError), house.smtp(sign_in=False) as client:
        client.login(f"{secret}x", f"{secret}x")
    listed = str(house.cli_rows(kind, "list"))
    assert secret not in listed and revoke in listed
    (row,) = books.rows(house.store, f"select * from credential where login = '{revoke}'")
    assert secret.encode() not in bytes(row["secret_hash"]) and len(bytes(row["secret_hash"])) >= 32
    house.cli(kind, "revoke", revoke)
    until(lambda: answer_to(house, user, secret).code == 535, 1.0, "the end of it")
    house.command("backup", str(tmp_path / "copy.db"))
    for file in [*house.files(), tmp_path / "copy.db"]:
        content = file.read_bytes()
        for form in (secret, b64(secret), plain(user, secret), plain(secret, secret)):
            assert form.encode() not in content, (file, form)
    assert secret not in str(books.event_rows(house.store))


def _made(house: House, kind: str) -> tuple[str, str]:
    """(secret, the name by which it is revoked)."""
    if kind == "user":
        login = f"{unique('user')}@{DOMAIN}"
        return house.add_user(login), login
    if kind == "key":
        made = house.cli("key", "add", "--permission", "mail.send")
        return made["key"], made["id"]
    made = house.cli("token", "add", DOMAIN)
    return made["token"], made["id"]


def test_C_07_no_two_secrets_are_alike(house: House) -> None:
    for kind in ("user", "key", "token"):
        assert len({_made(house, kind)[0] for _ in range(20)}) == 20


# -- C-14 ------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_C_14_each_region_has_a_host_of_its_own_and_signing_in_at_the_other_fails(
    houses: Houses, stores: Stores
) -> None:
    here = houses.new(store=stores.fresh("postgresql"))
    there, domain = _other_region(houses, here), "europe.test"
    user, token = Auth(f"app@{domain}", there.passwords[f"app@{domain}"]), there.token(domain)
    key = there.key("--domain", domain)
    for auth in (user, token, key):
        sends(there, auth, domain)
        assert answer_to(here, *auth).code == 535
    for auth in (Auth(here.login, here.password), here.token(), here.key("--domain", DOMAIN)):
        assert answer_to(here, *auth).code == 235
        assert answer_to(there, *auth).code == 535
    both = here.key()  # belongs to the account, not to a domain
    sends(here, both)
    recipient = f"{unique()}@good.test"
    code, _ = here.refusal(recipient, letter(recipient, sender=f"me@{domain}"), auth=both)
    assert code == 550
    assert {row["name"]: row["region"] for row in here.cli_rows("domain", "list")} == {
        DOMAIN: "us",
        domain: "eu",
    }


@pytest.mark.long
def test_C_14_D_03_mail_of_one_region_is_signed_whoever_delivers_it(houses: Houses, stores: Stores) -> None:
    here = houses.new(store=stores.fresh("postgresql"))
    there = _other_region(houses, here)
    recipient = f"defer-2+{unique()}@good.test"
    sent = letter(recipient, sender="me@europe.test")
    there.submit(recipient, sent, sender="me@europe.test")
    there.event(recipient, "deferred")
    there.kill()
    content = here.internet.copy(recipient).content
    records = {
        row["name"]: row["value"]
        for row in here.cli("domain", "show", "europe.test")["records"]
        if row["kind"] == "TXT"
    }
    assert verified_signatures(content, records) == ["ph1"]
    here.kills += there.kills


def _other_region(houses: Houses, here: House) -> House:
    """The same installation's host in the region eu, with the domain europe.test."""
    there = House(
        here.folder.parent / unique("house"),
        houses.internet,
        store=here.store,
        settings={"": {"region": "eu"}},
    )
    shutil.copy(here.folder / KEY_FILE, there.folder)
    there.set_up("europe.test")
    houses.open.append(there)
    there.start()
    here.hellos.append(there.hostname)  # they share their books
    there.hellos.append(here.hostname)
    return there
