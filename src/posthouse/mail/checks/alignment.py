"""Would DMARC pass? Who signed, who takes the bounces, and whether that is who the mail is from.

Only one of the two has to fit (RFC 7489 3.1). Whether DNS agrees is what the last look at it said.

Public: Standing, Seen, judge_alignment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from posthouse.mail.addresses import parse_mailboxes
from posthouse.mail.checks.finding import Finding, bad, good, warn
from posthouse.mail.letter import Letter
from posthouse.model.address import BadAddress

_MOST_SIGNATURES = 10
_find_domain = re.compile(rb"(?:^|;)[ \t]*+d[ \t]*+=[ \t]*+([^; \t]++)").search  # RFC 6376 3.5


@dataclass(frozen=True, slots=True)
class Seen:
    """What DNS had of one kind of record when it was asked last; `text` says what to do."""

    is_there: bool
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known beside the letter. `domain`: the sending domain; `return_domain`: of the envelope sender
    that it would leave with, "" for none; `records`: by use ("dkim", "spf", "return-spf", "dmarc"), empty
    when nobody looked yet. `links`: where links that are made here begin. `goes_to_many`: this mail does."""

    domain: str = ""
    return_domain: str = ""
    records: Mapping[str, Seen] = field(default_factory=dict)
    links: str = ""
    goes_to_many: bool = False

    @property
    def is_looked_at(self) -> bool:
        return bool(self.records)


def judge_alignment(letter: Letter, standing: Standing) -> list[Finding]:
    """DKIM, SPF and DMARC, in that order."""
    author = _author_domain(letter)
    if not author:
        return [bad("dmarc", "Nobody can say whom the mail is from, so DMARC fails: see From.")]
    signers = [_signer(value) for value in letter.all(b"dkim-signature")[:_MOST_SIGNATURES]]
    fits = any(_is_aligned(each, author) for each in signers)
    bounces = standing.return_domain
    found = [
        _dkim([each for each in signers if each], author, standing, fits=fits),
        _spf(bounces, author, standing),
    ]
    return [*found, *_dmarc(author, standing, passes=fits or _is_aligned(bounces, author))]


def _author_domain(letter: Letter) -> str:
    try:
        people = list(parse_mailboxes(letter.first(b"from") or b""))
    except BadAddress:
        return ""
    return people[0].address.domain if len(people) == 1 else ""


def _signer(value: bytes) -> str:
    found = _find_domain(value[:4000])
    return found[1].decode("ascii", "replace").rstrip(".").lower() if found else ""


def _is_aligned(one: str, other: str) -> bool:
    """RFC 7489 3.1, relaxed: the same domain, or one above the other. Without the public suffix list two
    neighbours below one domain do not count."""
    if not one or not other:
        return False
    return one == other or one.endswith(f".{other}") or (other.endswith(f".{one}") and "." in one)


def _dkim(signers: list[str], author: str, standing: Standing, *, fits: bool) -> Finding:
    if not signers:
        return bad(
            "dkim",
            f"The mail is not signed, as {standing.domain or author} has no active DKIM key; add one with "
            "`posthouse domain key add`.",
        )
    if not fits:
        return bad(
            "dkim",
            f"It is signed by {signers[0]}, but from {author}, so the signature does not count for DMARC; "
            f"send from {signers[0]}, or add {author} as a domain.",
        )
    seen = standing.records.get("dkim")
    if seen is not None and not seen.is_there:
        return bad("dkim", f"It is signed by {signers[0]}, but receivers could not verify that: {seen.text}")
    return good("dkim", f"It is signed by {', '.join(dict.fromkeys(signers))}, which fits {author}.")


def _spf(bounces: str, author: str, standing: Standing) -> Finding:
    if not bounces:
        return good("spf", "It has no envelope sender, as reports have none; SPF then looks at the host.")
    if not _is_aligned(bounces, author):
        return warn(
            "spf",
            f"Bounces go to {bounces}, which is not {author}, so SPF does not count for DMARC; the "
            "signature alone must.",
        )
    seen = standing.records.get("return-spf" if bounces != author else "spf") or standing.records.get("spf")
    if seen is not None and not seen.is_there:
        return warn(
            "spf",
            f"Bounces go to {bounces}, which fits {author}, but its SPF record is not in order: {seen.text}",
        )
    return good("spf", f"Bounces go to {bounces}, which fits {author}.")


def _dmarc(author: str, standing: Standing, *, passes: bool) -> Iterable[Finding]:
    if not passes:
        yield bad(
            "dmarc",
            f"DMARC fails: neither the signature nor the address for bounces is of {author}. Receivers "
            "put such mail aside or refuse it.",
        )
        return
    seen = standing.records.get("dmarc")
    if not standing.is_looked_at:
        yield warn(
            "dmarc",
            "DMARC would pass, as far as the mail is concerned; nobody has looked at the DNS records of "
            f"{standing.domain or author} yet: `posthouse domain verify` does.",
        )
    elif seen is not None and not seen.is_there:
        yield warn("dmarc", f"DMARC would pass, but the domain has no record for it in order: {seen.text}")
    else:
        yield good("dmarc", "DMARC would pass.")
