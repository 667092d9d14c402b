"""What the forms decide: Mailgun's codes and reasons, SendGrid's bounce or block, ids, cut values."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from typing import Any

import pytest

from posthouse.dialects import event_values
from posthouse.dialects.table import HOOK_FORMS
from posthouse.model.event import EventKind
from posthouse.model.hook import Told
from posthouse.model.options import PLAIN, SendOptions
from posthouse.model.short_id import short_id
from posthouse.rules.verdict import BUILT_IN
from unit.dialects.event_story import AT, ATTEMPT, CONTENT, LABELS, MESSAGE, STORY, VISIT, told

FAILED, DEFERRED, DROPPED = EventKind.FAILED, EventKind.DEFERRED, EventKind.DROPPED


def body_of(dialect: str, about: Told) -> dict[str, Any]:
    body = HOOK_FORMS[dialect].event_json(about)
    assert body is not None
    return body


def failure(
    kind: EventKind, reason: str, code: int, enhanced: str = "", text: str = "no", **more: Any
) -> Told:
    data = (
        ATTEMPT | {"reason": reason, "code": code, "enhanced": enhanced, "text": text, "phase": "rcpt"} | more
    )
    return told(kind, **data)


# -- Mailgun, classification (specification 6.2) ---------------------------------

MAILGUN: dict[str, tuple[Told, tuple[str, str, int, str | None]]] = {
    "a temporary reply": (failure(DEFERRED, "temporary", 451), ("temporary", "generic", 451, None)),
    "greylisting": (failure(DEFERRED, "greylisted", 450), ("temporary", "greylisted", 450, None)),
    "a provider's rate": (failure(DEFERRED, "rate-limited", 421), ("temporary", "espblock", 421, None)),
    "no such user": (failure(FAILED, "bad-mailbox", 550, "5.1.1"), ("permanent", "bounce", 550, "hard")),
    "policy": (failure(FAILED, "policy-block", 550, "5.7.1"), ("permanent", "espblock", 550, "soft")),
    "another refusal": (failure(FAILED, "rejected", 554), ("permanent", "generic", 554, "soft")),
    "a full mailbox": (failure(FAILED, "mailbox-full", 552, "5.2.2"), ("permanent", "generic", 552, "soft")),
    "no DNS answer": (
        failure(DEFERRED, "dns", 0, "4.4.3", phase="dns"),
        ("temporary", "generic", 498, None),
    ),
    "no such domain": (
        failure(FAILED, "bad-domain", 0, "5.1.2", phase="dns"),
        ("permanent", "bounce", 498, "hard"),
    ),
    "no connection": (
        failure(DEFERRED, "connection", 0, "4.4.1", phase="connect"),
        ("temporary", "generic", 499, None),
    ),
    "trouble of our own": (
        failure(DEFERRED, "local", 0, "4.3.0", phase="local"),
        ("temporary", "generic", 680, None),
    ),
    "TLS that was demanded": (
        failure(DEFERRED, "tls-required", 454, "4.7.10"),
        ("temporary", "generic", 454, None),
    ),
    "TLS that never came": (
        failure(FAILED, "expired", 554, "5.7.10"),
        ("permanent", "generic", 554, "soft"),
    ),
    "time over": (failure(FAILED, "expired", 554, "5.4.7"), ("permanent", "old", 602, "soft")),
    "bounced before": (failure(DROPPED, "suppress-bounce", 605), ("permanent", "suppress-bounce", 605, None)),
    "known as invalid": (
        failure(DROPPED, "suppress-invalid", 605),
        ("permanent", "suppress-bounce", 605, None),
    ),
    "unsubscribed": (
        failure(DROPPED, "suppress-unsubscribe", 606),
        ("permanent", "suppress-unsubscribe", 606, None),
    ),
    "complained": (
        failure(DROPPED, "suppress-complaint", 607),
        ("permanent", "suppress-complaint", 607, None),
    ),
    "no address": (failure(DROPPED, "invalid-address", 550, "5.1.3"), ("permanent", "bounce", 550, "hard")),
    "dropped as a whole": (failure(DROPPED, "invalid-options", 554), ("permanent", "generic", 554, None)),
    "returned": (
        failure(EventKind.BOUNCED, "bad-mailbox", 550, "5.1.1"),
        ("permanent", "generic", 550, "hard"),
    ),
    "returned without a code": (
        failure(EventKind.BOUNCED, "mailbox-full", 0, "4.2.2", bounce_class="soft"),
        ("permanent", "generic", 450, "soft"),
    ),
}


@pytest.mark.parametrize(("about", "expected"), MAILGUN.values(), ids=MAILGUN)
def test_mailguns_severity_reason_and_code(about: Told, expected: tuple[str, str, int, str | None]) -> None:
    body = body_of("mailgun", about)
    status = body["delivery-status"]
    assert body["event"] == "failed"
    assert body["log-level"] == ("warn" if expected[0] == "temporary" else "error")
    assert (body["severity"], body["reason"], status["code"], status.get("bounce-type")) == expected


def test_mailguns_too_old_keeps_the_last_reply() -> None:
    status = body_of("mailgun", STORY["failed-expired"])["delivery-status"]
    assert (status["message"], status["code"]) == ("Too old", 602)
    assert (status["last-code"], status["last-message"]) == (451, "try again later")


def test_mailguns_next_wait_is_told() -> None:
    assert body_of("mailgun", STORY["deferred"])["delivery-status"]["retry-seconds"] == 600


@pytest.mark.parametrize(
    ("policy", "tls", "is_verified"),
    [
        ("no policy; TLS, certificate not checked", "TLSv1.3 X", False),
        ("no policy; in clear", "", False),
        ("MTA-STS of a.test: certificate of mx.a.test valid", "TLSv1.3 X", True),
        ("DANE: TLSA 3 1 1 of mx.a.test matched", "TLSv1.3 X", True),
        (
            "MTA-STS of a.test (testing): certificate of mx.a.test valid (but it is named b)",
            "TLSv1.3 X",
            False,
        ),
    ],
)
def test_mailguns_word_about_the_certificate(policy: str, tls: str, is_verified: bool) -> None:
    about = told(EventKind.DELIVERED, **(ATTEMPT | {"policy": policy, "tls": tls, "code": 250, "text": "OK"}))
    status = body_of("mailgun", about)["delivery-status"]
    assert (status["certificate-verified"], status["tls"]) == (is_verified, bool(tls))


def test_a_test_says_so() -> None:
    about = told(EventKind.DELIVERED, **ATTEMPT, code=650, text="Test mode", is_test=True)
    body = body_of("mailgun", about)
    assert body["flags"]["is-test-mode"] and body["delivery-status"]["code"] == 650


@pytest.mark.parametrize(
    ("mx", "recipient", "provider"),
    [
        ("aspmx.l.google.com", "a@shop.test", "Gmail"),
        ("", "a@GMAIL.com", "Gmail"),
        ("mta5.am0.yahoodns.net.", "a@yahoo.de", "Yahoo"),
        ("shop-test.mail.protection.outlook.com", "a@shop.test", "Hotmail"),
        ("mx.notgoogle.com", "a@notgmail.com", "Other"),
    ],
)
def test_mailguns_provider(mx: str, recipient: str, provider: str) -> None:
    about = told(EventKind.DELIVERED, **(ATTEMPT | {"mx": mx}), code=250)
    about.event.recipient = recipient
    assert body_of("mailgun", about)["recipient-provider"] == provider


def test_mailguns_variables_end_at_four_kilobytes() -> None:
    """Documented: over 4 KB in total they are cut in events."""
    metadata = {"first": "1", "long": "é" * 5000, "late": "2"}
    body = body_of("mailgun", told(EventKind.OPENED, metadata=metadata))
    variables = body["user-variables"]
    assert list(variables)[:1] == ["first"] and set(variables["long"]) == {"é"}
    assert 4000 < len(json.dumps(variables, ensure_ascii=False, separators=(",", ":")).encode()) <= 4096
    small = {"n": 5, "list": [1, {"a": None}], "on": True}
    assert body_of("mailgun", told(EventKind.OPENED, metadata=small))["user-variables"] == small


# -- SendGrid, bounce or block (specification 4.1) -------------------------------

SENDGRID: dict[str, tuple[Told, tuple[str, str, str]]] = {
    "no such user": (failure(FAILED, "bad-mailbox", 550, "5.1.1"), ("bounce", "Invalid Address", "5.1.1")),
    "a disabled mailbox": (
        failure(FAILED, "mailbox-disabled", 550, "5.2.1"),
        ("bounce", "Invalid Address", "5.2.1"),
    ),
    "no such domain": (
        failure(FAILED, "bad-domain", 0, phase="dns"),
        ("bounce", "Invalid Address", "5.1.2"),
    ),
    "a domain without mail": (
        failure(FAILED, "null-mx", 0, "5.1.10"),
        ("bounce", "Invalid Address", "5.1.10"),
    ),
    "a full mailbox": (
        failure(FAILED, "mailbox-full", 552, "5.2.2"),
        ("blocked", "Mailbox Unavailable", "5.2.2"),
    ),
    "a list of bad senders": (
        failure(FAILED, "policy-block", 550, "5.7.1"),
        ("blocked", "Reputation", "5.7.1"),
    ),
    "DMARC": (failure(FAILED, "unauthenticated", 550, "5.7.26"), ("blocked", "Reputation", "5.7.26")),
    "spam": (failure(FAILED, "spam-content", 554), ("blocked", "Content", "554")),
    "a large letter": (failure(FAILED, "too-large", 552, "5.3.4"), ("blocked", "Content", "5.3.4")),
    "TLS": (failure(FAILED, "tls-required", 554, "5.7.10"), ("blocked", "Technical", "5.7.10")),
    "a refusal of no kind": (failure(FAILED, "rejected", 550), ("blocked", "Unclassified", "550")),
    "time over after a rate reply": (
        failure(FAILED, "expired", 554, "5.4.7", "delivery time expired; last reply: 421 too many"),
        ("blocked", "Frequency or Volume Too High", "421"),
    ),
    "time over at a full mailbox": (
        failure(FAILED, "expired", 554, "5.4.7", "delivery time expired; last reply: 452 over quota"),
        ("blocked", "Mailbox Unavailable", "452"),
    ),
    "time over without an answer": (
        failure(FAILED, "expired", 554, "5.4.7", "delivery time expired"),
        ("blocked", "Technical", "4.0.0"),
    ),
}


@pytest.mark.parametrize(("about", "expected"), SENDGRID.values(), ids=SENDGRID)
def test_sendgrids_bounce_or_block(about: Told, expected: tuple[str, str, str]) -> None:
    body = body_of("sendgrid", about)
    assert body["event"] == "bounce"
    assert (body["type"], body["bounce_classification"], body["status"]) == expected
    assert body["reason"]


def test_every_reason_has_a_class() -> None:
    """A word that a rule gives and nobody here thought of is a technical matter, not an error."""
    for reason in {rule.reason for rule in BUILT_IN}:
        body = body_of("sendgrid", failure(FAILED, reason, 550))
        assert body["type"] in ("bounce", "blocked") and body["bounce_classification"]


DROP_REASONS = {
    "suppress-bounce": "Bounced Address",
    "suppress-unsubscribe": "Unsubscribed Address",
    "suppress-complaint": "Spam Reporting Address",
    "suppress-invalid": "Invalid",
    "invalid-address": "Invalid",
    "invalid-options": "Invalid SMTPAPI header",
    "spam": "Spam Content",
}


@pytest.mark.parametrize(("reason", "literal"), DROP_REASONS.items())
def test_sendgrids_literal_drop_reasons(reason: str, literal: str) -> None:
    assert body_of("sendgrid", failure(DROPPED, reason, 605))["reason"] == literal


def test_sendgrids_message_id_begins_with_what_the_session_told() -> None:
    body = body_of("sendgrid", STORY["delivered"])
    first, node, index = body["sg_message_id"].split(".")
    assert (first, index) == (short_id(MESSAGE.id), "1") and node.startswith("recvd-")


def test_sendgrids_event_ids_are_readable_where_the_services_are() -> None:
    def decoded(name: str) -> str:
        id = body_of("sendgrid", STORY[name])["sg_event_id"]
        assert len(id) <= 100 and "=" not in id
        return urlsafe_b64decode(id + "=" * (-len(id) % 4)).decode()

    about = f"{MESSAGE.account_id}-{short_id(MESSAGE.id)}-1"
    assert decoded("accepted") == f"processed-{about}"
    assert decoded("dropped-bounce") == f"drop-{about}"
    assert decoded("failed-expired") == f"bounce-9-{about}"
    assert body_of("sendgrid", STORY["opened"])["sg_event_id"] == short_id(STORY["opened"].event.id)


def test_sendgrids_own_fields_go_before_arguments() -> None:
    """Documented: an argument may only take a name that the event does not use."""
    metadata = {"event": "mine", "email": "mine", "url": "mine", "number": 5}
    body = body_of("sendgrid", told(EventKind.DELIVERED, **(ATTEMPT | {"metadata": metadata}), code=250))
    assert (body["event"], body["email"]) == ("delivered", "bob@example.net")
    assert (body["url"], body["number"]) == ("mine", "5")


@pytest.mark.parametrize(
    ("options", "tags", "expected"),
    [
        (MESSAGE.options, ["welcome"], "welcome"),
        (PLAIN, ["welcome"], ["welcome"]),
        (PLAIN, ["a", "b"], ["a", "b"]),
        (PLAIN, [], None),
    ],
)
def test_sendgrids_category_is_as_submitted(options: SendOptions, tags: list[str], expected: Any) -> None:
    message = replace(MESSAGE, options=options)
    assert body_of("sendgrid", told(EventKind.OPENED, message=message, tags=tags)).get("category") == expected


@pytest.mark.parametrize(
    ("kind", "scopes", "name"),
    [
        (EventKind.UNSUBSCRIBED, [""], "unsubscribe"),
        (EventKind.UNSUBSCRIBED, ["global"], "unsubscribe"),
        (EventKind.UNSUBSCRIBED, ["tag:news"], "unsubscribe"),
        (EventKind.UNSUBSCRIBED, ["group:9"], "group_unsubscribe"),
        (EventKind.RESUBSCRIBED, ["group:9"], "group_resubscribe"),
    ],
)
def test_sendgrids_name_follows_the_scope(kind: EventKind, scopes: list[str], name: str) -> None:
    about = told(kind, **VISIT, scopes=scopes)
    body = body_of("sendgrid", about)
    assert body["event"] == HOOK_FORMS["sendgrid"].name_of(about) == name
    assert body.get("asm_group_id") == (9 if name.startswith("group") else None)


def test_sendgrid_has_no_word_for_coming_back_to_everything() -> None:
    assert HOOK_FORMS["sendgrid"].event_json(told(EventKind.RESUBSCRIBED, scopes=[""])) is None


@pytest.mark.parametrize(
    ("machine", "is_machine"),
    [("", False), ("gmail", False), ("yahoo", False), ("apple", True), ("generic", True)],
)
def test_sendgrids_machine_opens(machine: str, is_machine: bool) -> None:
    about = told(EventKind.OPENED, **(VISIT | {"machine": machine}))
    assert body_of("sendgrid", about)["sg_machine_open"] is is_machine


# -- MailPace --------------------------------------------------------------------


def test_mailpaces_ids_are_small_and_stay() -> None:
    first, second = (body_of("mailpace", STORY[name])["payload"] for name in ("accepted", "delivered"))
    assert first["id"] == second["id"] < 2**53 and first["domain_id"] == second["domain_id"] < 2**31
    other = replace(STORY["delivered"].event, message_id="01KGJ4V6YMJY6G7R2ZB5D1Q8WB")
    assert body_of("mailpace", Told(other, MESSAGE))["payload"]["id"] != first["id"]


def test_mailpaces_texts_are_the_mails_own() -> None:
    payload = body_of("mailpace", STORY["delivered"])["payload"]
    assert (payload["htmlbody"], payload["textbody"]) == ("<p>Grüße</p>", "Grüße")
    assert (payload["cc"], payload["replyto"]) == ("ann@example.net", "help@example.com")
    gone = body_of("mailpace", STORY["failed"])["payload"]
    assert set(gone) == set(payload) and gone["htmlbody"] is gone["cc"] is None


def test_mailpaces_long_text_is_cut() -> None:
    content = CONTENT.replace(b"<p>", b"<p>" + b"x" * 3_000_000)
    about = replace(STORY["delivered"], content=content)
    assert len(body_of("mailpace", about)["payload"]["htmlbody"]) == 1_000_000


# -- all of them -----------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["mailgun", "sendgrid", "mailpace"])
def test_no_service_tells_of_mail_that_we_wrote_ourselves(dialect: str) -> None:
    notice = replace(MESSAGE, credential_id="")
    form = HOOK_FORMS[dialect]
    assert form.event_json(told(EventKind.DELIVERED, message=notice, **LABELS)) is None
    assert form.event_json(told(EventKind.ACCEPTED, message=None, notice_about=MESSAGE.id)) is None


@pytest.mark.parametrize("dialect", HOOK_FORMS)
def test_an_event_outlives_its_message(dialect: str) -> None:
    for name in ("delivered", "failed", "opened", "complained"):
        body = HOOK_FORMS[dialect].event_json(replace(STORY[name], message=None))
        assert (body is None) == (HOOK_FORMS[dialect].event_json(STORY[name]) is None)


@pytest.mark.parametrize("at", [float("nan"), float("inf"), -1.0, 1e300, AT])
def test_any_instant_can_be_told(at: float) -> None:
    assert event_values.instant(at).endswith("Z")
