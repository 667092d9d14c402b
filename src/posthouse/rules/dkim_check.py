"""Is the DKIM key that DNS has the one that signs? If not, what became of it on its way through a panel?

Public: judge_dkim, holds_key.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from itertools import permutations

from posthouse.rules.checks import Check, missing, ok, wrong
from posthouse.rules.dns import Found
from posthouse.rules.records import Record

_MOST_PIECES = 4
_ALIKE = 40  # characters in common make it our key, damaged


def judge_dkim(record: Record, found: Found, domain: str, others: Mapping[str, str], hint: str = "") -> Check:
    """Compare the TXT records at a selector with the key. `others`: selectors of the domain's other keys by
    their public part; `hint`: a sentence about where the record is instead."""
    texts = found.texts
    wanted = _tags(record.value)
    good = [text for text in texts if not _fault(text, wanted, others)]
    if not texts or (found.is_alias and not good):
        return missing(record, found, domain, hint)
    if not good:
        text = _cut_text(texts, wanted["p"]) or _fault(_likeliest(texts, wanted["p"]), wanted, others)
        return wrong(record, texts, hint or text)
    rest = [text for text in texts if text not in good]
    if len(good) > 1 or any("p" in _tags(text) for text in rest):  # RFC 6376 3.6.2.2: undefined
        text = f"There are {len(texts)} keys at {record.name}; receivers may take either. Leave only ours."
        return wrong(record, texts, text)
    return ok(record, good, f"The key is there{_notes(good[0], rest, found)}.")


def holds_key(text: str, record: Record) -> bool:
    """Is this text, wherever it was found, the record?"""
    return not _fault(text, _tags(record.value), {})


def _tags(text: str) -> dict[str, str]:
    """RFC 6376 3.2 tag list."""
    pairs = [part.partition("=") for part in text.split(";")]
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


def _fault(text: str, wanted: Mapping[str, str], others: Mapping[str, str]) -> str:
    """ "" for our key in good order, else a sentence."""
    if '"' in text:
        return "Quotation marks have become part of the record: enter the text without them."
    if "\\" in text:
        return (
            "Backslashes have become part of the record: enter the text without them, semicolons as they are."
        )
    tags = _tags(text)
    if "p" not in tags:
        return "What stands there is no DKIM key: publish the record shown in its place."
    if not tags["p"]:
        return "The key there is revoked (p= is empty): replace it by the record shown."  # RFC 6376 3.6.1
    return _tag_fault(text, tags, wanted["k"]) or _key_fault(tags["p"], wanted["p"], others)


def _tag_fault(text: str, tags: Mapping[str, str], kind: str) -> str:
    """RFC 6376 3.6.1: what the tags around the key must say."""
    if "v" in tags and (tags["v"] != "DKIM1" or not text.lstrip().startswith("v")):
        return "The record must begin with v=DKIM1: publish it exactly as shown."
    if tags.get("k", "rsa") != kind:
        return (
            f"The record says k={tags.get('k', 'rsa')}, but the key is of kind {kind}: publish it as shown."
        )
    if "h" in tags and "sha256" not in tags["h"].replace(":", " ").split():
        return "h= excludes sha256, which we sign with: publish the record as shown."
    if "s" in tags and not {"*", "email"} & set(tags["s"].replace(":", " ").split()):
        return "s= excludes email: publish the record as shown."
    return ""


def _key_fault(raw: str, wanted: str, others: Mapping[str, str]) -> str:
    key = "".join(raw.split())  # blanks within mean nothing
    if key == wanted:
        return ""
    if raw.replace(" ", "+") == wanted:
        return "The plus signs of the key have become blanks: enter it again, as plain text."
    if key in others:
        return f"The key of the selector {others[key]} is published here: the two records are swapped."
    if wanted.startswith(key):
        return (
            f"The key ends after {len(key)} of {len(wanted)} characters: enter it whole, if need be as "
            "several strings of at most 255 characters in one record."
        )
    if key.lower() == wanted.lower():
        return "Capital and small letters of the key are mixed up: copy it exactly."
    if not _is_base64(key) or _alike(key, wanted) >= _ALIKE + _common_start(wanted):
        return f"The key is damaged from character {_alike(key, wanted) + 1} on: copy it exactly."
    return "Another key stands there, an old one or another service's: replace it by the record shown."


def _is_base64(text: str) -> bool:
    try:
        b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    return next((place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
                min(len(one), len(other)))  # fmt: skip


def _common_start(key: str) -> int:
    """All RSA keys of one size begin alike: the structure around the modulus."""
    return 44 if key.startswith("MI") else 0


def _cut_text(texts: Sequence[str], wanted: str) -> str:
    """A key in several TXT records: each alone is useless, and their order is lost."""
    if not 1 < len(texts) <= _MOST_PIECES:
        return ""
    for order in permutations(texts):
        if "".join(_tags("".join(order)).get("p", "").split()) == wanted:
            return (
                f"The key is cut into {len(texts)} records: it must be one record, which may consist of "
                "several strings."
            )
    return ""


def _likeliest(texts: Sequence[str], wanted: str) -> str:
    return max(texts, key=lambda text: ("p" in _tags(text), _alike(_tags(text).get("p", ""), wanted)))


def _notes(text: str, rest: Sequence[str], found: Found) -> str:
    tags = _tags(text)
    notes = []
    if found.is_alias:
        notes.append(f"by way of an alias to {found.canonical}")
    if "y" in tags.get("t", "").replace(":", " ").split():
        notes.append("t=y marks it as a trial: take that out when all is well")
    if rest:
        notes.append("another text stands beside it that should be somewhere else")
    return f" ({'; '.join(notes)})" if notes else ""
