"""What replies mean: the RFC's rule for each code, and the reasons from the data file (BR-5, MX-9..MX-13)."""

from __future__ import annotations

from pathlib import Path

import pytest

from posthouse.model.errors import SettingsError
from posthouse.model.message import Phase, SmtpResult, Verdict
from posthouse.rules import verdict
from posthouse.rules.verdict import judge_result, load_verdicts

D, F = Verdict.DEFERRED, Verdict.FAILED
GMAIL = "gmail-smtp-in.l.google.com"
OUTLOOK = "example-com.mail.protection.outlook.com"
YAHOO = "mta5.am0.yahoodns.net"


def result(phase: Phase, code: int, enhanced: str = "", text: str = "", mx: str = "mx.test") -> SmtpResult:
    return SmtpResult(phase, code, enhanced, text, mx=mx)


BY_CODE = [
    ("2yz after the dot", Phase.DONE, 250, "2.0.0", Verdict.DELIVERED, "delivered", False),
    ("4yz to MAIL", Phase.MAIL, 451, "", D, "temporary", False),
    ("4yz to RCPT", Phase.RCPT, 450, "", D, "temporary", False),
    ("4yz to DATA", Phase.DATA, 451, "", D, "temporary", False),
    ("4yz to the dot", Phase.BODY, 452, "", D, "temporary", False),
    ("5yz to MAIL", Phase.MAIL, 550, "", F, "rejected", False),
    ("5yz to RCPT", Phase.RCPT, 550, "", F, "rejected", False),
    ("5yz to DATA", Phase.DATA, 554, "", F, "rejected", False),
    ("5yz to the dot", Phase.BODY, 554, "", F, "rejected", False),
    ("421 to RCPT", Phase.RCPT, 421, "", D, "service-unavailable", True),
    ("421 to the dot", Phase.BODY, 421, "", D, "service-unavailable", True),
    ("421 greeting", Phase.GREETING, 421, "", D, "service-unavailable", True),
    ("554 greeting", Phase.GREETING, 554, "", D, "connection", True),
    ("521 greeting of all hosts", Phase.GREETING, 521, "", F, "refuses-mail", False),
    ("5yz to EHLO and HELO", Phase.EHLO, 550, "", D, "connection", True),
    ("454 to STARTTLS", Phase.STARTTLS, 454, "", D, "tls", True),
    ("552 to RCPT is 452", Phase.RCPT, 552, "", D, "too-many-recipients", False),
    ("552 to the dot", Phase.BODY, 552, "", F, "rejected", False),
    ("a code of no meaning", Phase.RCPT, 199, "", D, "protocol-error", False),
    ("250 where a 354 belongs", Phase.DATA, 250, "", D, "protocol-error", False),
    ("NXDOMAIN", Phase.DNS, 0, "5.1.2", F, "bad-domain", False),
    ("a TLS policy that is not kept", Phase.STARTTLS, 454, "4.7.5", D, "tls-policy", False),
    ("REQUIRETLS that nobody keeps", Phase.LOCAL, 550, "5.7.30", F, "tls-required", False),
    ("NXDOMAIN with a code", Phase.DNS, 550, "5.1.2", F, "bad-domain", False),
    ("null MX", Phase.DNS, 556, "5.1.10", F, "null-mx", False),
    ("MX loop", Phase.DNS, 554, "5.4.6", F, "loop", False),
    ("SERVFAIL", Phase.DNS, 0, "4.4.3", D, "dns", False),
    ("SERVFAIL with a code", Phase.DNS, 451, "4.4.3", D, "dns", False),
    ("no connection", Phase.CONNECT, 0, "4.4.1", D, "connection", True),
    ("lost in the middle", Phase.DATA, 0, "4.4.2", D, "connection", True),
    ("time is over", Phase.LOCAL, 554, "5.4.7", F, "expired", False),
    ("our own trouble", Phase.LOCAL, 451, "4.3.0", D, "server-trouble", False),
    ("letter lost", Phase.LOCAL, 554, "5.3.0", F, "server-trouble", False),
    ("no SMTPUTF8 there", Phase.LOCAL, 0, "5.6.7", F, "utf8-unsupported", False),
    ("SIZE too small", Phase.LOCAL, 0, "5.3.4", F, "too-large", False),
    ("TLS required", Phase.STARTTLS, 454, "4.7.10", D, "tls-required", False),
]


@pytest.mark.parametrize(
    ("phase", "code", "enhanced", "wanted", "reason", "backs_off"),
    [row[1:] for row in BY_CODE],
    ids=[row[0] for row in BY_CODE],
)
def test_codes(  # MX-9, MX-10, MX-11, MX-13, F31, F36, F40
    phase: Phase, code: int, enhanced: str, wanted: Verdict, reason: str, backs_off: bool
) -> None:
    judged = judge_result(result(phase, code, enhanced))
    assert (judged.verdict, judged.reason, judged.backs_off_site) == (wanted, reason, backs_off)


TEXTS = [
    (
        450,
        "4.2.0",
        "<a@b.test>: Recipient address rejected: Greylisted, see http://postgrey.test",
        "",
        D,
        "greylisted",
    ),
    (451, "4.7.1", "Greylisting in action, please come back later", "", D, "greylisted"),
    (451, "4.7.1", "Please try again later", "", D, "greylisted"),
    (450, "", "Greylisted for 300 seconds", "", D, "greylisted"),
    (451, "4.7.1", "not now", "", D, "greylisted"),
    (450, "4.7.1", "Client host rejected: cannot find your reverse hostname", "", D, "unauthenticated"),
    (421, "4.7.28", "Our system has detected an unusual rate of unsolicited mail", GMAIL, D, "rate-limited"),
    (550, "5.7.28", "Our system has detected an unusual rate of unsolicited mail", GMAIL, F, "rate-limited"),
    (
        450,
        "4.2.1",
        "The user you are trying to contact is receiving mail at a rate that",
        GMAIL,
        D,
        "rate-limited",
    ),
    (
        550,
        "5.7.26",
        "This mail has been blocked because the sender is unauthenticated.",
        GMAIL,
        F,
        "unauthenticated",
    ),
    (550, "5.7.1", "This message does not meet DMARC policy", "", F, "unauthenticated"),
    (
        550,
        "5.7.515",
        "Access denied, sending domain x.test doesn't meet the required level",
        OUTLOOK,
        F,
        "unauthenticated",
    ),
    (
        550,
        "5.7.1",
        "Unfortunately, messages from [192.0.2.1] weren't sent (S3140).",
        OUTLOOK,
        F,
        "policy-block",
    ),
    (550, "5.7.511", "Access denied, banned sender[192.0.2.1]", OUTLOOK, F, "policy-block"),
    (
        451,
        "4.7.500",
        "Server busy. Please try again later from [192.0.2.1]. (S77719)",
        OUTLOOK,
        D,
        "rate-limited",
    ),
    (421, "4.7.0", "[TSS04] Messages from 192.0.2.1 temporarily deferred", YAHOO, D, "rate-limited"),
    (554, "5.7.9", "Message not accepted for policy reasons", YAHOO, F, "policy-block"),
    (
        554,
        "5.7.1",
        "Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.test",
        "",
        F,
        "policy-block",
    ),
    (550, "5.1.1", "Recipient rejected: sender is on our blacklist", "", F, "policy-block"),
    (554, "5.7.1", "The message looks like SPAM", "", F, "spam-content"),
    (550, "5.1.1", "The email account that you tried to reach does not exist.", GMAIL, F, "bad-mailbox"),
    (550, "", "No such user here", "", F, "bad-mailbox"),
    (550, "", "<x@y.test>... User unknown", "", F, "bad-mailbox"),
    (550, "5.4.1", "Recipient address rejected: Access denied.", OUTLOOK, F, "bad-mailbox"),
    (551, "5.1.6", "User has moved", "", F, "bad-mailbox"),
    (552, "5.2.2", "The mailbox is over quota", "", F, "mailbox-full"),
    (552, "", "Mailbox of this user is full", "", F, "mailbox-full"),
    (452, "4.2.2", "The email account that you tried to reach is over quota", GMAIL, D, "mailbox-full"),
    (452, "4.5.3", "Too many recipients", "", D, "too-many-recipients"),
    (552, "5.5.3", "Too many recipients", "", D, "too-many-recipients"),
    (550, "5.2.1", "The account is disabled", "", F, "mailbox-disabled"),
    (554, "5.7.1", "<a@b.test>: Relay access denied", "", F, "relay-denied"),
    (552, "5.3.4", "Message too big", "", F, "too-large"),
    (452, "4.3.1", "Insufficient system storage", "", D, "server-trouble"),
    (550, "5.6.0", "Header is broken", "", F, "content-rejected"),
    (550, "5.7.0", "not today", "", F, "policy-block"),
    (451, "4.4.0", "successfully carefully dispamster", "", D, "temporary"),
    (530, "5.7.0", "Must issue a STARTTLS command first", "", F, "tls-required"),
]


@pytest.mark.parametrize(
    ("code", "enhanced", "text", "mx", "wanted", "reason"),
    TEXTS,
    ids=[f"{row[0]} {row[2][:40]}" for row in TEXTS],
)
def test_texts(code: int, enhanced: str, text: str, mx: str, wanted: Verdict, reason: str) -> None:  # BR-5
    judged = judge_result(result(Phase.RCPT, code, enhanced, text, mx or "mx.test"))
    assert (judged.verdict, judged.reason) == (wanted, reason)


def test_a_sender_callout_failure_at_mail_is_no_bad_mailbox() -> None:
    assert judge_result(result(Phase.MAIL, 550, "5.1.1", "User unknown")).reason == "rejected"
    assert judge_result(result(Phase.MAIL, 550, "5.1.8", "bad sender")).reason == "sender-rejected"


def test_the_final_dot_without_a_reply_is_tried_again() -> None:  # MX-12, F37
    judged = judge_result(SmtpResult(Phase.BODY, 0, "4.4.2", "connection lost", ambiguous=True))
    assert (judged.verdict, judged.reason, judged.backs_off_site) == (D, "ambiguous", True)


def test_a_host_that_cannot_be_used_always_counts_against_its_site() -> None:
    assert judge_result(
        SmtpResult(Phase.RCPT, 450, "4.2.0", "greylisted", connection_failed=True)
    ).backs_off_site


def test_the_shipped_rules_never_make_a_4yz_final_nor_a_block_a_bad_mailbox() -> None:
    for rule in load_verdicts():
        if rule.verdict is F:
            codes = rule.condition.codes
            assert codes and min(codes) >= 500
    for enhanced in ("5.7.1", "5.7.26", "5.7.28", "5.7.515"):
        assert judge_result(result(Phase.RCPT, 550, enhanced, "User unknown")).reason != "bad-mailbox"


def test_mailbox_full_follows_its_class() -> None:
    judged = judge_result(result(Phase.RCPT, 452, "5.2.2", "over quota"))  # MX-8: the code decides
    assert (judged.verdict, judged.reason) == (D, "mailbox-full")
    assert judge_result(result(Phase.RCPT, 422, "4.2.2", "mailbox full")).verdict is D


def test_a_host_name_ending_is_a_whole_label() -> None:
    text = "mail at a rate that prevents"
    assert judge_result(result(Phase.RCPT, 450, "4.2.1", text, "mx.notgoogle.com")).reason != "rate-limited"


@pytest.mark.parametrize("char", ["a", " ", "mailbox ", "*", "é", "\0", "relay "], ids=repr)
def test_long_replies_cost_little(char: str) -> None:  # S11
    judge_result(result(Phase.RCPT, 550, "5.9.9", char * 1_000_000))


def test_an_overlay_comes_first(tmp_path: Path) -> None:
    overlay = tmp_path / "ours.toml"
    overlay.write_text(
        '[[rule]]\nreason = "house-rule"\ncode = ["550"]\ntext = ["purple * sky"]\nverdict = "deferred"\n'
        "backs_off_site = true\n"
    )
    rules = load_verdicts(overlay)
    judged = judge_result(result(Phase.RCPT, 550, "5.1.1", "user unknown: purple evening sky"), rules)
    assert (judged.verdict, judged.reason, judged.backs_off_site) == (D, "house-rule", True)
    assert (
        judge_result(result(Phase.RCPT, 550, "5.1.1", "sky purple, user unknown"), rules).reason
        == "bad-mailbox"
    )
    assert len(rules) == len(verdict.BUILT_IN) + 1


WRONG = [
    ("unknown key", 'reason = "x"\ncolour = "red"', "colour"),
    ("no reason", 'code = ["550"]', "reason"),
    ("delivered", 'reason = "x"\nverdict = "delivered"', "verdict"),
    ("bad code", 'reason = "x"\ncode = ["6xx"]', "6xx"),
    ("bad phase", 'reason = "x"\nphase = ["lunch"]', "lunch"),
    ("bad enhanced", 'reason = "x"\nenhanced = ["5.1"]', "5.1"),
    ("a tilde inside", 'reason = "x"\ntext = ["a~b"]', "tilde"),
    ("empty text", 'reason = "x"\ntext = ["--"]', "text"),
    ("no list", 'reason = "x"\ntext = "full"', "list"),
    ("no toml", "reason =", "rules.toml"),
    ("no flag", 'reason = "x"\nbacks_off_site = 1', "backs_off_site"),
]


@pytest.mark.parametrize(("body", "named"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_wrong_file_is_named(tmp_path: Path, body: str, named: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(f"[[rule]]\n{body}\n")
    with pytest.raises(SettingsError, match=named) as caught:
        load_verdicts(file)
    assert "rules.toml" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="absent"):
        load_verdicts(tmp_path / "absent.toml")
