"""What became of a DKIM record on its way through a panel, and the sentence for it (D-01)."""

from __future__ import annotations

from base64 import b64encode

import pytest

from posthouse.rules.checks import State
from posthouse.rules.dkim_check import judge_dkim
from posthouse.rules.dns import Found
from posthouse.rules.records import Record, Use, dkim_value

START = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"  # as every RSA-2048 key begins
KEY = START + b64encode(b"\xfb\xef" + bytes(range(1, 256)) + b"ours").decode()
OTHER = START + b64encode(b"\x11" * 261).decode()
ED = b64encode(b"\xfb" * 32).decode()
VALUE = dkim_value(KEY, "rsa-sha256")
RECORD = Record(Use.DKIM, "DKIM signature", "TXT", "ph1._domainkey.a.test", VALUE, is_required=True)
OK, WRONG, MISSING = State.OK, State.WRONG, State.MISSING

CASES: dict[str, tuple[list[str], State, str]] = {
    "as it should be": ([VALUE], OK, "The key is there."),
    "without spaces": ([VALUE.replace(" ", "")], OK, "is there"),
    "only the key": ([f"p={KEY}"], OK, "is there"),
    "blanks within the key": ([f"v=DKIM1; k=rsa; p={KEY[:100]} {KEY[100:]}"], OK, "is there"),
    "with more tags": ([f"{VALUE}; t=s; n=hello; h=sha1:sha256; s=email"], OK, "The key is there."),
    "a trial": ([f"v=DKIM1; t=y:s; p={KEY}"], OK, "t=y marks it as a trial"),
    "another text beside it": ([VALUE, "v=spf1 -all"], OK, "another text stands beside it"),
    "nothing": ([], MISSING, "There is no DKIM record at ph1._domainkey.a.test yet"),
    "quotation marks": ([f'"{VALUE}"'], WRONG, "Quotation marks have become part"),
    "strings with quotes inside": (
        [f'v=DKIM1; k=rsa; p={KEY[:200]}" "{KEY[200:]}'],
        WRONG,
        "Quotation marks have become part",
    ),
    "escaped semicolons": ([VALUE.replace(";", "\\;")], WRONG, "Backslashes have become part"),
    "two records of one key": ([VALUE[:255], VALUE[255:]], WRONG, "The key is cut into 2 records"),
    "two records, the second first": ([VALUE[255:], VALUE[:255]], WRONG, "The key is cut into 2 records"),
    "cut at 255": ([VALUE[:255]], WRONG, f"ends after {255 - VALUE.index(KEY)} of {len(KEY)} characters"),
    "plus signs lost": ([VALUE.replace("+", " ")], WRONG, "plus signs of the key have become blanks"),
    "small letters": ([f"v=DKIM1; k=rsa; p={KEY.lower()}"], WRONG, "Capital and small letters"),
    "a letter changed": (
        [f"v=DKIM1; p={KEY[:150]}{'A' if KEY[150] != 'A' else 'B'}{KEY[151:]}"],
        WRONG,
        "damaged from character 151 on",
    ),
    "not base64": ([f"v=DKIM1; p={KEY[:90]}…{KEY[91:]}"], WRONG, "damaged from character 91 on"),
    "another key": ([dkim_value(OTHER, "rsa-sha256")], WRONG, "Another key stands there"),
    "a neighbour's key": ([f"v=DKIM1; p={'N' * 60}"], WRONG, "The key of the selector ph2 is published here"),
    "our key and an old one": ([VALUE, dkim_value(OTHER, "rsa-sha256")], WRONG, "There are 2 keys"),
    "our key twice": ([VALUE, f"p={KEY}"], WRONG, "There are 2 keys"),
    "revoked": (["v=DKIM1; p="], WRONG, "revoked (p= is empty)"),
    "no key at all": (["v=spf1 -all"], WRONG, "is no DKIM key"),
    "another version": ([VALUE.replace("DKIM1", "DKIM2")], WRONG, "must begin with v=DKIM1"),
    "the version late": ([f"k=rsa; v=DKIM1; p={KEY}"], WRONG, "must begin with v=DKIM1"),
    "another kind": ([f"v=DKIM1; k=ed25519; p={KEY}"], WRONG, "k=ed25519, but the key is of kind rsa"),
    "another hash": ([f"{VALUE}; h=sha1"], WRONG, "h= excludes sha256"),
    "another service": ([f"{VALUE}; s=other"], WRONG, "s= excludes email"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_D_01(case: str) -> None:
    texts, state, part = CASES[case]
    found = Found(bool(texts), tuple((0, text) for text in texts))
    check = judge_dkim(RECORD, found, "a.test", {"N" * 60: "ph2"})
    assert (check.state, part in check.text) == (state, True), check.text
    assert check.text.endswith(".")
    assert len(check.found) <= 200


def test_a_key_behind_an_alias_is_there() -> None:
    found = Found(True, ((0, VALUE),), "k.host.test", True)
    check = judge_dkim(RECORD, found, "a.test", {})
    assert (check.state, "by way of an alias to k.host.test" in check.text) == (OK, True)


@pytest.mark.parametrize("texts", [[], [dkim_value(OTHER, "rsa-sha256")]], ids=["nothing", "another key"])
def test_an_alias_in_the_way_is_named(texts: list[str]) -> None:
    found = Found(bool(texts), tuple((0, text) for text in texts), "k.host.test", True)
    check = judge_dkim(RECORD, found, "a.test", {})
    assert check.state is MISSING
    assert "ph1._domainkey.a.test is an alias (CNAME) of k.host.test" in check.text
    assert "delete the CNAME" in check.text


def test_an_ed25519_key() -> None:
    record = Record(Use.DKIM, "", "TXT", "e._domainkey.a.test", dkim_value(ED, "ed25519-sha256"))

    def state(text: str) -> State:
        return judge_dkim(record, Found(True, ((0, text),)), "a.test", {}).state

    assert state(record.value) is OK
    assert state(f"v=DKIM1; p={ED}") is WRONG, "without k= it is taken for RSA"
