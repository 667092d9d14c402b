"""Is there a DMARC record that holds for the domain, its own or one above it (RFC 9989)?

Public: judge_dmarc, names_above, is_dmarc.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from posthouse.rules.checks import Check, missing, ok, wrong
from posthouse.rules.dns import Found
from posthouse.rules.records import Record

_POLICIES = ("none", "quarantine", "reject")
_WALK = 7  # RFC 9989 4.10: after the domain itself, names of at most seven labels
_is_record = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)").match


def is_dmarc(text: str) -> bool:
    """RFC 9989 4.7: the version comes first and exactly so; anything else is no DMARC record."""
    return _is_record(text) is not None


def names_above(domain: str) -> list[str]:
    """Where to look when the domain has no record of its own, the nearest first (4.10)."""
    labels = domain.split(".")
    starts = range(max(1, len(labels) - _WALK), len(labels) - 1)  # a top-level domain speaks for nobody here
    return ["_dmarc." + ".".join(labels[start:]) for start in starts]


def judge_dmarc(
    record: Record, found: Found, domain: str, above: Mapping[str, Found], hint: str = ""
) -> Check:
    """`above`: answers for `names_above`; `hint`: a sentence about where the record is instead."""
    records = [text for text in found.texts if is_dmarc(text)]
    if len(records) > 1:
        text = f"There are {len(records)} DMARC records; receivers then use none. Leave one."
        return wrong(record, records, text)
    if records:
        fault = _fault(records[0])
        return wrong(record, records, fault) if fault else ok(record, records, _praise(records[0]))
    broken = [text for text in found.texts if "dmarc" in text.lower()]
    if broken:
        text = (
            "A DMARC record begins with exactly v=DMARC1; and has no quotation marks: publish the one shown."
        )
        return wrong(record, broken, text)
    for name, answer in above.items():
        if any(is_dmarc(text) and _tags(text).get("psd") != "y" for text in answer.texts):
            text = f"The record of {name.removeprefix('_dmarc.')} holds for this domain too."
            return ok(record, answer.texts, text)
    return missing(record, found, domain, hint)


def _tags(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(";")]
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _fault(text: str) -> str:
    tags = _tags(text)
    policy = tags.get("p", "").lower()
    if policy in _POLICIES or (not policy and "rua" in tags):  # 4.7: then as p=none
        return ""
    if not policy:
        return "The record has no policy: add p=none."
    return f"p={policy[:20]} is no policy: it is none, quarantine or reject."


def _praise(text: str) -> str:
    tags = _tags(text)
    notes = []
    if "pct" in tags:
        notes.append("pct= means nothing any more (RFC 9989) and may go")
    if any(not place.strip().lower().startswith("mailto:") for place in _places(tags)):
        notes.append("reports arrive only where rua= begins with mailto:")
    return f"The record is there ({'; '.join(notes)})." if notes else "The record is there."


def _places(tags: Mapping[str, str]) -> list[str]:
    return [place for key in ("rua", "ruf") for place in tags.get(key, "").split(",") if place.strip()]
