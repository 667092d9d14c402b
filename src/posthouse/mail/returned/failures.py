"""Failures told in words only: is it one, who failed, and what was said about it.

Each address in the text gets points for where it stands and what stands around it; the best ones have failed.
That is one rule for all mail programs instead of one per program, and it survives their next version.

Public: text_failures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from posthouse.mail.dsn_fields import clean_address
from posthouse.mail.returned.about import About
from posthouse.mail.returned.addresses import addresses_in, find_addresses
from posthouse.mail.returned.evidence import evidence_around
from posthouse.mail.returned.human import Human
from posthouse.mail.returned.sections import Fields
from posthouse.mail.returned.words import (
    DELAY,
    FAILURE,
    GIVEN_UP,
    RECIPIENT_CUE,
    STRANGER_CUE,
    flat,
    says,
)
from posthouse.model.returned import ReturnedKind, ReturnedRecipient

RECIPIENTS_MAX = 1_000
_CANDIDATES_MAX = 2_000
_DAEMON = re.compile(
    r"mailer-?daemon|mail[ ._-]?daemon|mailerdaemon|mail router|maildelivery|smtp gateway|bounce|mdaemon"
    r"|nondeliver|no-?reply@|mail server|post[ ._-]?master|mail[ .]delivery|delivery (?:sub)?system"
    r"|mail system|mail administrator",
    re.IGNORECASE,
)
_HOUSE = frozenset({"postmaster", "mailer-daemon", "mailerdaemon", "abuse", "hostmaster", "webmaster"})
_cue = re.compile(r"([^\W\d_][\w' -]{0,30})[\s:<\"'(\[]*\Z").search
_subject_line = re.compile(
    r"\n[>* \t]*(?:subject|betreff|objet|asunto|assunto|oggetto|sent|date):", re.IGNORECASE
).match
_not_a_list = re.compile(r"[^\s,;<>\"'|]").search
_ALIAS_CUES = frozenset({"expanded from", "generated from"})
_names_below = re.compile(r":[ \t]*\n\s*\n?((?:[ \t]*[A-Za-z0-9._-]{2,64}[ \t]*(?:\n|\Z))+)").finditer
_only_blanks = re.compile(r"[\s<>\"'*\-•·:,;.()\[\]]*\Z").match


@dataclass(slots=True)
class _Candidate:
    address: str
    start: int
    end: int
    points: int
    is_first: bool = False


def text_failures(
    fields: Fields, human: Human, about: About
) -> tuple[ReturnedKind, tuple[ReturnedRecipient, ...]]:
    """BOUNCE or DELAY and who; OTHER when neither is told. Without any address the one recipient has ""."""
    failed = addresses_in(", ".join(fields.all("x-failed-recipients")))[:RECIPIENTS_MAX]
    subject, text = flat(fields.first("subject")), human.text
    words = flat(text)
    if not failed and not _is_failure(fields, subject, words):
        return ReturnedKind.OTHER, ()
    kind = ReturnedKind.DELAY if _is_delay(subject, words) else ReturnedKind.BOUNCE
    candidates = _candidates(fields, text, about, {each.lower() for each in failed})
    chosen = _chosen(candidates, failed, about)
    if not chosen:
        chosen = _screen_names(fields, text)
    if not chosen:
        return kind, (evidence_around(text, 0, len(text), ""),)
    recipients = []
    places = sorted({each.start: each for each in chosen}.values(), key=lambda each: each.start)
    for number, each in enumerate(places):
        until = places[number + 1].start if number + 1 < len(places) else len(text)
        after = places[number - 1].end if number else 0
        recipients.append(evidence_around(text, each.start, until, each.address, after))
    return kind, tuple(recipients[:RECIPIENTS_MAX])


def _screen_names(fields: Fields, text: str) -> list[_Candidate]:
    """Names that stand alone on their lines behind a colon: they are of the reporting host's domain."""
    domain = next((each.rpartition("@")[2] for each in addresses_in(fields.first("from"))), "")
    found: list[_Candidate] = []
    for match in _names_below(text):
        start = match.start(1)
        found += [
            _Candidate(each, start, start, 0)
            for each in (clean_address(f"{name}@{domain}") for name in match[1].split())
            if each and says(flat(text[max(0, match.start() - 300) : match.start()]), FAILURE)
        ]
    return found[:RECIPIENTS_MAX]


def _is_failure(fields: Fields, subject: str, words: str) -> bool:
    if not subject and not fields.first("from"):
        return says(words, FAILURE) or says(words, DELAY)
    path = fields.first("return-path").strip()
    is_daemon = (
        path == "<>"
        or bool(_DAEMON.search(fields.first("from")) or _DAEMON.search(path))
        or "multipart/report" in fields.first("content-type").lower()
    )
    told = says(subject, FAILURE) or says(subject, DELAY)
    in_text = says(words, FAILURE) or says(words, DELAY)
    return (is_daemon and (told or in_text)) or (told and in_text)


def _is_delay(subject: str, words: str) -> bool:
    if says(subject, DELAY):
        return not says(subject, FAILURE) or not says(words, GIVEN_UP)
    return says(words, DELAY) and not says(words, GIVEN_UP) and not says(subject, FAILURE)


def _candidates(fields: Fields, text: str, about: About, failed: set[str]) -> list[_Candidate]:
    own = set(addresses_in(" ".join(fields.all("to") + fields.all("from") + fields.all("reply-to"))))
    written = {each.lower() for each in about.recipients}
    senders = {each.lower() for each in about.senders}
    found: list[_Candidate] = []
    before, listed_at = 0, (-1, 0)
    for start, end, address in find_addresses(text):
        if len(found) >= _CANDIDATES_MAX:
            break
        points = _place_points(text, start, end)
        low = address.lower()
        between = text[before:start]
        if before and "\n" not in between and _not_a_list(between):
            points -= 5  # mentioned in what is said about another
        before = end
        if low in failed:
            points += 20
        if low in written:
            points += 6
        if address in own:
            points -= 8
        if low in senders:
            points -= 4
        if low.partition("@")[0] in _HOUSE:
            points -= 6
        line_start = text.rfind("\n", 0, start) + 1
        is_first = bool(_only_blanks(text[line_start:start]))
        paragraph = text.rfind("\n\n", 0, start)
        indent = _indent(text, line_start)
        if is_first and listed_at[0] == paragraph and indent > listed_at[1]:
            points -= 8  # the continued words about the address above
        elif is_first:
            listed_at = (paragraph, indent)
        found.append(_Candidate(address, start, end, points, is_first))
    return found


def _indent(text: str, at: int) -> int:
    head = text[at : at + 40]
    return len(head) - len(head.lstrip())


def _place_points(text: str, start: int, end: int) -> int:
    """What the place of an address in its line and the words around it are worth."""
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    before, behind = text[line_start:start][-120:], text[end:line_end][:300]
    points = 0
    if _only_blanks(before):
        points += 3
        if _only_blanks(behind):
            points += 3
        if behind.lstrip("> \"'").startswith((":", "...", "(", "-", ",", ";")):
            points += 3
    if text[start - 1 : start] == "<" or text[end : end + 1] == ">":
        points += 1
    if _is_summary(before, text[line_end : line_end + 300]):
        return -12
    points += _cue_points(before if before.strip() else text[max(0, line_start - 80) : line_start])
    if says(flat(text[max(0, line_start - 300) : line_start]), FAILURE):
        points += 2
    if says(flat(before + " " + behind), FAILURE):
        points += 4
    elif says(flat(text[line_end : line_end + 300]), FAILURE):
        points += 1
    return points


def _is_summary(before: str, behind: str) -> bool:
    """`To: …`, `Subject: …` in a row: what the letter was, not what became of it."""
    word = before.strip(" \t>*").lower()
    return word.startswith(("to:", "from:", "cc:")) and "\n" in behind and bool(_subject_line(behind))


def _cue_points(before: str) -> int:
    match = _cue(before)
    if match is None:
        return 0
    words = " ".join(match[1].lower().replace("-", " ").split())
    last_two = " ".join(words.split()[-2:])
    last = words.rpartition(" ")[2]
    if last_two in _ALIAS_CUES:
        return 1
    if words in STRANGER_CUE or last_two in STRANGER_CUE or last in STRANGER_CUE:
        return -8
    if words in RECIPIENT_CUE or last_two in RECIPIENT_CUE or last in RECIPIENT_CUE:
        return 2
    return 0


def _chosen(candidates: list[_Candidate], failed: list[str], about: About) -> list[_Candidate]:
    """The best occurrence of each address that has enough points."""
    best: dict[str, _Candidate] = {}
    for each in candidates:
        held = best.get(each.address.lower())
        if held is None or each.points > held.points:
            best[each.address.lower()] = each
    if failed:
        return [best.get(name.lower()) or _Candidate(name, 0, 0, 0) for name in failed]
    if not best:
        return [_Candidate(each, 0, 0, 0) for each in about.recipients] if len(about.recipients) == 1 else []
    top = max(each.points for each in best.values())
    if top < 2:
        if len(about.recipients) == 1:
            return [_Candidate(about.recipients[0], 0, 0, 0)]
        chosen = [each for each in best.values() if each.points == top]
        return chosen if top > 0 or (top >= -1 and len(chosen) == 1) else []
    return [each for each in best.values() if each.points >= max(2, top - (4 if each.is_first else 2))]
