"""Is a letter in order? What its octets, and what is known of its domain, can say; nobody is asked.

Each check says good, warn or bad, what is wrong, and what to do. Any octets give findings, never an error.

Public: check_letter, Finding, Level, Standing, Seen.
"""

from __future__ import annotations

from posthouse.mail.checks.alignment import Seen, Standing, judge_alignment
from posthouse.mail.checks.finding import Finding, Level, bad
from posthouse.mail.checks.html_seen import see_html
from posthouse.mail.checks.of_header import judge_header
from posthouse.mail.checks.of_html import judge_html
from posthouse.mail.checks.of_parts import judge_lines, judge_parts
from posthouse.mail.leaves import Leaf, first_text, leaves_of
from posthouse.mail.letter import BadLetter, parse

__all__ = ["Finding", "Level", "Seen", "Standing", "check_letter"]

_NO_STANDING = Standing()


def check_letter(raw: bytes, standing: Standing = _NO_STANDING) -> list[Finding]:
    """All findings, topic by topic. Slow for a large letter: not for the loop."""
    try:
        letter = parse(raw)
        leaves = leaves_of(raw)
    except BadLetter as error:
        return [bad("lines", f"The mail cannot be taken apart: {error}. Hosts will refuse it.")]
    html = first_text(leaves, "text/html")
    seen = see_html(html) if html is not None else None
    found = judge_header(letter, goes_to_many=standing.goes_to_many)
    found += judge_parts(leaves, seen)
    if html is not None and seen is not None:
        found += judge_html(html, seen, _pictures(leaves), standing.links)
    return [*found, *judge_lines(raw, letter), *judge_alignment(letter, standing)]


def _pictures(leaves: list[Leaf]) -> dict[str, int]:
    return {each.content_id: len(each.content) for each in leaves if each.content_id}
