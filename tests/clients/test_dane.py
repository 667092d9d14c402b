"""D-04 with a real validating pair: Knot DNS signs, Unbound validates, Posthouse keeps to what they prove."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clients.validating import validating_pair
from house.house import House, Houses, letter, unique
from house.internet import Internet
from posthouse.internet.places import FakeDomain, settled
from posthouse.internet.scripts import HOST_SCRIPTS

ACCEPT, NO_TLS, SELF_SIGNED = (HOST_SCRIPTS[name] for name in ("accept", "no-tls", "tls-self-signed"))
DOMAINS = (
    FakeDomain("match.dane.test", "TLSA records that fit", ((10, SELF_SIGNED),)),
    FakeDomain("mismatch.dane.test", "TLSA records of another key", ((10, ACCEPT),)),
    FakeDomain("clear.dane.test", "TLSA records and no STARTTLS", ((10, NO_TLS),)),
    FakeDomain("plain.dane.test", "signed, proven to have no TLSA records", ((10, NO_TLS),)),
    FakeDomain("sts.dane.test", "signed, with an MTA-STS policy", ((10, ACCEPT),)),
    FakeDomain("sts-bad.dane.test", "the same with a bad certificate", ((10, SELF_SIGNED),)),
    FakeDomain("changed.test", "a TLSA record was changed after the signing", ((10, ACCEPT),)),
    FakeDomain("forged.test", "signed with a key that nobody vouches for", ((10, ACCEPT),)),
    FakeDomain("unsigned.test", "TLSA records that nothing proves", ((10, NO_TLS),)),
)
STS = ("sts.dane.test", "sts-bad.dane.test")


def zone_texts(internet: Internet) -> dict[str, str]:
    """The zones of these domains as Knot gets them, with their TLSA records."""
    lines = [
        f"{line}".replace(" MX ", ". MX ").replace(" A ", ". A ") for line in settled(DOMAINS)[0].splitlines()
    ]
    lines = [line if line.rpartition(" ")[2][0].isdigit() else f"{line}." for line in lines]
    good, other = internet.world.key_digest, "11" * 32
    wanted = {"match.dane.test": good, "mismatch.dane.test": other, "clear.dane.test": good}
    wanted |= dict.fromkeys(("changed.test", "forged.test", "unsigned.test"), good)
    port = internet.world.port
    lines += [f"_{port}._tcp.mx1.{name}. TLSA 3 1 1 {digest}" for name, digest in wanted.items()]
    for name in STS:
        lines += [f'_mta-sts.{name}. TXT "v=STSv1; id=1"', f"mta-sts.{name}. A 127.0.0.1"]
    zones = ("dane.test", "changed.test", "forged.test", "unsigned.test")
    return {zone: "\n".join(ln for ln in lines if ln.partition(". ")[0].endswith(zone)) for zone in zones}


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    with Internet(DOMAINS) as running:
        for name in STS:
            running.publish_policy(name, f"mode: enforce\nmx: mx1.{name}\n")
        yield running


@pytest.fixture(scope="module")
def house(internet: Internet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A Posthouse that asks Unbound."""
    folder = tmp_path_factory.mktemp("dane")
    (folder / "ca.pem").write_bytes(internet.world.authority_pem)
    good = internet.world.key_digest.upper()
    with validating_pair(
        zone_texts(internet),
        tampered={"changed.test": (f"3 1 1 {good}", f"3 1 1 {'22' * 32}")},
        unsigned=frozenset({"unsigned.test"}),
        forged=frozenset({"forged.test"}),
    ) as resolver:
        houses = Houses(folder, internet)
        settings = {
            "dns": {"servers": [resolver], "validates": True},
            "delivery": {
                "tls_ca": str(folder / "ca.pem"),
                "mta_sts_port": internet.world.policies.port,
            },
        }
        yield houses.new(settings=settings)
        houses.close()


def sent(house: House, domain: str) -> str:
    recipient = f"{unique()}@{domain}"
    house.submit(recipient, letter(recipient))
    return recipient


@pytest.mark.parametrize(
    ("domain", "policy"),
    [
        ("match.dane.test", "DANE: TLSA 3 1 1 of mx1.match.dane.test matched"),
        ("plain.dane.test", "opportunistic: no policy; in clear"),
        ("unsigned.test", "opportunistic: no policy; in clear"),
        ("sts.dane.test", "MTA-STS enforce of sts.dane.test: certificate of mx1.sts.dane.test valid"),
    ],
)
def test_D_04_what_is_proven_is_kept_to_and_delivered(house: House, domain: str, policy: str) -> None:
    recipient = sent(house, domain)
    event = house.event(recipient, "delivered")
    assert event["policy"] == policy
    assert bool(house.internet.copy(recipient).tls) == ("clear" not in policy)


@pytest.mark.parametrize(
    ("domain", "enhanced", "words"),
    [
        ("mismatch.dane.test", "4.7.5", "fits none of the TLSA records"),
        ("clear.dane.test", "4.7.5", "does not offer it"),
        ("sts-bad.dane.test", "4.7.5", "certificate verify failed"),
        ("changed.test", "4.7.5", "TLSA records of mx1.changed.test cannot be had"),
        ("forged.test", "4.4.3", "SERVFAIL"),
    ],
)
def test_D_04_what_is_broken_waits_and_never_goes_in_clear(
    house: House, domain: str, enhanced: str, words: str
) -> None:
    recipient = sent(house, domain)
    event = house.event(recipient, "deferred")
    assert event["enhanced"] == enhanced
    assert words in event["text"]
    assert house.internet.to(recipient) == []
    house.cli("queue", "drop", "--all")


def test_D_04_the_command_line_sees_what_unbound_proves(house: House) -> None:
    told = house.cli("trust", "match.dane.test")
    assert (told["validates"], told["is_mx_secure"]) == (True, True)
    assert house.cli("trust", "unsigned.test")["is_mx_secure"] is False
