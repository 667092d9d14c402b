"""Where the links and pictures of a letter lead, judged by their addresses alone: nobody is asked.

Public: judge_links, is_ours, host_of.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from posthouse.mail.checks.finding import Finding, bad, examples, good, warn
from posthouse.mail.checks.html_seen import Link, SeenHtml

MANY_LINKS = 50
_RUNS = frozenset({"javascript", "vbscript", "data", "file"})
_FINE = frozenset({"http", "https", "mailto", "tel", "sms", "cid"})
# RFC 2606, RFC 6761, RFC 6762, RFC 8375: names that nobody outside can look up
_NOWHERE = (".local", ".localhost", ".localdomain", ".internal", ".lan", ".home.arpa", ".test", ".invalid")
_SHORT = frozenset((
    "bit.ly", "tinyurl.com", "goo.gl", "t.co", "ow.ly", "is.gd", "buff.ly", "rebrand.ly", "cutt.ly",
    "rb.gy", "shorturl.at", "tiny.cc", "t.ly", "bl.ink", "lnkd.in", "v.gd", "s.id",
))  # fmt: skip
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}):").match
_ADDRESS = re.compile(
    r"(?:https?://)?((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24})(?:[:/?#]\S*)?", re.IGNORECASE
).fullmatch
_placeholder = re.compile(r"\{\{|\}\}|\*\||%recipient|%7B%7B|\[\[|<%|\$\{", re.IGNORECASE).search


def host_of(target: str) -> str | None:
    """The host of a web address in lower case, "" where it has none. None: no address at all."""
    try:
        return (urlsplit(target).hostname or "").rstrip(".").lower()
    except ValueError:
        return None


def is_ours(target: str, own: str) -> bool:
    """Is it a link that was made here (to count clicks, to unsubscribe)? `own`: where those begin."""
    return bool(own) and target.startswith(f"{own.rstrip('/')}/")


def judge_links(html: SeenHtml, own: str) -> list[Finding]:
    """All about the links; one finding a kind of trouble. `own` as in `is_ours`."""
    links = html.links
    if not links:
        return [good("links", "There are no links.")]
    outside = [link for link in links if not is_ours(link.target, own)]
    found = [
        finding
        for text, judge, is_bad in _JUDGES
        if (wrong := [link for link in outside if judge(link)])
        for finding in [_said(text, wrong, is_bad=is_bad)]
    ]
    if not html.has_base:
        found += _relative(outside)
    found += _counts(links, outside, own)
    return found or [good("links", f"{len(links)} {'link' if len(links) == 1 else 'links'}, in order.")]


def _said(text: str, wrong: Sequence[Link], *, is_bad: bool) -> Finding:
    sentence = f"{text}: {examples(link.target or link.words or '(no text)' for link in wrong)}."
    return bad("links", sentence) if is_bad else warn("links", sentence)


def _scheme(link: Link) -> str:
    found = _SCHEME(link.target)
    return found[1].lower() if found else ""


def _is_empty(link: Link) -> bool:
    return link.target in ("", "#")


def _runs(link: Link) -> bool:
    return _scheme(link) in _RUNS


def _is_unreadable(link: Link) -> bool:
    return host_of(link.target) is None or (_scheme(link) in ("http", "https") and host_of(link.target) == "")


def _is_plain(link: Link) -> bool:
    return _scheme(link) == "http" and not _is_nowhere(link)


def _is_nowhere(link: Link) -> bool:
    host = host_of(link.target) if _scheme(link) in ("http", "https") else ""
    if not host:
        return False
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_NOWHERE)


def _is_short(link: Link) -> bool:
    return (host_of(link.target) or "") in _SHORT


def _differs(link: Link) -> bool:
    """Is its text an address, and another one?"""
    shown = _ADDRESS(link.words)
    host = host_of(link.target) if _scheme(link) in ("http", "https") else ""
    if not shown or not host:
        return False
    name = shown[1].lower().removeprefix("www.")
    return not (host == name or host.endswith(f".{name}") or name.endswith(f".{host.removeprefix('www.')}"))


def _is_unfilled(link: Link) -> bool:
    return bool(_placeholder(link.target))


_JUDGES: Sequence[tuple[str, Callable[[Link], bool], bool]] = (
    ("A link still holds a placeholder that nobody filled in; give it a value", _is_unfilled, True),
    ("Mail programs take links that run something out; link to a page instead", _runs, True),
    ("A link is no readable address; correct it", _is_unreadable, True),
    ("A link leads to a place that only your own network knows; use a public address", _is_nowhere, True),
    ("A link shows another address than it leads to, as fraud does; let both say the same", _differs, True),
    ("A link leads nowhere; give it an address", _is_empty, False),
    ("A link goes unencrypted over http; use https", _is_plain, False),
    ("A link goes by a shortener, which filters mistrust; link to the place itself", _is_short, False),
)
"""A sentence about the links that it holds for; are they bad?"""


def _relative(links: Sequence[Link]) -> list[Finding]:
    wrong = [
        link
        for link in links
        if not _is_empty(link) and link.target[0] != "#" and not _scheme(link) and not _is_unfilled(link)
    ]
    text = "A link is relative, and a mail has no place that it could be relative to; write it whole"
    return [_said(text, wrong, is_bad=True)] if wrong else []


def _counts(links: Sequence[Link], outside: Sequence[Link], own: str) -> list[Finding]:
    found = []
    tracked = len(links) - len(outside)
    shown = [link for link in links if is_ours(link.target, own) and _ADDRESS(link.words)]
    if shown:
        text = (
            "A tracked link shows an address as its text, so the two differ, which looks like fraud; write "
            "words, or leave clicks of this mail uncounted"
        )
        found.append(warn("links", f"{text}: {examples(link.words for link in shown)}."))
    unknown = [link for link in outside if _scheme(link) and _scheme(link) not in _FINE | _RUNS]
    if unknown:
        text = "Not every mail program opens links of this kind"
        found.append(warn("links", f"{text}: {examples(link.target for link in unknown)}."))
    if len(links) > MANY_LINKS:
        found.append(
            warn("links", f"There are {len(links)} links; filters mistrust mail with so many, keep fewer.")
        )
    elif tracked and not found:
        text = (
            f"{tracked} of {len(links)} links lead by way of this Posthouse, to count clicks or to "
            "unsubscribe."
        )
        found.append(good("links", text))
    return found
