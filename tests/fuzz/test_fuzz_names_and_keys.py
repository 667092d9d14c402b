"""Names and keys that people paste: whatever it is, a name or a key comes out, or one printable sentence."""

from __future__ import annotations

from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from posthouse.desk import hook_keys
from posthouse.desk.domain_keys import selector_name
from posthouse.desk.domain_names import doubts, new_name, sending_name
from posthouse.mail.dkim import BadKey, load_key, public_of
from posthouse.mail.key_import import import_key
from posthouse.model.errors import Refused

_PLAIN = NoEncryption()
_KEYS = [
    key.private_bytes(encoding, PrivateFormat.PKCS8, _PLAIN)
    for key in (generate_private_key(65537, 1024), Ed25519PrivateKey.from_private_bytes(b"k" * 32))
    for encoding in (Encoding.PEM, Encoding.DER)
]
_KEYS += [b64encode(key) for key in _KEYS]

labels = st.text(st.characters(exclude_categories=()), max_size=20)
names = st.one_of(
    st.text(max_size=80),
    st.lists(labels, max_size=6).map(".".join),
    st.lists(st.from_regex(r"(xn--)?[a-z0-9_-]{0,12}", fullmatch=True), max_size=5).map(".".join),
    st.from_regex(r"(https?://)?([a-z@:/?#\[\]*.]{0,20})", fullmatch=True),
)


@settings(deadline=None)
@given(names)
@example("xn--\u0130.com")
@example("a" * 10_000)
@example("\ud800.com")
def test_a_name_is_read_or_explained(text: str) -> None:
    for read in (sending_name, new_name):
        try:
            name = read(text)
        except Refused as refused:
            assert refused.text.isprintable() and len(refused.text) < 400
        else:
            assert name.isascii() and name == name.lower() and len(name) <= 253
            assert sending_name(name) == name
            assert doubts(name) == "" or doubts(name).isprintable()


@given(st.text(max_size=300))
def test_a_selector_is_read_or_explained(text: str) -> None:
    try:
        name = selector_name(text, "shop.test")
    except Refused:
        return
    assert selector_name(name, "shop.test") == name


@st.composite
def nearly_keys(draw: st.DrawFn) -> bytes:
    """A real key with a few octets changed, cut out or put in."""
    data = bytearray(draw(st.sampled_from(_KEYS)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(data)


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=300), nearly_keys()))
@example(b"-----BEGIN PRIVATE KEY-----")
@example(b"-----BEGIN -----END -----")
def test_a_key_is_read_or_explained(data: bytes) -> None:
    try:
        found = import_key(data)
    except BadKey as error:
        assert str(error).isprintable() and len(str(error)) < 200
    else:
        assert public_of(load_key(found.der)) == found.public
        assert import_key(found.der).public == found.public


@settings(deadline=None)
@given(st.sampled_from(sorted(hook_keys.WAYS)), st.one_of(st.binary(max_size=300), nearly_keys()))
def test_a_hook_key_is_read_or_explained(dialect: str, data: bytes) -> None:
    try:
        made = hook_keys.bring(dialect, data)
    except Refused as refused:
        assert refused.text.isprintable()
    else:
        assert made.key.secret
