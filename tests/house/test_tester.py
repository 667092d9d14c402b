"""The SMTP tester against this house itself, with everything set wrong that people set wrong."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest

from house.house import DOMAIN, House, unique, until
from posthouse.cli.main import run


def probe(house: House, server: str, *words: str, password: str = "") -> dict[str, Any]:
    """`posthouse probe --json`; the password comes from the environment."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("POSTHOUSE_PROBE_PASSWORD", password)
        code = run(["probe", server, *words, "--json", "--config", str(house.config)])
    assert out.getvalue(), err.getvalue()
    found: dict[str, Any] = json.loads(out.getvalue())
    assert (code == 0) is found["ok"], found
    assert not password or password not in out.getvalue() + err.getvalue()
    return found


def words_of(found: dict[str, Any]) -> list[str]:
    return [each["word"] for each in found["advice"]]


def test_W_02_a_message_goes_through_every_kind_of_port(house: House) -> None:
    for server, security in (("localhost", "starttls"), ("localhost", "tls"), ("127.0.0.1", "none")):
        port = house.port_tls if security == "tls" else house.port
        recipient = f"{unique()}@good.test"
        found = probe(
            house, f"{server}:{port}", "--security", security, "--any-certificate",
            "--user", house.login, "--from", f"orders@{DOMAIN}", "--to", recipient, password=house.password,
        )  # fmt: skip
        assert found["ok"] and "accepted" in words_of(found), found
        assert (found["end"]["tls"] is not None) is (security != "none")
        house.internet.copy(recipient)


@pytest.mark.parametrize(
    ("words", "ending", "word"),
    [
        (["--security", "starttls"], "", "self-signed"),
        (["--security", "tls"], "", "clear-port"),
        (["--security", "none", "--from", f"a@{DOMAIN}", "--to", "a@good.test"], "", "needs-sign-in"),
        (["--security", "none"], "x", "wrong-password"),
        (["--security", "none", "--mechanism", "login"], "x", "wrong-password"),
    ],
    ids=["a certificate of its own", "TLS to the port in clear", "no sign-in", "plain", "login"],
)
def test_W_02_wrong_settings_are_told_in_plain_words(
    house: House, words: list[str], ending: str, word: str
) -> None:
    user = ["--user", house.login] if ending else []
    password = house.password + ending if ending else ""
    found = probe(house, f"localhost:{house.port}", *user, *words, password=password)
    assert word in words_of(found), found


def test_W_02_clear_spoken_to_the_tls_port(house: House) -> None:
    found = probe(house, f"localhost:{house.port_tls}", "--security", "none")
    assert "tls-port" in words_of(found), found


def test_W_02_whose_secret_it_is_when_this_server_refuses_it(house: House) -> None:
    login = f"{unique('old')}@{DOMAIN}"
    old = house.add_user(login)
    house.cli("user", "reset", login)
    key = house.key().password
    server = f"localhost:{house.port}"
    until(
        lambda: not probe(house, server, "--security", "none", "--user", login, password=old)["ok"],
        1.0,
        "the end of the old password",
    )
    for user, password, word in (
        (login, old, "old-password"),
        (login, house.password, "other-users-password"),
        (house.login, key, "key-as-password"),
        ("apikey", old, "old-password"),
        ("nobody@" + DOMAIN, "x" * 20, "no-user"),
    ):
        found = probe(house, server, "--security", "none", "--user", user, password=password)
        assert words_of(found)[0] == word, (user, found)


def test_W_02_a_sender_of_no_domain_of_ours(house: House) -> None:
    found = probe(
        house, f"localhost:{house.port}", "--security", "none", "--user", house.login,
        "--from", "a@nobodys.test", "--to", "a@good.test", password=house.password,
    )  # fmt: skip
    assert words_of(found)[0] == "no-domain", found


def test_W_02_hosts_of_others_that_fail(house: House) -> None:
    assert "no-name" in words_of(probe(house, "nowhere.good.test"))
