"""What the end of a test means: each failure that services' help pages know, and the protocol's own."""

from __future__ import annotations

import re
from typing import Any

import pytest

from posthouse.model.probe import ProbeEnd, ProbeStep, ProbeTls, ProbeWish, Security, ShownCertificate
from posthouse.rules.probe_advice import advise
from posthouse.rules.probe_facts import Facts, Service
from posthouse.rules.probe_rules import NOTES, TROUBLE

USERS = Service("Letters", {"smtp.letters.test": "US", "smtp.eu.letters.test": "EU"}, user="address")
KEYS = Service("Keys", {"smtp.keys.test": ""}, user="apikey", password_form=re.compile(r"SG\..+"))
TOKENS = Service("Tokens", {"smtp.tokens.test": ""}, user="password", fresh="Look at the token page.")
DAY = 86_400.0
APIKEY = {"user": "apikey"}
CLEAR = {"security": Security.NONE}
TLS = {"security": Security.TLS, "port": 465}


def wrong(text: str = "no", code: int = 535, enhanced: str = "5.7.8") -> ProbeEnd:
    return ProbeEnd(ProbeStep.AUTH, "refused", code, enhanced, text, tls=ProbeTls("TLSv1.3", "X"))


def no(step: ProbeStep, text: str, code: int = 550, enhanced: str = "", **more: Any) -> ProbeEnd:
    more = {"is_signed_in": True, "tls": ProbeTls("TLSv1.3", "X")} | more
    return ProbeEnd(step, "refused", code, enhanced, text, **more)


def at(step: ProbeStep, fault: str, **more: Any) -> ProbeEnd:
    return ProbeEnd(step, fault, **more)


def handshake(fault: str, names: tuple[str, ...] = ("mx.test",)) -> ProbeEnd:
    shown = ShownCertificate("mx.test", names, "Authority", 0.0, 90 * DAY)
    return ProbeEnd(ProbeStep.TLS, "tls", tls=ProbeTls("TLSv1.3", "X", shown, fault, "because"))


DNS, CONNECT, GREETING, AUTH = ProbeStep.DNS, ProbeStep.CONNECT, ProbeStep.GREETING, ProbeStep.AUTH
CASES: list[tuple[str, dict[str, Any], ProbeEnd, dict[str, Any], str]] = [
    # the page of a hosted service on its most common mistakes
    ("an API key as the password", {}, wrong(), {"service": USERS, "key_of": "Letters"}, "api-key"),
    ("the user of another domain", {"sender": "a@other.test"}, wrong(), {"service": USERS}, "wrong-user"),
    ("another region", {}, wrong(), {"service": USERS}, "region"),
    ("the password before the reset", {}, wrong(), {"service": USERS}, "old-password"),
    ("a name that is no address", {"user": "postmaster"}, wrong(), {"service": USERS}, "user-form"),
    ("a sandbox", {}, no(ProbeStep.CONTENT, "Sandbox subdomains are for test purposes only"), {}, "sandbox"),
    ("a domain not found", {}, no(ProbeStep.CONTENT, "Domain not found: shop.test"), {}, "unverified"),
    ("a domain not verified", {}, no(ProbeStep.CONTENT, "Sender not authorized"), {}, "unverified"),
    ("a blocked port", {}, at(CONNECT, "silent"), {"service": USERS}, "blocked"),
    ("a port of another region", {}, at(CONNECT, "silent"), {"service": USERS}, "region-connect"),
    ("too many recipients", {}, no(ProbeStep.RCPT, "Too many recipients", 452), {}, "limit"),
    # services where the user is a word or the token
    ("a name instead of the word", {"user": "me@shop.test"}, wrong(), {"service": KEYS}, "key-as-user"),
    ("half a key", APIKEY, wrong(), {"service": KEYS, "is_password_form": False}, "password-form"),
    ("the token once only", {}, wrong(), {"service": TOKENS}, "token-twice"),
    ("an old token, twice", {}, wrong(), {"service": TOKENS, "is_user_password": True}, "old-password"),
    ("no verified sender", {}, no(ProbeStep.CONTENT, "... a verified Sender Identity ..."), {}, "unverified"),
    # DNS and the way there
    ("a name that is not there", {}, at(DNS, "no-name"), {}, "no-name"),
    ("a null MX", {}, at(DNS, "null-mx"), {}, "null-mx"),
    ("a domain of mail", {}, at(DNS, "mail-domain", mx="mx1.good.test"), {}, "mail-domain"),
    ("a name without an address", {}, at(DNS, "no-address"), {}, "no-address"),
    ("DNS that does not answer", {}, at(DNS, "dns"), {}, "dns"),
    ("a private address", {}, at(DNS, "private"), {}, "private"),
    ("port 25", {"port": 25}, at(CONNECT, "silent"), {}, "blocked-25"),
    ("a closed port", {}, at(CONNECT, "no-listener"), {}, "no-listener"),
    ("no way", {}, at(CONNECT, "unreachable", text="no route"), {}, "unreachable"),
    # TLS
    ("TLS to a port in clear", TLS, handshake("in-clear"), {}, "clear-port"),
    ("clear to a TLS port", {"port": 465}, at(GREETING, "silent"), {}, "tls-port"),
    ("clear to our TLS port", {"port": 44}, at(GREETING, "closed"), {"own_ports": ((), (44,))}, "tls-port"),
    ("another name", {}, handshake("name"), {}, "wrong-name"),
    ("an expired certificate", {}, handshake("expired"), {}, "expired"),
    ("a certificate of tomorrow", {}, handshake("not-yet"), {}, "not-yet"),
    ("a certificate of its own", {}, handshake("self-signed"), {}, "self-signed"),
    ("a stranger's certificate", {}, handshake("not-trusted"), {}, "not-trusted"),
    ("old TLS", {}, handshake("old"), {}, "old-tls"),
    ("broken TLS", {}, handshake("failed"), {}, "tls-failed"),
    # Offers
    ("silence", {}, at(GREETING, "silent"), {}, "silent-greeting"),
    ("a hang-up", {}, at(GREETING, "closed"), {}, "closed-greeting"),
    ("another protocol", {}, at(GREETING, "not-smtp"), {}, "not-smtp"),
    ("a refusal of us", {}, no(GREETING, "blocked", 554), {}, "unwelcome"),
    ("no STARTTLS", {}, at(ProbeStep.STARTTLS, "no-starttls"), {}, "no-starttls"),
    ("STARTTLS refused", {}, no(ProbeStep.STARTTLS, "no", 454), {}, "starttls-refused"),
    ("AUTH only after TLS", CLEAR, at(AUTH, "no-auth", offers_starttls=True), {}, "auth-after-tls"),
    ("530", CLEAR, at(AUTH, "refused", code=530, text="Must issue a STARTTLS first"), {}, "auth-after-tls"),
    ("538", CLEAR, at(AUTH, "refused", code=538, text="Encryption required"), {}, "auth-after-tls"),
    ("no AUTH", {}, at(AUTH, "no-auth", tls=ProbeTls("T", "X")), {}, "no-auth"),
    ("no SMTPUTF8", {}, at(ProbeStep.MAIL, "no-smtputf8"), {}, "no-smtputf8"),
    ("another AUTH", {}, at(AUTH, "no-mechanism", mechanisms=("CRAM-MD5",)), {}, "no-mechanism"),
    # Sign-in and letter
    ("an app password", {}, wrong("Application-specific password required", 534, ""), {}, "app-password"),
    ("switched off", {}, wrong("SmtpClientAuthentication is disabled", 535, "5.7.139"), {}, "disabled"),
    ("too many tries", {}, wrong("later", 454, ""), {}, "sign-in-later"),
    ("no sign-in", {}, no(ProbeStep.MAIL, "Auth!", 530, "5.7.0", is_signed_in=False), {}, "needs-sign-in"),
    ("no relay", {}, no(ProbeStep.RCPT, "Relay access denied", 554), {}, "relay"),
    ("nobody", {}, no(ProbeStep.RCPT, "no such user", 550, "5.1.1"), {}, "recipient"),
    ("greylisting", {}, no(ProbeStep.RCPT, "Greylisted", 451), {}, "later"),
    ("spam", {}, no(ProbeStep.CONTENT, "looks like spam", 554), {}, "spam"),
    ("a cut", {}, at(ProbeStep.MAIL, "closed"), {}, "cut"),
    ("patience at its end", {}, at(ProbeStep.MAIL, "silent"), {}, "slow"),
    ("a flood", {}, at(ProbeStep.EHLO, "too-much"), {}, "too-much"),
    # Good news, and what to know beside it
    ("taken", {}, at(ProbeStep.DONE, "", code=250, text="ok", tls=ProbeTls("T", "X")), {}, "accepted"),
    ("signed in", {}, at(AUTH, "", is_signed_in=True), {}, "signed-in"),
    ("a first look", {}, at(ProbeStep.EHLO, ""), {}, "reachable"),
    ("in clear", CLEAR, at(AUTH, "", is_signed_in=True), {}, "in-clear"),
    ("in clear here", CLEAR, at(AUTH, "", is_signed_in=True), {"is_own": True}, "in-clear-here"),
    ("unchecked", {}, at(AUTH, "", tls=ProbeTls("T", "X", None, "not-checked")), {}, "not-checked"),
    ("soon over", {}, at(AUTH, "", tls=ProbeTls("T", "X", ShownCertificate("", (), "", 0, 5 * DAY))), {},
     "expires-soon"),
]  # fmt: skip


def facts(wished: dict[str, Any], end: ProbeEnd, more: dict[str, Any]) -> Facts:
    wish: dict[str, Any] = {
        "host": "mx.good.test",
        "port": 587,
        "user": "app@shop.test",
        "password": "never looked at",
        "sender": "app@shop.test",
        "recipient": "ann@good.test",
    }
    return Facts(ProbeWish(**(wish | wished)), end, now=DAY, **more)


@pytest.mark.parametrize(
    ("wished", "end", "more", "word"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_W_02_a_failure_is_told_in_plain_words(
    wished: dict[str, Any], end: ProbeEnd, more: dict[str, Any], word: str
) -> None:
    found = advise(facts(wished, end, more))
    assert word in [each.word for each in found], found
    for each in found:
        assert not re.search(r"\{[a-z_]+\}", each.text), each
        assert each.text.endswith((".", ")", "?")) or "{" not in each.text
    assert bool(end.fault) == any(each.is_trouble for each in found)


def test_every_rule_has_a_case() -> None:
    assert {word for word, _, _ in (*TROUBLE, *NOTES)} == {case[4] for case in CASES}


def test_what_no_rule_knows_is_told_as_the_server_said_it() -> None:
    (only,) = advise(facts({}, no(ProbeStep.MAIL, "because", 550, "5.9.9"), {}))
    assert only.word == "other" and "550 5.9.9 because" in only.text


def test_S22_no_advice_quotes_the_password() -> None:
    for _, wished, end, more, _ in CASES:
        text = " ".join(each.text for each in advise(facts(wished | {"password": "S3cret-Word"}, end, more)))
        assert "S3cret-Word" not in text


def test_names_with_braces_fill_nothing() -> None:
    (first, *_) = advise(facts({"host": "{reply}.test"}, at(DNS, "no-name"), {}))
    assert "{reply}.test" in first.text
