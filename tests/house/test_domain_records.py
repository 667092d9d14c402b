"""The road of a domain to verified, in the fake internet's DNS: explained, noticed, kept (D-01, D-02)."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from house.conftest import Stores
from house.house import House, Houses, letter, unique, until
from posthouse.cli.main import run
from posthouse.internet.dns import DnsFault

pytestmark = pytest.mark.long

SHORT = {"domains": {"recheck_s": [1], "verified_recheck_s": 1}, "policy": {"unverified": "hold"}}
ADDRESS = "192.0.2.25"  # of the house, for SPF; nothing connects to it


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def busy(engine: str, shared_houses: Houses, stores: Stores) -> House:
    """It looks at every domain once a second."""
    house = shared_houses.new(store=stores.fresh(engine), settings=SHORT)
    house.internet.publish(f"{house.hostname} A {ADDRESS}")
    return house


@pytest.fixture(scope="module")
def quiet(shared_houses: Houses) -> House:
    """It does not run: only commands look."""
    house = shared_houses.new(starts=False)
    house.internet.publish(f"{house.hostname} A {ADDRESS}")
    return house


def added(house: House, word: str = "new") -> str:
    """A new domain."""
    domain = f"{unique(word)}.test"
    house.cli("domain", "add", domain)
    return domain


def zone_file(house: House, domain: str) -> str:
    """What an operator would put into the zone, with whole names: all domains share one zone text here."""
    lines = house.cli_rows("domain", "records", domain)
    made = [f"{row['name']} {row['kind']} {quoted(row)}" for row in lines]
    return "\n".join(made)


def quoted(row: dict[str, Any]) -> str:
    value = str(row["value"])
    if row["kind"] != "TXT":
        return value
    return " ".join(f'"{value[at : at + 255]}"' for at in range(0, len(value), 255))


def shown(house: House, domain: str) -> dict[str, Any]:
    (row,) = [row for row in house.cli_rows("domain", "list") if row["name"] == domain]
    return dict(row)


def is_green(house: House, domain: str) -> Callable[[], bool]:
    def look() -> bool:
        row = shown(house, domain)
        return bool(row["checks"]) and all(check["is_there"] for check in row["checks"])

    return look


def send_as(house: House, domain: str, recipient: str) -> None:
    """One letter of the domain's own user."""
    login = f"app@{domain}"
    if login not in house.passwords:
        house.add_user(login)
    with house.wire() as wire:
        assert wire.sign_in(login, house.passwords[login]).code == 235
        wire.envelope(f"me@{domain}", [recipient])
        wire.send(letter(recipient, sender=f"me@{domain}").raw + b".\r\n")
        assert wire.read() == "250 Great success"


def test_D_01_D_02_a_domain_turns_green_and_its_held_mail_goes_without_a_command(busy: House) -> None:
    domain = added(busy)
    recipient = f"{unique()}@good.test"
    send_as(busy, domain, recipient)
    assert busy.state(recipient) == "held"
    until(lambda: shown(busy, domain)["checks"], 20, "the first look")
    before = shown(busy, domain)
    assert (before["state"], before["verified"]) == ("unverified", False)
    assert {check["state"] for check in before["checks"]} == {"missing"}
    assert "There is no DKIM record at ph1._domainkey" in before["checks"][0]["text"]

    busy.internet.publish(zone_file(busy, domain))
    until(is_green(busy, domain), 20, "all records to be seen")
    assert shown(busy, domain)["state"] == "verified"
    busy.event(recipient, "delivered")
    assert [event["kind"] for event in busy.events(recipient)][:2] == ["accepted", "released"]
    assert "dkim-signature" in busy.internet.copy(recipient).content.decode().lower()


def test_D_02_a_verified_domain_stays_so_while_dns_fails(busy: House) -> None:
    domain = added(busy)
    busy.internet.publish(zone_file(busy, domain))
    until(is_green(busy, domain), 20, "all records to be seen")
    for name in (domain, f".{domain}"):
        busy.internet.fail_for(name, DnsFault.SERVFAIL)
    until(lambda: shown(busy, domain)["checks"][0]["state"] == "unknown", 20, "a look that fails")
    first = shown(busy, domain)["checked_at"]
    until(lambda: shown(busy, domain)["checked_at"] > first, 20, "one more")
    row = shown(busy, domain)
    assert (row["state"], row["lost_at"]) == ("verified", None)
    assert "DNS could not be asked" in row["checks"][0]["text"]
    recipient = f"{unique()}@good.test"
    send_as(busy, domain, recipient)
    busy.event(recipient, "delivered")
    for name in (domain, f".{domain}"):
        busy.internet.fail_for(name, None)
    until(is_green(busy, domain), 20, "DNS to be believed again")


def test_D_02_a_verified_domain_whose_record_goes_is_told_and_may_still_send(busy: House) -> None:
    domain = added(busy)
    busy.internet.publish(zone_file(busy, domain), under=domain)
    until(is_green(busy, domain), 20, "all records to be seen")
    busy.internet.publish("", under=domain)
    until(lambda: shown(busy, domain)["state"] == "lost", 20, "the loss to be seen")
    assert "The DKIM record has been gone or wrong since" in busy.command("domain", "show", domain)
    recipient = f"{unique()}@good.test"
    send_as(busy, domain, recipient)
    busy.event(recipient, "delivered")
    busy.internet.publish(zone_file(busy, domain), under=domain)
    until(is_green(busy, domain), 20, "the record to be seen again")
    assert shown(busy, domain)["lost_at"] is None


Made = Callable[[str, str, str], str]
"""Zone text from a domain, the value of its key's record and the house's name."""

# what was published by mistake; the record it is about, its state, and a part of the sentence
MISTAKES: dict[str, tuple[Made, str, str, str]] = {
    "nothing_is_there": (lambda d, v, h: "", "dkim", "missing", "There is no DKIM record"),
    "the_zone_was_appended": (
        lambda d, v, h: f'ph1._domainkey.{d}.{d} TXT "{v[:255]}" "{v[255:]}"',
        "dkim",
        "missing",
        "the panel adds the zone by itself. Enter ph1._domainkey as the name",
    ),
    "the_key_is_at_another_selector": (
        lambda d, v, h: f'ph1.{d} TXT "{v[:255]}" "{v[255:]}"',
        "dkim",
        "missing",
        "instead of ph1._domainkey",
    ),
    "the_key_is_cut_into_two_records": (
        lambda d, v, h: f'ph1._domainkey.{d} TXT "{v[:255]}"\nph1._domainkey.{d} TXT "{v[255:]}"',
        "dkim",
        "wrong",
        "cut into 2 records",
    ),
    "the_key_was_cut_at_255": (
        lambda d, v, h: f'ph1._domainkey.{d} TXT "{v[:255]}"',
        "dkim",
        "wrong",
        "The key ends after",
    ),
    "quotes_were_published": (
        lambda d, v, h: f'ph1._domainkey.{d} TXT "\\"{v[:250]}" "{v[250:]}\\""',
        "dkim",
        "wrong",
        "Quotation marks have become part",
    ),
    "backslashes_were_published": (
        lambda d, v, h: f'ph1._domainkey.{d} TXT "v=DKIM1\\\\; k=rsa\\\\; p=" "{v[18:200]}" "{v[200:]}"',
        "dkim",
        "wrong",
        "Backslashes have become part",
    ),
    "an_old_key_is_there": (
        lambda d, v, h: f'ph1._domainkey.{d} TXT "v=DKIM1; k=rsa; p={v[18:62]}" "{"q" * 200}"',
        "dkim",
        "wrong",
        "Another key stands there",
    ),
    "the_key_is_revoked": (
        lambda d, v, h: f'ph1._domainkey.{d} TXT "v=DKIM1; p="',
        "dkim",
        "wrong",
        "revoked",
    ),
    "a_cname_is_in_the_way": (
        lambda d, v, h: f"ph1._domainkey.{d} CNAME elsewhere.test",
        "dkim",
        "missing",
        "delete the CNAME",
    ),
    "cnames_lead_in_a_circle": (
        lambda d, v, h: f"ph1._domainkey.{d} CNAME x.{d}\nx.{d} CNAME ph1._domainkey.{d}",
        "dkim",
        "missing",
        "is an alias (CNAME) of itself, in a circle",
    ),
    "there_are_two_spf_records": (
        lambda d, v, h: f'{d} TXT "v=spf1 mx ~all"\n{d} TXT "v=spf1 a:{h} ~all"',
        "spf",
        "wrong",
        "There are 2 SPF records",
    ),
    "spf_does_not_let_us_pass": (
        lambda d, v, h: f'{d} TXT "v=spf1 ip4:198.51.100.1 -all"',
        "spf",
        "wrong",
        f'does not let {ADDRESS} pass (fail by "-all"). Change it to: v=spf1 ip4:198.51.100.1 a:',
    ),
    "spf_needs_too_many_look_ups": (
        lambda d, v, h: (
            f'{d} TXT "v=spf1 include:i.{d} include:j.{d} a:{h} ~all"\n'
            f'i.{d} TXT "v=spf1 {f"a:o.{d} " * 6}?all"\nj.{d} TXT "v=spf1 {f"a:o.{d} " * 4}?all"\n'
            f"o.{d} A 198.51.100.1"
        ),
        "spf",
        "wrong",
        "needs 13 look-ups and receivers stop at 10: include:i.",
    ),
    "spf_has_a_term_that_is_none": (
        lambda d, v, h: f'{d} TXT "v=spf1 ipv4:192.0.2.1 ~all"',
        "spf",
        "wrong",
        '"ipv4:192.0.2.1" is not a term of SPF',
    ),
    "dmarc_is_there_twice": (
        lambda d, v, h: f'_dmarc.{d} TXT "v=DMARC1; p=none"\n_dmarc.{d} TXT "v=DMARC1; p=reject"',
        "dmarc",
        "wrong",
        "There are 2 DMARC records",
    ),
    "dmarc_is_at_the_domain_itself": (
        lambda d, v, h: f'{d} TXT "v=DMARC1; p=none"',
        "dmarc",
        "missing",
        "Enter _dmarc as the name",
    ),
    "the_return_path_leads_elsewhere": (
        lambda d, v, h: f"return.{d} MX 10 mx.good.test",
        "return-mx",
        "wrong",
        "It points to mx.good.test instead of",
    ),
    "links_lead_elsewhere": (
        lambda d, v, h: f"email.{d} A 198.51.100.1",
        "tracking",
        "wrong",
        "Address records stand in the way",
    ),
    "the_domain_takes_no_mail": (lambda d, v, h: f"{d} MX 0 .", "replies", "wrong", "5.7.27"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_D_01_each_mistake_in_dns_is_explained_with_what_to_do(quiet: House, mistake: str) -> None:
    made, use, state, part = MISTAKES[mistake]
    domain = added(quiet, "odd")
    (key, *_) = quiet.cli_rows("domain", "records", domain)
    quiet.internet.publish(made(domain, key["value"], quiet.hostname), under="a mistake")
    answer = said(quiet, domain)
    about = [row for row in answer["records"] if row["use"] == use]
    check = about[0]  # of several keys the one that signs comes first
    assert (check["state"], part in check["text"]) == (state, True), check
    assert not answer["verified"]


def said(house: House, domain: str) -> dict[str, Any]:
    """`domain verify`, which exits 1 while the domain is not verified."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = run(["domain", "verify", domain, "--json", "--config", str(house.config)])
    answer = json.loads(out.getvalue())
    assert code == (0 if answer["verified"] else 1)
    return dict(answer)


def told(house: House, *words: str) -> str:
    """What a command that declines says, and nothing else."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert run([*words, "--config", str(house.config)]) == 1
    assert out.getvalue() == ""
    return err.getvalue()


def test_D_01_the_records_are_printed_as_a_zone_and_as_fields_of_a_panel(quiet: House) -> None:
    domain = added(quiet)
    text = quiet.command("domain", "records", domain, "--zone-file")
    assert text.startswith(f"$ORIGIN {domain}.\n$TTL 3600\n")
    assert "\nph1._domainkey IN TXT " in text
    assert f'\n@ IN TXT "v=spf1 a:{quiet.hostname} ~all"' in text
    fields = quiet.command("domain", "records", f"{domain.upper()}", "--inbound")
    assert re.search(
        r"DKIM signature \(required\)\n  type   TXT\n  host   ph1\._domainkey\n  value  v=DKIM1", fields
    )
    assert f"  host   @\n  value  10 {quiet.hostname}." in fields
    below = f"news.{domain}"
    quiet.cli("domain", "add", below)
    rows = quiet.cli_rows("domain", "records", below, "--zone", domain)
    assert {row["zone"] for row in rows} == {domain}
    assert rows[0]["host"] == "ph1._domainkey.news"
    assert "is not in the zone" in told(quiet, "domain", "records", below, "--zone", "other.test")


def test_D_01_S20_the_domain_of_another_account_is_answered_like_one_that_is_not_there(quiet: House) -> None:
    domain = added(quiet)
    quiet.cli("account", "add", unique("second"))
    name = quiet.cli_rows("account", "list")[-1]["name"]
    for words in (("verify",), ("records",), ("show",)):
        theirs = told(quiet, "domain", *words, domain, "--account", name)
        nobodys = told(quiet, "domain", *words, "nobody.test", "--account", name)
        assert theirs.replace(domain, "nobody.test") == nobodys
        assert "There is no domain nobody.test here" in nobodys
