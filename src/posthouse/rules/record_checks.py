"""Compares a needed record with what DNS has, and looks where people put records by mistake.

Public: judge_mx, judge_alias, judge_spf, judge_replies, likely_places, place_hint, SpfSeen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from posthouse.rules.checks import Check, missing, ok, wrong
from posthouse.rules.dkim_check import holds_key
from posthouse.rules.dmarc_check import is_dmarc
from posthouse.rules.dns import Found
from posthouse.rules.records import Record, Use, host_field
from posthouse.rules.spf import MOST_LOOKUPS, Result, Verdict
from posthouse.rules.spf_record import is_spf, joined

_MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class SpfSeen:
    """What receivers would say about each of our addresses; `costs` of the record's terms, where they are
    too many; `terms` that let us pass."""

    verdicts: Mapping[str, Verdict]
    terms: Sequence[str]
    costs: Sequence[tuple[str, int]] = ()


def judge_spf(record: Record, found: Found, domain: str, seen: SpfSeen, hint: str = "") -> Check:
    """Does the SPF record let all our addresses pass?"""
    texts = [text for text in found.texts if is_spf(text)]
    if not texts:
        near = [text for text in found.texts if "spf1" in text.lower()[:12]]
        if near:
            text = (
                "An SPF record begins with exactly v=spf1 and a blank, without quotation marks: correct it."
            )
            return wrong(record, near, text)
        if not found.exists and record.name == domain:
            hint = f"There is no domain {domain} in DNS: is it registered, and does its name server answer?"
        return missing(record, found, domain, hint)
    if len(texts) > 1:
        whole = joined(_merged(texts), seen.terms)
        text = f"There are {len(texts)} SPF records; receivers then trust none. Join them into one: {whole}"
        return wrong(record, texts, text)
    failing = {ip: v for ip, v in seen.verdicts.items() if v.result is not Result.PASS}
    if failing:
        return wrong(record, texts, _spf_text(texts[0], *next(iter(failing.items())), seen))
    return ok(record, texts, _spf_praise(seen.verdicts))


def _merged(texts: Sequence[str]) -> str:
    whole = texts[0]
    for text in texts[1:]:
        words = [
            word for word in text.split()[1:] if "=" not in word and word.lstrip("+-~?").lower() != "all"
        ]
        whole = joined(whole, words)
    return whole


def _spf_text(text: str, ip: str, verdict: Verdict, seen: SpfSeen) -> str:
    if verdict.has_too_many_lookups:
        dear = sorted(seen.costs, key=lambda pair: -pair[1])[:_MOST_NAMED]
        named = ", ".join(f"{term} takes {cost}" for term, cost in dear)
        total = max(sum(cost for _, cost in seen.costs), MOST_LOOKUPS + 1)
        return (
            f"The SPF record needs {total} look-ups and receivers stop at {MOST_LOOKUPS}: {named}. Take out "
            "what you no longer use, or name addresses (ip4:) instead."
        )
    if verdict.result is Result.PERMERROR:
        return f"Receivers cannot use the SPF record: {verdict.why}. Correct it."
    by = f' by "{verdict.term}"' if verdict.term else ""
    better = joined(text, seen.terms)
    return f"The SPF record does not let {ip} pass ({verdict.result}{by}). Change it to: {better}"


def _spf_praise(verdicts: Mapping[str, Verdict]) -> str:
    verdict = max(verdicts.values(), key=lambda each: each.lookups)
    note = "; it lets everybody pass" if verdict.term.lower().lstrip("+") == "all" else ""
    passing = ", ".join(verdicts)
    return f'{passing} passes by "{verdict.term}", with {verdict.lookups} of {MOST_LOOKUPS} look-ups{note}.'


def judge_mx(record: Record, found: Found, domain: str, hint: str = "") -> Check:
    """Does mail for the name come to us, and only to us?"""
    host = record.value.partition(" ")[2].removesuffix(".")
    rows = [f"{preference} {name}." for preference, name in found.rows]
    names = {name for _, name in found.rows}
    if not names or (found.is_alias and host not in names):
        return missing(record, found, domain, hint)
    others = sorted(names - {host})
    if not others:
        return ok(record, rows, "The record is there.")
    if names == {""}:
        return wrong(record, rows, f"{record.name} says that it takes no mail (null MX): replace it.")
    if any(name.startswith(f"{host}.") for name in others):
        return wrong(record, rows, _appended_value(host))
    named = ", ".join(name or "nowhere" for name in others[:_MOST_NAMED])
    if host in names:
        return wrong(record, rows, f"Mail may go to {named} as well: leave only {host}.")
    return wrong(record, rows, f"It points to {named} instead of {host}.")


def judge_alias(
    record: Record, found: Found, domain: str, aside: Mapping[str, Sequence[str]], hint: str = ""
) -> Check:
    """A CNAME; `aside`: the addresses of the record's name and of its target, for flattened ones."""
    target = record.value.removesuffix(".")
    names = [name.lower().removesuffix(".") for name in found.texts]
    if target in names:
        return ok(record, names, "The record is there.")
    if any(name.startswith(f"{target}.") for name in names):
        return wrong(record, names, _appended_value(target))
    if names:
        return wrong(record, names, f"It leads to {names[0]} instead of {target}.")
    own, ours = aside.get(record.name, ()), aside.get(target, ())
    if own and set(own) <= set(ours):
        text = "It leads to us by addresses (a flattened CNAME): change them when ours change."
        return ok(record, own, text)
    if own:
        return wrong(record, own, f"Address records stand in the way of the CNAME to {target}: replace them.")
    return missing(record, found, domain, hint)


def _appended_value(host: str) -> str:
    return f"The panel added the zone to the value: put a dot behind {host}, or pick another way to enter it."


def judge_replies(domain: str, found: Found) -> Check | None:
    """A warning where the sending domain says that nobody can answer; None: it does not."""
    if found.rows != ((0, ""),):
        return None
    record = Record(Use.REPLIES, "answers to the sender", "MX", domain, "a host that takes mail")
    text = (
        f"{domain} says that it takes no mail (null MX); receivers may refuse mail from such a sender "
        "(5.7.27, RFC 7505 4.2). Give it an MX, or take the null MX away."
    )
    return wrong(record, ["0 ."], text)


def likely_places(record: Record, domain: str, selectors: Sequence[str] = ()) -> list[str]:
    """Names at which people publish the record by mistake, the likeliest first."""
    places = [f"{record.name}.{domain}"]
    if record.use is Use.DKIM:
        selector = record.name.partition(".")[0]
        places += [f"{selector}.{domain}", f"{selector}.domainkey.{domain}", f"_domainkey.{domain}"]
        places += [f"{other}._domainkey.{domain}" for other in selectors if other != selector]
    if record.use is Use.DMARC:
        places += [f"dmarc.{domain}", domain]
    return places


def place_hint(record: Record, domain: str, elsewhere: Mapping[str, Found]) -> str:
    """A sentence about where the record is instead; "" for nowhere."""
    for name, found in elsewhere.items():
        if not any(_is_it(record, text) for text in found.texts):
            continue
        field = host_field(record.name, domain)
        if name == f"{record.name}.{domain}":
            return f"It is at {name}: the panel adds the zone by itself. Enter {field} as the name."
        return f"It is at {name} instead of {record.name}. Enter {field} as the name."
    return ""


def _is_it(record: Record, text: str) -> bool:
    if record.use is Use.DKIM:
        return holds_key(text, record)
    if record.use is Use.DMARC:
        return is_dmarc(text)
    if record.kind == "TXT":
        return is_spf(text)
    return text.lower().removesuffix(".") == record.value.rpartition(" ")[2].removesuffix(".")
