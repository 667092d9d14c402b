"""Connecting and signing in, at a running house over real sockets."""

from __future__ import annotations

import smtplib
from pathlib import Path

import pytest
from bench.posthouse import free_port

from house import books
from house.house import DOMAIN, House, Houses, letter, unique, until
from house.wire import Answer, Wire, b64, plain


@pytest.mark.parametrize("way", ["clear", "starttls", "tls"])
def test_C_01_letters_come_in_clear_over_starttls_and_over_tls(house: House, way: str) -> None:
    recipient = f"{unique()}@good.test"
    with house.smtp(is_tls=way == "tls", starttls=way == "starttls") as client:
        assert client.sendmail(f"orders@{DOMAIN}", [recipient], letter(recipient).raw) == {}
    arrival = house.internet.copy(recipient)
    word = "ESMTPA" if way == "clear" else "ESMTPSA"
    assert f"with {word} id".encode() in arrival.content


def test_C_01_every_port_and_which_are_on_is_configurable(houses: Houses) -> None:
    ports = [free_port() for _ in range(3)]
    listen = [f"127.0.0.1:{port}" for port in ports]
    house = houses.new(settings={"smtp": {"listen": listen, "listen_tls": []}})
    for port in ports:
        with Wire(port) as wire:
            assert wire.greeting == f"220 {house.hostname} ESMTP Posthouse ready"
            assert "STARTTLS" in wire.say("EHLO me.test")
            wire.start_tls()
            assert "STARTTLS" not in wire.say("EHLO me.test")
    with pytest.raises(ConnectionRefusedError):
        Wire(house.port_tls, is_tls=True)


@pytest.mark.parametrize("is_tls", [False, True], ids=["clear", "tls"])
def test_C_02_plain_and_login_with_and_without_initial_response(house: House, is_tls: bool) -> None:
    login, password = b64(house.login), b64(house.password)
    ways = [
        [(f"AUTH PLAIN {plain(house.login, house.password)}", "235")],
        [("auth plain", "334 "), (plain(house.login, house.password), "235")],
        [("AUTH LOGIN", "334 VXNlcm5hbWU6"), (login, "334 UGFzc3dvcmQ6"), (password, "235")],
        [(f"AUTH LOGIN {login}", "334 UGFzc3dvcmQ6"), (password, "235")],
    ]
    for way in ways:
        with house.wire(is_tls=is_tls) as wire:
            assert "AUTH PLAIN LOGIN" in wire.say("EHLO me.test")
            for line, answer in way:
                got = wire.say(line)
                assert got == answer if answer.startswith("334") else got.startswith(answer), (way, got)


def test_C_03_several_users_of_a_domain_each_revocable_alone(house: House) -> None:
    logins = [f"{unique('user')}@{DOMAIN}" for _ in range(3)]
    for login in logins:
        house.add_user(login)
    assert set(logins) <= {row["login"] for row in house.cli_rows("user", "list")}
    house.cli("user", "revoke", logins[1])
    until(lambda: _sign_in(house, logins[1]).code == 535, 1.0, f"the end of {logins[1]}")
    assert [_sign_in(house, login).code for login in logins] == [235, 535, 235]


def _sign_in(house: House, login: str, password: str = "") -> Answer:
    """The answer to AUTH, with the user's password unless another one is given."""
    with house.wire() as wire:
        return wire.sign_in(login, password or house.passwords[login])


def test_C_03_the_user_name_is_the_full_address(house: House) -> None:
    with house.wire() as wire:
        assert wire.sign_in("app", house.password) == "535 5.7.8 Authentication failed"
        assert wire.say(f"AUTH PLAIN {plain(house.login.upper(), house.password)}").code in (235, 535)


def test_C_11_a_user_cannot_write_for_a_domain_of_somebody_else(house: House) -> None:
    recipient = f"{unique()}@good.test"
    with house.wire(signed_in=True) as wire:
        answer = house.hand_over(wire, recipient, letter(recipient, sender="boss@bank.test"))
    assert answer.startswith("550 5.7.1 Domain not found: bank.test")
    assert house.events(recipient) == []


def test_C_06_an_old_password_and_a_wrong_one_get_the_same_535(house: House) -> None:
    login = f"{unique('user')}@{DOMAIN}"
    old = house.add_user(login)
    new = house.cli("user", "reset", login)["password"]
    assert new != old
    until(lambda: _sign_in(house, login, old) == "535 5.7.8 Authentication failed", 1.0, "the reset")
    assert _sign_in(house, login, new).startswith("235")
    assert _sign_in(house, f"nobody@{DOMAIN}", old) == "535 5.7.8 Authentication failed"
    assert "API key" in _sign_in(house, login, "key-" + "0123456789abcdef" * 2)


def test_C_06_C_14_a_domain_of_another_region_is_unknown_here(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("POSTHOUSE_REGION", "eu")
        house.cli("domain", "add", "europe.test", "--assume-verified")
        house.add_user("app@europe.test")
    assert _sign_in(house, "app@europe.test") == "535 5.7.8 Authentication failed"


def test_C_06_a_password_opens_its_own_users_door_only(house: House) -> None:
    other = f"{unique('other')}.test"
    house.cli("domain", "add", other, "--assume-verified")
    house.add_user(f"app@{other}")
    assert _sign_in(house, f"app@{other}", house.password) == "535 5.7.8 Authentication failed"
    assert _sign_in(house, house.login, house.passwords[f"app@{other}"]).code == 535
    assert _sign_in(house, f"app@{other}").code == 235


def test_C_07_a_password_is_shown_once_and_stored_as_a_hash_only(house: House) -> None:
    login = f"{unique('user')}@{DOMAIN}"
    password = house.add_user(login)
    assert _sign_in(house, login, password).startswith("235")
    assert password not in str(house.cli_rows("user", "list"))
    (row,) = books.rows(house.store, f"select * from credential where login = '{login}'")
    assert password.encode() not in bytes(row["secret_hash"])
    for file in house.files():
        assert password.encode() not in file.read_bytes(), file


def test_C_08_the_replies_are_the_services_own_words(house: House) -> None:
    recipient = f"{unique()}@good.test"
    with house.wire() as wire:
        assert "Nice to meet you" in wire.say("EHLO me.test").splitlines()[0]
        signed_in = wire.say(f"AUTH PLAIN {plain(house.login, house.password)}")
        assert signed_in == "235 2.7.0 Authentication successful"
        assert wire.say(f"MAIL FROM:<orders@{DOMAIN}>") == "250 2.1.0 Sender address accepted"
        assert wire.say(f"RCPT TO:<{recipient}>") == "250 2.1.5 Recipient address accepted"
        assert wire.say("DATA") == "354 Continue"
        wire.send(letter(recipient).raw + b".\r\n")
        assert wire.read() == "250 Great success"
        assert wire.say("QUIT") == "221 2.0.0 Bye"


def test_C_16_the_walk_through_typed_by_hand_works(house: House) -> None:
    recipient = f"{unique()}@good.test"
    with house.wire() as wire:
        for line, code in [
            ("auth login", 334),
            (b64(house.login), 334),
            (b64(house.password), 235),
            (f"mail from:<orders@{DOMAIN}>", 250),
            (f"rcpt to:<{recipient}>", 250),
            ("data", 354),
        ]:
            assert wire.say(line).code == code, line
        for line in [
            f"To: Ann <{recipient}>",
            f"From: Orders <orders@{DOMAIN}>",
            "Subject: Hello",
            "",
            "Hi!",
        ]:
            wire.send(line.encode() + b"\r\n")
        assert wire.say(".").code == 250
        assert wire.say("quit").code == 221
    content = house.internet.copy(recipient).content
    assert content.endswith(b"Subject: Hello\r\n\r\nHi!\r\n")
    assert b"with SMTP id" in content  # no EHLO was said
    assert b"\r\nMessage-ID: <" in content and b"\r\nDate: " in content  # added: the walk has none


def test_C_03_a_revoked_user_is_out_within_a_second_even_in_an_open_session(house: House) -> None:
    login = f"{unique('user')}@{DOMAIN}"
    password = house.add_user(login)
    with house.wire() as wire:
        assert wire.sign_in(login, password).code == 235
        assert wire.say(f"MAIL FROM:<orders@{DOMAIN}>").code == 250
        assert wire.say("RSET").code == 250
        house.cli("user", "revoke", login)

        def refused() -> bool:
            answer = wire.say(f"MAIL FROM:<orders@{DOMAIN}>")
            wire.say("RSET")
            return answer.startswith("535 5.7.8")

        until(refused, 1.0, "the end of the session's rights")


def test_S6_what_was_sent_in_clear_behind_starttls_is_never_executed(house: House) -> None:
    recipient = f"{unique()}@good.test"
    with house.wire() as wire:
        assert wire.say("EHLO me.test").code == 250
        auth = f"AUTH PLAIN {plain(house.login, house.password)}\r\n".encode()
        wire.send(
            b"STARTTLS\r\n" + auth + f"MAIL FROM:<orders@{DOMAIN}>\r\nRCPT TO:<{recipient}>\r\n".encode()
        )
        answer = wire.read()
        if answer.code == 220:  # then the octets behind it are gone, and TLS begins from nothing
            wire.upgrade()
            assert wire.say(f"MAIL FROM:<orders@{DOMAIN}>").code in (503, 530)
        else:
            assert answer.code in (421, 501, 503, 554)
    assert house.events(recipient) == []


def test_S6_sign_in_and_transaction_before_starttls_are_forgotten(house: House) -> None:
    with house.wire(signed_in=True) as wire:
        wire.start_tls()
        assert wire.say(f"MAIL FROM:<orders@{DOMAIN}>").code in (503, 530)
        assert wire.say("EHLO me.test").code == 250
        assert wire.say(f"MAIL FROM:<orders@{DOMAIN}>") == "530 5.7.0 Authentication required"


def test_S22_no_secret_reaches_log_event_or_transcript(house: House, tmp_path: Path) -> None:
    marker = f"marker-{unique('secret')}"
    recipient = f"defer-1+{unique()}@good.test"
    with house.wire() as wire:
        wire.say("EHLO me.test")
        for line in (
            f"AUTH PLAIN {plain(house.login, marker)}",
            f"AUTH {marker}",
            f"auth login {b64(marker)}",
            b64(marker),
            f"NOOP {marker}",
        ):
            wire.say(line)
    with pytest.raises(smtplib.SMTPAuthenticationError), house.smtp(sign_in=False) as client:
        client.login(house.login, marker)
    house.submit(recipient)
    house.event(recipient, "delivered")
    house.command("backup", str(tmp_path / "copy.db"))
    secrets = [marker, house.password]
    secrets += [b64(text) for text in secrets] + [plain(house.login, text) for text in secrets]
    places = {file: file.read_bytes() for file in [*house.files(), tmp_path / "copy.db"]}
    places[Path("events")] = str(books.event_rows(house.store)).encode()
    places[Path("sessions")] = str(house.internet.sessions_at("good.test")).encode()
    for place, content in places.items():
        for secret in secrets:
            assert secret.encode() not in content, (place, secret)
