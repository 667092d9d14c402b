"""What receivers demand of TLS, in whole houses: MTA-STS, DANE, REQUIRETLS (D-04; OTL-2 to OTL-4, REQ-1)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from house import books
from house.house import DOMAIN, House, Houses, letter, unique, until
from house.internet import Internet
from posthouse.internet.scripts import EXTENSIONS, HOST_SCRIPTS, HostScript

pytestmark = pytest.mark.long

GOOD, SELF_SIGNED, NO_TLS = "mx1.good.test", "mx1.tls-self-signed.test", "mx1.notls.test"


@pytest.fixture(scope="module")
def settings(internet: Internet, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """A house that trusts the fake internet's authority and its resolver."""
    authority: Path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.write_bytes(internet.world.authority_pem)
    return {
        "dns": {"validates": True},
        "delivery": {"tls_ca": str(authority), "mta_sts_port": internet.world.policies.port},
    }


@pytest.fixture(scope="module")
def house(shared_houses: Houses, settings: dict[str, dict[str, object]]) -> House:
    return shared_houses.new(settings=settings)


def domain_at(internet: Internet, *hosts: str, policy: str = "") -> str:
    """A new domain whose mail goes to these hosts, with this MTA-STS policy."""
    name = f"{unique('d')}.test"
    internet.publish("\n".join(f"{name} MX {rank} {host}" for rank, host in enumerate(hosts)))
    if policy:
        internet.publish_policy(name, policy)
    return name


def with_tlsa(internet: Internet, host: str, record: str) -> str:
    """A domain at that host with a TLSA record, all of it proven by DNSSEC."""
    name = domain_at(internet, host)
    internet.publish(f"_{internet.world.port}._tcp.{host} TLSA {record}")
    internet.vouch_for(name, host, f".{host}")
    return name


def test_D_04_an_enforced_mta_sts_policy_delivers_over_a_checked_certificate(house: House) -> None:
    domain = domain_at(house.internet, GOOD, policy=f"mode: enforce\nmx: {GOOD}\n")
    recipient = f"m@{domain}"
    message_id = house.submit(recipient)
    policy = f"MTA-STS enforce of {domain}: certificate of {GOOD} valid"
    assert house.event(recipient, "delivered")["policy"] == policy
    assert house.internet.copy(recipient).tls
    assert f"TLS policy: {policy}" in house.command("message", message_id)


@pytest.mark.parametrize("host", [SELF_SIGNED, NO_TLS, "mx1.tls-wrong-name.test", "mx1.tls-refused.test"])
def test_D_04_an_enforced_mta_sts_policy_keeps_mail_from_a_host_without_it(house: House, host: str) -> None:
    domain = domain_at(house.internet, host, policy=f"mode: enforce\nmx: {host}\n")
    recipient = f"m@{domain}"
    house.submit(recipient)
    event = house.event(recipient, "deferred")
    assert (event["code"], event["enhanced"], event["reason"]) == (454, "4.7.5", "tls-policy")
    assert event["text"].startswith(f"MTA-STS enforce of {domain}: ")
    assert house.internet.to(recipient) == []


def test_D_04_an_enforced_mta_sts_policy_leads_to_the_host_that_keeps_it(house: House) -> None:
    domain = domain_at(
        house.internet, SELF_SIGNED, GOOD, policy=f"mode: enforce\nmx: {SELF_SIGNED}\nmx: {GOOD}\n"
    )
    recipient = f"m@{domain}"
    house.submit(recipient)
    assert house.event(recipient, "delivered")["mx"] == GOOD
    assert house.internet.copy(recipient).tls


def test_D_04_a_policy_in_testing_stops_nothing_and_is_told(house: House) -> None:
    domain = domain_at(house.internet, NO_TLS, policy="mode: testing\nmx: mx.elsewhere.test\n")
    recipient = f"m@{domain}"
    house.submit(recipient)
    policy = house.event(recipient, "delivered")["policy"]
    assert policy.startswith(f"MTA-STS testing of {domain}: ")
    assert "delivered all the same" in policy


def test_D_04_a_policy_once_seen_holds_over_a_restart_without_dns_and_https(
    houses: Houses, settings: dict[str, dict[str, object]]
) -> None:
    house = houses.new(settings=settings)
    internet = house.internet
    domain = domain_at(internet, GOOD, policy=f"mode: enforce\nmx: {GOOD}\n")
    house.submit(f"first@{domain}")
    house.event(f"first@{domain}", "delivered")
    internet.withdraw_policy(domain)
    house.stop()
    house.start()
    house.submit(f"second@{domain}")
    policy = house.event(f"second@{domain}", "delivered")["policy"]
    assert policy == f"MTA-STS enforce of {domain}: certificate of {GOOD} valid"


def test_D_04_tlsa_records_that_match_deliver_whatever_name_the_certificate_has(house: House) -> None:
    host = "mx1.tls-bad.test"
    domain = with_tlsa(house.internet, host, f"3 1 1 {house.internet.world.key_digest}")
    recipient = f"m@{domain}"
    house.submit(recipient)
    assert house.event(recipient, "delivered")["policy"] == f"DANE: TLSA 3 1 1 of {host} matched"
    assert house.internet.copy(recipient).tls


@pytest.mark.parametrize("host", ["mx1.no-utf8.test", "mx1.old.test"], ids=["mismatch", "no STARTTLS"])
def test_D_04_tlsa_records_that_do_not_match_keep_mail_back(house: House, host: str) -> None:
    domain = with_tlsa(house.internet, host, f"3 1 1 {'00' * 32}")
    recipient = f"m@{domain}"
    house.submit(recipient)
    event = house.event(recipient, "deferred")
    assert (event["enhanced"], event["reason"]) == ("4.7.5", "tls-policy")
    assert event["text"].startswith("DANE: ")
    assert house.internet.to(recipient) == []


def test_D_04_requiretls_goes_only_where_it_is_promised_again(house: House) -> None:
    promising = HostScript("promises TLS", extensions=(*EXTENSIONS, "REQUIRETLS"))
    host = "mx1.few.test"
    house.internet.play(host, promising)
    try:
        kept = domain_at(house.internet, host, policy=f"mode: enforce\nmx: {host}\n")
        broken = domain_at(house.internet, GOOD, policy=f"mode: enforce\nmx: {GOOD}\n")
        with house.smtp(starttls=True) as client:
            assert client.has_extn("requiretls")
            for domain in (kept, broken):
                sent = letter(f"m@{domain}")
                client.sendmail(f"orders@{DOMAIN}", [f"m@{domain}"], sent.raw, ["REQUIRETLS"])
        assert house.event(f"m@{kept}", "delivered")["policy"].startswith("REQUIRETLS, MTA-STS enforce")
        assert "REQUIRETLS" in house.internet.copy(f"m@{kept}").sender_params
        event = house.event(f"m@{broken}", "failed")
        assert (event["code"], event["enhanced"]) == (550, "5.7.30")
        assert house.internet.to(f"m@{broken}") == []
    finally:
        house.internet.play(host, HOST_SCRIPTS["few"])


def test_D_04_the_header_tls_required_no_delivers_where_a_policy_would_not(house: House) -> None:
    domain = domain_at(house.internet, NO_TLS, policy=f"mode: enforce\nmx: {NO_TLS}\n")
    recipient = f"m@{domain}"
    house.submit(recipient, letter(recipient, fields=["TLS-Required: No"]))
    assert house.event(recipient, "delivered")["policy"] == "the letter says TLS-Required: No; in clear"


def test_D_04_the_command_line_tells_what_the_next_attempt_will_require(house: House) -> None:
    internet = house.internet
    enforced = domain_at(internet, GOOD, SELF_SIGNED, policy=f"mode: enforce\nmx: {GOOD}\n")
    told = house.cli("trust", enforced)
    assert (told["published"]["mode"], told["kept"], told["is_mx_secure"]) == ("enforce", None, False)
    assert [(host["name"], host["is_asked"]) for host in told["hosts"]] == [
        (GOOD, True),
        (SELF_SIGNED, False),
    ]
    proven = with_tlsa(internet, "mx1.tiny.test", f"3 1 1 {internet.world.key_digest}")
    words = house.command("trust", proven)
    assert "DNSSEC proves the MX records" in words
    assert "TLS with a certificate that fits the TLSA records" in words
    assert house.cli("trust", "good.test")["hosts"][0]["next_attempt"].startswith("opportunistic: no policy")


def test_D_04_each_connection_is_counted_for_the_report_of_the_day(house: House) -> None:
    # RFC 8460 4: by recipient domain, policy and result
    good = domain_at(house.internet, GOOD, policy=f"mode: enforce\nmx: {GOOD}\n")
    bad = domain_at(house.internet, SELF_SIGNED, policy=f"mode: enforce\nmx: {SELF_SIGNED}\n")
    for domain, kind in ((good, "delivered"), (bad, "deferred")):
        house.submit(f"m@{domain}")
        house.event(f"m@{domain}", kind)

    def counted() -> dict[str, tuple[str, str]]:
        query = f"select domain, policy, result from tls_result where domain in ('{good}', '{bad}')"
        rows = books.rows(house.store, query)
        found = {row["domain"]: (json.loads(row["policy"])["kind"], row["result"]) for row in rows}
        return found if len(found) == 2 else {}

    found = until(counted, 60, "the counts of both domains")
    assert found == {good: ("sts", ""), bad: ("sts", "certificate-not-trusted")}
