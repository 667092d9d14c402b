"""A domain's DKIM keys and their life: standby, active, retiring, gone (D-03).

A new domain has two RSA keys, both with their records in DNS from the first day: `ph1` signs, `ph2` stands
by. A rotation makes the key that stands by sign and the other one retire, so DNS needs no change in that
moment. A retiring key signs nothing, but its record stays until whatever it signed has been delivered; then
`key_rounds` puts a fresh key in its place. `key_states` says what may follow what.

Making a key takes up to a second of CPU: `make` and `bring` are called before any transaction. Private halves
are sealed with the installation key and tied to their row's id; nothing prints them.

Public: make, bring, first_keys, free_selector, selector_name, add, load_key_at, load_signing_keys, MOST.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from posthouse.desk.installation import Installation
from posthouse.mail.dkim import ED25519_SHA256, RSA_SHA256, BadKey, SigningKey, load_key, new_key
from posthouse.mail.key_import import import_key
from posthouse.model.account import Domain, DomainKey, KeyState
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store import domain_keys
from posthouse.store.engine import Connection, Duplicate

MOST = 10
_ENDINGS = {RSA_SHA256: "", ED25519_SHA256: "ed"}
_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*\Z")
_NAME_MOST = 253 - len("._domainkey.")


def make(
    installation: Installation,
    ids: Ids,
    now: float,
    domain_id: str,
    *,
    selector: str,
    algorithm: str = RSA_SHA256,
    state: KeyState = KeyState.STANDBY,
) -> DomainKey:
    """A fresh key. Slow: up to a second of CPU for RSA."""
    private, public = new_key(algorithm)
    return _sealed(installation, ids.new(), domain_id, selector, (algorithm, private, public), state, now)


def bring(
    installation: Installation, ids: Ids, now: float, domain_id: str, *, selector: str, data: bytes
) -> tuple[DomainKey, str]:
    """(key that stands by, "" or a warning): a private key from elsewhere, in any usual form. Raises
    Refused."""
    try:
        found = import_key(data)
    except BadKey as error:
        raise Refused(501, "5.7.0", f"Not a key that can sign: {error}", reason="bad-key") from error
    parts = found.algorithm, found.der, found.public
    key = _sealed(installation, ids.new(), domain_id, selector, parts, KeyState.STANDBY, now)
    return key, found.warning


def _sealed(
    installation: Installation,
    key_id: str,
    domain_id: str,
    selector: str,
    parts: tuple[str, bytes, str],
    state: KeyState,
    now: float,
) -> DomainKey:
    algorithm, private, public = parts
    sealed = installation.seal(private, key_id)
    return DomainKey(key_id, domain_id, selector, algorithm, sealed, public, state, now)


def first_keys(
    installation: Installation, ids: Ids, now: float, domain_id: str, algorithms: Sequence[str]
) -> tuple[DomainKey, ...]:
    """What a new domain begins with: a key of each algorithm that signs, and an RSA key that stands by."""
    keys: list[DomainKey] = []
    wanted = [(algorithm, KeyState.ACTIVE) for algorithm in algorithms]
    if RSA_SHA256 in algorithms:
        wanted.append((RSA_SHA256, KeyState.STANDBY))
    for algorithm, state in wanted:
        selector = free_selector(keys, algorithm)
        keys.append(
            make(installation, ids, now, domain_id, selector=selector, algorithm=algorithm, state=state)
        )
    return tuple(keys)


def free_selector(keys: Iterable[DomainKey], algorithm: str) -> str:
    """The first of ph1, ph2, … (ph1ed, ph2ed, … for Ed25519) that no key has."""
    taken = {key.selector for key in keys}
    names = (f"ph{number}{_ENDINGS[algorithm]}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def selector_name(text: str, domain: str) -> str:
    """A selector for the domain in lower case (RFC 6376 3.1: labels with dots between). Raises Refused."""
    name = text.strip().lower()
    ending = f"._domainkey.{domain}"
    if name.endswith(ending):  # the record's whole name, as one copies it
        name = name.removesuffix(ending)
    if not _SELECTOR.match(name):
        text = f"{text.strip()[:80]!r} is no selector: it has letters, digits and hyphens, such as ph3"
        raise Refused(501, "5.5.4", text, reason="bad-selector")
    if len(name) + len(domain) > _NAME_MOST:
        text = f"the selector {name[:80]} is too long: with the domain it makes more than 253 octets"
        raise Refused(501, "5.5.4", text, reason="bad-selector")
    return name


def add(conn: Connection, domain: Domain, new: DomainKey) -> None:
    """Store a key of the domain, inside the caller's transaction. Raises Refused."""
    if new.domain_id != domain.id:  # removed and added again while the key was made
        raise Refused(
            550, "5.5.0", f"The domain {domain.name} has just changed; try again", reason="no-domain"
        )
    keys = domain_keys.keys_of(conn, domain.id)
    if any(key.public == new.public for key in keys):
        raise Refused(550, "5.5.0", f"{domain.name} has this very key already", reason="exists")
    if len(keys) >= MOST:
        text = f"{domain.name} has {len(keys)} keys, which is the most; remove one first"
        raise Refused(550, "5.5.3", text, reason="too-many-keys")
    try:
        domain_keys.add_key(conn, new)
    except Duplicate as error:
        text = f"{domain.name} has a key at the selector {new.selector} already"
        raise Refused(550, "5.5.0", text, reason="exists") from error


def load_key_at(keys: Iterable[DomainKey], domain: Domain, selector: str) -> DomainKey:
    """The domain's key at that selector. Raises Refused."""
    selector = selector_name(selector, domain.name)
    for key in keys:
        if key.selector == selector:
            return key
    text = f"{domain.name} has no key at the selector {selector}"
    raise Refused(550, "5.5.4", text, reason="no-key")


def load_signing_keys(installation: Installation, domain: str, keys: Sequence[DomainKey]) -> list[SigningKey]:
    """Open the active keys of a domain, RSA first. Raises SealBroken; costs about 100 us a key."""
    ordered = sorted((key for key in keys if key.is_active), key=lambda key: key.algorithm != RSA_SHA256)
    return [
        SigningKey(domain, key.selector, key.algorithm, load_key(installation.open(key.private, key.id)))
        for key in ordered
    ]
