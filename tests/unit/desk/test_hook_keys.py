"""Keys that sign posts to receivers, verified in the way that each service tells its customers (C-07)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat

from blank_store import make_store
from posthouse.desk import domains, hook_keys, hook_rotation, hook_signing
from posthouse.desk.installation import Installation
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.model.hook import HookKey
from posthouse.store import identity
from posthouse.store.engine import Connection, connect

CLOCK = FakeClock()
IDS = Ids(CLOCK)
INSTALLATION = Installation(b"k" * 32)
BODY = '{"event":"delivered","name":"Ännchen"}'.encode()
P256 = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PLAIN = serialization.NoEncryption()


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    new = domains.draft(
        INSTALLATION, IDS, CLOCK.now(), name="shop.test", region="us", algorithms=("ed25519-sha256",)
    )
    with connect(url) as opened:
        with opened.transaction():
            for number in (1, 2):
                identity.ensure_account(opened, f"account{number}", id=f"a{number}", now=0.0)
            domains.create(opened, IDS, new, "account1")
        yield opened


def store(
    conn: Connection, made: hook_keys.Made, dialect: str, domain: str = "", *, replaces: bool = False
) -> None:
    with conn.transaction():
        hook_keys.store(
            conn,
            INSTALLATION,
            IDS,
            CLOCK.now(),
            made,
            account_id="a1",
            dialect=dialect,
            domain=domain,
            replaces=replaces,
        )


def loaded(conn: Connection, made: hook_keys.Made, dialect: str, domain: str = "") -> HookKey:
    """The key as it comes out of the store."""
    store(conn, made, dialect, domain)
    found = hook_rotation.load_signing_key(conn, INSTALLATION, "a1", dialect, domain, CLOCK.now())
    assert found == made.key
    return found


def test_C_07_mailguns_receiver_verifies(conn: Connection) -> None:
    made = hook_keys.make("mailgun")
    key = loaded(conn, made, "mailgun")
    signature = hook_signing.mac(key, "1700000000", "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0")
    text = b"1700000000a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0"
    assert signature == hmac.new(made.text.encode(), text, hashlib.sha256).hexdigest()
    brought = hook_keys.bring("mailgun", b" key-3ax6xnjp29jd6fds4gc373sgvjxteol0\n")
    assert brought.key.secret == b"key-3ax6xnjp29jd6fds4gc373sgvjxteol0"


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_C_07_sendgrids_receiver_verifies(conn: Connection, encoding: Encoding, form: PrivateFormat) -> None:
    data = P256.private_bytes(encoding, form, PLAIN)
    key = loaded(conn, hook_keys.bring("sendgrid", data), "sendgrid")
    public = serialization.load_der_public_key(b64decode(key.public))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    signature = b64decode(hook_signing.ecdsa(key, "1700000000", BODY))
    public.verify(signature, b"1700000000" + BODY, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(signature, b"1700000001" + BODY, ec.ECDSA(hashes.SHA256()))
    assert hook_keys.bring("sendgrid", b64encode(P256.private_bytes(Encoding.DER, form, PLAIN))).key == key


def test_C_07_mailpaces_receiver_verifies(conn: Connection) -> None:
    data = b64encode(ED.private_bytes_raw())
    key = loaded(conn, hook_keys.bring("mailpace", data), "mailpace", "Shop.test")
    public = ed25519.Ed25519PublicKey.from_public_bytes(b64decode(key.public))
    public.verify(b64decode(hook_signing.ed25519(key, BODY)), BODY)


def test_C_07_standard_webhooks_verify(conn: Connection) -> None:
    """The example of the specification's own libraries."""
    made = hook_keys.bring("native", b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    key = loaded(conn, made, "native")
    signature = hook_signing.standard(
        key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("dialect", hook_keys.WAYS)
def test_C_07_a_secret_is_shown_once_and_sealed(conn: Connection, dialect: str) -> None:
    made = hook_keys.make(dialect)
    assert bool(made.text) != bool(made.key.public)
    domain = "shop.test" if dialect == "mailpace" else ""
    key = loaded(conn, made, dialect, domain)
    shown = hook_rotation.standing(conn, "a1", dialect, domain, CLOCK.now()).newest
    assert key.secret not in shown.private
    assert repr(key.secret)[2:20] not in repr((shown, key, made))
    if made.text:
        assert hook_keys.bring(dialect, made.text.encode()).key == made.key


WRONG = {
    "mailgun short": ("mailgun", b"secret", "one word of 16 to 256"),
    "mailgun two words": ("mailgun", b"a word and another word", "one word of 16 to 256"),
    "mailgun not ASCII": ("mailgun", "ü".encode() * 20, "one word of 16 to 256"),
    "mailgun long": ("mailgun", b"x" * 257, "one word of 16 to 256"),
    "nothing": ("mailgun", b" \n", "there is nothing in the file"),
    "huge": ("mailgun", b"x" * 70_000, "the file is too large"),
    "native no base64": ("native", b"whsec_!!!", "the secret is whsec_ and base64"),
    "native short": ("native", b"whsec_" + b64encode(b"x" * 23), "24 to 64 octets, this one has 23"),
    "native long": ("native", b"whsec_" + b64encode(b"x" * 65), "24 to 64 octets, this one has 65"),
    "sendgrid text": ("sendgrid", b"hello", "not a readable private key"),
    "sendgrid public": (
        "sendgrid",
        P256.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "this is a public key",
    ),
    "sendgrid public in base64": (
        "sendgrid",
        b64encode(P256.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
        "a public key does not sign",
    ),
    "sendgrid encrypted": (
        "sendgrid",
        P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")),
        "the key is encrypted",
    ),
    "sendgrid another curve": (
        "sendgrid",
        ec.generate_private_key(ec.SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, PLAIN),
        "on the curve P-256 is needed",
    ),
    "sendgrid another kind": (
        "sendgrid",
        ED.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, PLAIN),
        "on the curve P-256 is needed",
    ),
    "mailpace RSA": (
        "mailpace",
        rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, PLAIN),
        "this is an RSA key; an Ed25519 key is needed",
    ),
    "mailpace text": ("mailpace", b"hello", "not a readable private key"),
    "no dialect": ("postmark", b"x", "'postmark' is no dialect that signs; allowed: mailgun"),
}


@pytest.mark.parametrize("case", WRONG)
def test_C_07_what_is_no_key_is_explained(case: str) -> None:
    dialect, data, part = WRONG[case]
    with pytest.raises(Refused) as raised:
        hook_keys.bring(dialect, data)
    assert part in raised.value.text


def test_one_key_of_a_kind_replaced_only_when_wanted(conn: Connection) -> None:
    first, second = hook_keys.make("native"), hook_keys.make("native")
    store(conn, first, "native")
    with pytest.raises(Refused, match="There is a native hook key already; once it is replaced"):
        store(conn, second, "native")
    store(conn, second, "native", replaces=True)
    assert hook_rotation.load_signing_key(conn, INSTALLATION, "a1", "native", "", CLOCK.now()) == second.key


def test_s20_keys_belong_to_an_account_and_its_domains(conn: Connection) -> None:
    store(conn, hook_keys.make("mailgun"), "mailgun")
    with pytest.raises(Refused, match="There is no mailgun hook key here"):
        hook_rotation.load_signing_key(conn, INSTALLATION, "a2", "mailgun", "", CLOCK.now())
    with pytest.raises(Refused, match=r"There is no domain shop\.test here"):
        hook_rotation.standing(conn, "a2", "mailpace", "shop.test", CLOCK.now())
    with pytest.raises(Refused, match="is for one domain: name it"):
        store(conn, hook_keys.make("mailpace"), "mailpace")
    with pytest.raises(Refused, match="is for the whole account; name no domain"):
        store(conn, hook_keys.make("native"), "native", "shop.test")


def test_a_domains_key_goes_with_the_domain(conn: Connection) -> None:
    store(conn, hook_keys.make("mailpace"), "mailpace", "shop.test")
    with conn.transaction():
        domains.remove(conn, "a1", "shop.test")
    assert hook_keys.hook_keys.list_hook_keys(conn, "a1") == []
