"""Bytes are sacred: what nobody asked to change leaves as it came; every combination of options is signed.

The corpus is CPython's own (tests/corpora). Only the fields that make a letter acceptable are ours; MIME
fields and body are the corpus'.
"""

from __future__ import annotations

import base64
import itertools
import json
import quopri
import re
from pathlib import Path

import pytest

from dkim_oracle import verified_signatures
from house import copies
from house.house import Auth, House, Letter, unique

CORPUS = Path(__file__).parents[1] / "corpora" / "cpython-email"
MAILS = sorted(path.name for path in CORPUS.glob("*.txt"))
_MIME = re.compile(rb"(?im)^(?:content-|mime-version|x-)[^\n]*\n(?:[ \t][^\n]*\n)*")
_LINE_END = re.compile(rb"\r\n|\n|\r")


def parts_of(name: str) -> tuple[bytes, bytes]:
    """(MIME fields, body) with CRLF line ends."""
    raw = _LINE_END.sub(b"\n", (CORPUS / name).read_bytes())
    head, _, body = raw.partition(b"\n\n")
    fields = b"".join(_MIME.findall(head + b"\n"))
    return fields.replace(b"\n", b"\r\n"), body.replace(b"\n", b"\r\n")


def corpus_letter(name: str, recipient: str, *options: str) -> tuple[Letter, bytes]:
    """The letter to hand over, and the body that must arrive."""
    fields, body = parts_of(name)
    header_id = f"<{unique()}@client.test>"
    head = f"From: orders@shop.test\r\nTo: {recipient}\r\nSubject: {name}\r\nMessage-ID: {header_id}\r\n"
    own = "".join(f"{option}\r\n" for option in options)
    raw = head.encode() + own.encode() + fields + b"\r\n" + body
    whole = body if not body or body.endswith(b"\r\n") else body + b"\r\n"
    return Letter(raw, header_id), whole


@pytest.fixture(scope="module")
def key(house: House) -> Auth:
    return house.key()


@pytest.fixture(scope="module")
def records(house: House) -> dict[str, str]:
    """DNS name -> value of the DKIM records of shop.test."""
    shown = house.cli("domain", "show", "shop.test")
    return {row["name"].rstrip("."): row["value"] for row in shown["records"] if "_domainkey" in row["name"]}


OPTIONS = {
    "mailgun": ("X-Mailgun-Track: no", "X-Mailgun-Tag: corpus", 'X-Mailgun-Variables: {"a": 1}'),
    "sendgrid": (
        'X-SMTPAPI: {"category": "corpus", "filters": {"clicktrack": {"settings": {"enable": 0}},'
        ' "opentrack": {"settings": {"enable": 0}}}}',
    ),
}


@pytest.mark.parametrize("service", OPTIONS)
@pytest.mark.parametrize("name", MAILS)
def test_MG_04_SG_09_without_tracking_the_body_leaves_as_it_came(
    house: House, key: Auth, records: dict[str, str], name: str, service: str
) -> None:
    recipient = f"{unique()}@good.test"
    sent, body = corpus_letter(name, recipient, *OPTIONS[service])
    house.submit(recipient, sent, auth=key if service == "sendgrid" else None)
    arrived = house.internet.copy(recipient).content
    assert arrived.partition(b"\r\n\r\n")[2] == body
    assert verified_signatures(arrived, records)


PAGE = """<html><body>\r
<p>Hi -name-,  <a href="https://shop.test/?a=1&amp;b=2">go</a> \t</p>\r
</body></html>\r
"""
TRANSFERS = ("7bit", "8bit", "quoted-printable", "base64")
CHOICES = list(itertools.product(TRANSFERS, (False, True), (False, True), (False, True), (False, True)))


@pytest.mark.parametrize(("transfer", "tracks", "varies", "groups", "footer"), CHOICES)
def test_D_03_every_combination_of_options_is_signed(
    house: House,
    key: Auth,
    records: dict[str, str],
    transfer: str,
    tracks: bool,
    varies: bool,
    groups: bool,
    footer: bool,
) -> None:
    recipient = f"{unique()}@good.test"
    octets = (PAGE if transfer == "7bit" else PAGE.replace("Hi", "Grüße")).encode()
    coded = {"quoted-printable": quopri.encodestring, "base64": base64.encodebytes}
    body = coded[transfer](octets) if transfer in coded else octets
    flag = int(tracks)
    header: dict[str, object] = {
        "filters": {
            "clicktrack": {"settings": {"enable": flag}},
            "opentrack": {"settings": {"enable": flag}},
            "footer": {"settings": {"enable": int(footer), "text/html": "<p>Ünser -name-</p>"}},
            "subscriptiontrack": {"settings": {"enable": int(groups)}},
        }
    }
    if varies:
        header |= {"to": [recipient], "sub": {"-name-": ["Zoë <b>&</b>"]}}
    header_id = f"<{unique()}@client.test>"
    head = (
        f"From: orders@shop.test\r\nTo: {recipient}\r\nSubject: for -name-\r\nMessage-ID: {header_id}\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {transfer}\r\nX-SMTPAPI: {json.dumps(header)}\r\n\r\n"
    )
    house.submit(recipient, Letter(head.encode() + body, header_id), auth=key)
    arrival = house.internet.copy(recipient)
    assert verified_signatures(arrival.content, records)
    copy = copies.read(arrival)
    assert ("Zoë <b>&</b>" in copy.html) == varies
    assert (copy.links[0] == "https://shop.test/?a=1&b=2") != tracks
    assert bool(copy.images) == tracks
    assert ("Ünser" in copy.html) == footer
