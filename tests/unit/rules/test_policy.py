"""May this letter be sent like this? (C-11, C-15, D-02, DM-2, MSG-4, SUB-2, SRV-52)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from posthouse.mail.addresses import Mailbox, parse_mailboxes
from posthouse.model.account import Domain, DomainSettings, Principal
from posthouse.model.address import parse_address
from posthouse.model.errors import Refused
from posthouse.rules.policy import is_local_name, judge_fields, judge_from, judge_hops, judge_recipient

DOMAINS = {
    name: Domain(name, account, name, "us", verified, 0.0)
    for name, account, verified in (
        ("shop.test", "acc", 1.0),
        ("second.test", "acc", 1.0),
        ("fresh.test", "acc", None),
        ("other.test", "stranger", 1.0),
        ("sub.shop.test", "stranger", 1.0),
        ("xn--bcher-kva.test", "acc", 1.0),
    )
}
PRINCIPAL = Principal("acc", "shop.test", "shop.test", "us", True, "cred", "app@shop.test")
UNVERIFIED = Principal("acc", "fresh.test", "fresh.test", "us", False, "cred", "app@fresh.test")


@dataclass(frozen=True)
class Settings:
    from_domain: str = "account"
    unverified: str = "refuse"


def judge(value: str, principal: Principal = PRINCIPAL, settings: Settings | None = None) -> bool:
    mailboxes: Sequence[Mailbox] = parse_mailboxes(value.encode())
    return judge_from(mailboxes, principal, settings or Settings(), DOMAINS.get)


ACCEPTED = [
    ("own domain", "a@shop.test"),
    ("own domain in capitals", "A <a@SHOP.TEST>"),
    ("another domain of the account", "a@second.test"),
    ("below an own domain", "a@news.second.test"),
    ("internationalised", "a@bücher.test"),
    ("the machine's own name", "root@build7"),
    ("localhost", "root@localhost"),
    ("mDNS", "root@build7.local"),
    ("localdomain", "root@localhost.localdomain"),
    ("internal", "root@web.eu.internal"),
    ("lan", "root@nas.lan"),
    ("home.arpa", "root@box.home.arpa"),
]


@pytest.mark.parametrize("value", [row[1] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_accepted(value: str) -> None:
    assert judge(value) == ""


REFUSED = [
    ("unknown", "a@nowhere.test", 550, "5.7.1", "Domain not found: nowhere.test"),
    ("a stranger's", "a@other.test", 550, "5.7.1", "Domain not found: other.test"),
    ("a stranger's below ours", "a@sub.shop.test", 550, "5.7.1", "Domain not found: sub.shop.test"),
    ("further below", "a@x.sub.shop.test", 550, "5.7.1", "Domain not found: x.sub.shop.test"),
    ("above ours", "a@test.test", 550, "5.7.1", "Domain not found: test.test"),
    ("only ends like ours", "a@myshop.test", 550, "5.7.1", "Domain not found: myshop.test"),
    ("a literal", "a@[192.0.2.1]", 550, "5.7.1", "Domain not found: [192.0.2.1]"),
    ("own but unverified", "a@fresh.test", 550, "5.7.1", "Sender not authorized: the domain fresh.test"),
    ("below unverified", "a@x.fresh.test", 550, "5.7.1", "Sender not authorized: the domain fresh.test"),
    ("nothing", "", 550, "5.6.0", "no address"),
    ("an empty group", "us:;", 550, "5.6.0", "no address"),
    ("two", "a@shop.test, b@shop.test", 550, "5.6.0", "several"),
    ("two domains", "a@shop.test, b@other.test", 550, "5.6.0", "several"),
    ("a group", "us: a@shop.test;", 550, "5.6.0", "group"),
    ("a route", "<@other.test:a@shop.test>", 550, "5.6.0", "obsolete"),
    ("a comment inside", "a@(@other.test)shop.test", 550, "5.6.0", "obsolete"),
]


@pytest.mark.parametrize(
    ("value", "code", "enhanced", "text"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused(value: str, code: int, enhanced: str, text: str) -> None:
    with pytest.raises(Refused) as caught:
        judge(value)
    assert (caught.value.code, caught.value.enhanced) == (code, enhanced)
    assert text in caught.value.text


def test_an_unverified_principal_may_not_send_at_all() -> None:  # D-02
    for value in ("a@fresh.test", "root@localhost"):
        with pytest.raises(Refused, match=r"Sender not authorized.*fresh\.test"):
            judge(value, UNVERIFIED)
    with pytest.raises(Refused, match=r"Sender not authorized.*fresh\.test"):
        judge("a@elsewhere.test", UNVERIFIED, Settings(from_domain="any"))


def test_unverified_mail_is_held_where_the_operator_wants_that() -> None:  # D-02
    assert judge("a@fresh.test", UNVERIFIED, Settings(unverified="hold")) == "fresh.test"
    assert judge("a@fresh.test", PRINCIPAL, Settings(unverified="hold")) == "fresh.test"
    assert judge("a@shop.test", PRINCIPAL, Settings(unverified="hold")) == ""
    with pytest.raises(Refused, match="Domain not found"):
        judge("a@other.test", UNVERIFIED, Settings(unverified="hold"))


def test_any_domain_where_the_operator_wants_that() -> None:
    assert judge("a@elsewhere.test", settings=Settings(from_domain="any")) == ""
    with pytest.raises(Refused, match="several"):
        judge("a@x.test, b@y.test", settings=Settings(from_domain="any"))


WITH_RULE = {
    f"{rule}.test": Domain(rule, "acc", f"{rule}.test", "us", 1.0, 0.0, DomainSettings(from_policy=rule))
    for rule in ("domain", "account", "any")
}
DOMAIN_RULES = [
    ("its very domain", "domain", "account", "a@domain.test", True),
    ("below it", "domain", "account", "a@news.domain.test", True),
    ("another domain of the account", "domain", "account", "a@shop.test", False),
    ("only ends alike", "domain", "account", "a@mydomain.test", False),
    ("above it", "domain", "account", "a@test", False),
    ("the machine's own name", "domain", "account", "root@localhost", False),
    ("a stranger's", "domain", "any", "a@other.test", False),
    ("stricter than the installation", "domain", "any", "a@elsewhere.test", False),
    ("the account where all may do anything", "account", "any", "a@elsewhere.test", False),
    ("the account's", "account", "any", "a@shop.test", True),
    ("anything, for this domain", "any", "account", "a@elsewhere.test", True),
]


@pytest.mark.parametrize(
    ("rule", "house", "value", "passes"),
    [row[1:] for row in DOMAIN_RULES],
    ids=[row[0] for row in DOMAIN_RULES],
)
def test_a_domain_has_a_rule_of_its_own(rule: str, house: str, value: str, passes: bool) -> None:  # C-11
    name = f"{rule}.test"
    principal = Principal("acc", name, name, "us", True, "cred", f"app@{name}")
    known = DOMAINS | WITH_RULE
    mailboxes = parse_mailboxes(value.encode())
    if passes:
        assert judge_from(mailboxes, principal, Settings(from_domain=house), known.get) == ""
        return
    with pytest.raises(Refused, match="Domain not found") as caught:
        judge_from(mailboxes, principal, Settings(from_domain=house), known.get)
    assert (caught.value.code, caught.value.reason) == (550, "from-domain")


def test_a_strangers_domain_below_ours_stays_the_strangers() -> None:
    principal = Principal("acc", "domain.test", "domain.test", "us", True, "cred", "app@domain.test")
    known = WITH_RULE | {"sub.domain.test": DOMAINS["sub.shop.test"]}
    with pytest.raises(Refused, match="Domain not found"):
        judge_from(parse_mailboxes(b"a@sub.domain.test"), principal, Settings(), known.get)


FIELDS = [
    ("good", {b"from": 1, b"to": 1, b"received": 9}, ""),
    ("no From", {b"to": 1}, "no From field"),
    ("two From", {b"from": 2}, "2 From fields"),
    ("two Subject", {b"from": 1, b"subject": 2}, "2 Subject fields"),
    ("two Reply-To", {b"from": 1, b"reply-to": 3}, "3 Reply-To fields"),
]


@pytest.mark.parametrize(("counts", "text"), [row[1:] for row in FIELDS], ids=[row[0] for row in FIELDS])
def test_fields(counts: dict[bytes, int], text: str) -> None:  # MSG-4, C-15
    names = [name for name, count in counts.items() for _ in range(count)]
    if not text:
        judge_fields(names)
        return
    with pytest.raises(Refused, match=text) as caught:
        judge_fields(names)
    assert (caught.value.code, caught.value.enhanced) == (550, "5.6.0")


def test_recipients_need_a_full_domain() -> None:  # SUB-2
    judge_recipient(parse_address("a@b.test"))
    judge_recipient(parse_address("a@[192.0.2.1]"))
    judge_recipient(parse_address("a@localhost"), allow_unqualified=True)
    with pytest.raises(Refused) as caught:
        judge_recipient(parse_address("a@localhost"))
    assert (caught.value.code, caught.value.enhanced) == (550, "5.1.2")


def test_loops_end() -> None:  # SRV-52
    judge_hops(100)
    with pytest.raises(Refused) as caught:
        judge_hops(101)
    assert (caught.value.code, caught.value.enhanced) == (554, "5.4.6")


@pytest.mark.parametrize(
    ("name", "is_local"),
    [
        ("localhost", True),
        ("a.local", True),
        ("local", True),
        ("a.locals", False),
        ("local.test", False),
        ("home.arpa", True),
    ],
)
def test_local_names(name: str, is_local: bool) -> None:
    assert is_local_name(name) is is_local
