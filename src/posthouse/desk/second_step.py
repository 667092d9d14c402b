"""The second step of signing in: a code from an app (RFC 6238), or one of eight recovery codes.

What a person has enrolled is sealed with the installation key. It changes with each use, because a code opens
once; who writes it back replaces exactly what was read, so a code does not open twice on two workers either.

Public: Enrolment, new_secret, enrol, load, use.
"""

from __future__ import annotations

import secrets

import msgspec

from posthouse.desk.installation import Installation, SealBroken
from posthouse.model.account import Person
from posthouse.model.errors import Refused
from posthouse.rules import totp

_CODES = 8
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


class Enrolment(msgspec.Struct, frozen=True):
    """`used` is the last step whose code was taken; `codes`: keyed hashes of unused recovery codes."""

    secret: bytes
    used: int
    codes: tuple[bytes, ...]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Enrolment).decode


def new_secret() -> bytes:
    return secrets.token_bytes(totp.SECRET_BYTES)


def enrol(
    installation: Installation, person_id: str, secret: bytes, code: str, now: float
) -> tuple[bytes, list[str]] | None:
    """What to store of a person who shows a code of this secret, and the recovery codes to show once. None:
    the code is wrong."""
    step = totp.find_step(secret, _digits(code), now, used=-1)
    if step is None:
        return None
    codes = [_new_code() for _ in range(_CODES)]
    hashes = tuple(_hash(installation, person_id, code) for code in codes)
    return seal(installation, person_id, Enrolment(secret, step, hashes)), codes


def load(installation: Installation, person: Person) -> Enrolment:
    """Raises Refused when it was sealed with another installation's key."""
    try:
        return _decode(installation.open(person.totp, person.id))
    except (SealBroken, msgspec.DecodeError) as error:
        raise Refused(
            535,
            "5.7.8",
            "Your second step cannot be read here any more; ask those who run this machine to turn it off",
            reason="seal-broken",
        ) from error


def seal(installation: Installation, person_id: str, enrolment: Enrolment) -> bytes:
    return installation.seal(_encode(enrolment), person_id)


def use(
    installation: Installation, person_id: str, enrolment: Enrolment, code: str, now: float
) -> Enrolment | None:
    """What remains after this code was used; None: it is wrong, or was used already."""
    step = totp.find_step(enrolment.secret, _digits(code), now, enrolment.used)
    if step is not None:
        return Enrolment(enrolment.secret, step, enrolment.codes)
    hashed = _hash(installation, person_id, code)
    if hashed in enrolment.codes:
        return Enrolment(
            enrolment.secret, enrolment.used, tuple(each for each in enrolment.codes if each != hashed)
        )
    return None


def _digits(code: str) -> str:
    """Apps show codes with a blank in the middle."""
    return code.replace(" ", "")[:20]


def _new_code() -> str:
    letters = [secrets.choice(_LETTERS) for _ in range(10)]
    return "".join(letters[:5]) + "-" + "".join(letters[5:])


def _hash(installation: Installation, person_id: str, code: str) -> bytes:
    """As typed by people: case, blanks and the hyphen do not matter."""
    plain = "".join(char for char in code.lower()[:40] if char.isalnum())
    return installation.keyed_hash("recovery", f"{person_id} {plain}")[:16]
