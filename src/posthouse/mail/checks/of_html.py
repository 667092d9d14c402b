"""Checks of a letter's HTML beside its links: size, pictures, what is hidden, what mail programs take out.

Public: judge_html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from posthouse.mail.checks.finding import Finding, bad, examples, good, warn
from posthouse.mail.checks.html_seen import Picture, SeenHtml
from posthouse.mail.checks.targets import is_ours, judge_links

CLIPPED_BYTES = 102 * 1024  # Gmail: "[Message clipped]", observed by everybody, documented nowhere
_NEARLY = 80 * 1024
MOST_PICTURE_BYTES = 1024 * 1024
_FEW_WORDS, _MANY_HIDDEN = 60, 400  # characters; a line for the list of mails is hidden by habit
_placeholder = re.compile(
    r"\{\{[^{}]{1,60}\}\}|\*\|[A-Z_:]{1,40}\|\*|%recipient[._][\w.]{1,40}%|\[\[[^\[\]]{1,40}\]\]"
    r"|<%[^%]{1,40}%>"
)


def judge_html(html: str, seen: SeenHtml, parts: Mapping[str, int], own: str) -> list[Finding]:
    """`parts`: sizes of the parts with a Content-ID, by that. `own`: where links that are made here begin."""
    return [
        *_size(len(html.encode("utf-8", "replace"))),
        *judge_links(seen, own),
        *_pictures([each for each in seen.pictures if not is_ours(each.source, own)], parts, seen),
        *_active(seen),
        *_hidden(seen),
        *placeholders("HTML", seen.text),
    ]


def _size(octets: int) -> Iterable[Finding]:
    kib = f"{octets / 1024:.0f} KB"
    if octets > CLIPPED_BYTES:
        yield bad(
            "size",
            f"The HTML has {kib}; Gmail cuts it off after 102 KB, with what stands at its end (the link "
            "to unsubscribe too). Make it smaller.",
        )
    elif octets > _NEARLY:
        yield warn("size", f"The HTML has {kib}, and Gmail cuts off after 102 KB; leave some room.")
    else:
        yield good("size", f"The HTML has {kib}; Gmail shows 102 KB.")


def _pictures(pictures: Sequence[Picture], parts: Mapping[str, int], seen: SeenHtml) -> Iterable[Finding]:
    shown = [each for each in pictures if not each.is_dot]
    found = [finding for judged in (_sources(pictures, parts), _looks(shown)) for finding in judged]
    if shown and seen.shown < _FEW_WORDS:
        text = (
            "The mail is pictures with hardly a word; filters mistrust that, and many readers see no "
            "pictures. Write what it says as text."
        )
        found.append(bad("images", text))
    if (total := sum(parts.values())) > MOST_PICTURE_BYTES:
        text = f"The pictures in the mail have {total // 1024} KB together; keep them below 1024 KB."
        found.append(warn("images", text))
    if not found and pictures:
        found.append(
            good("images", f"{len(shown)} {'picture' if len(shown) == 1 else 'pictures'}, in order.")
        )
    return found


def _sources(pictures: Sequence[Picture], parts: Mapping[str, int]) -> Iterable[Finding]:
    lost, relative, plain, inside = [], [], [], []
    for source in [each.source for each in pictures]:
        scheme = source.partition(":")[0].lower() if ":" in source[:12] else ""
        if scheme == "cid":
            if source[4:].strip("<>") not in parts:
                lost.append(source)
        elif scheme == "http":
            plain.append(source)
        elif scheme == "data":
            inside.append(source)
        elif scheme != "https" and not source.startswith("//"):
            relative.append(source or "(no address)")
    if lost:
        yield bad(
            "images",
            "A picture points to a part that is not in the mail; attach it with that Content-ID: "
            f"{examples(lost)}.",
        )
    if relative:
        yield bad(
            "images", f"A picture's address is not a whole one; write it with https: {examples(relative)}."
        )
    if inside:
        yield warn(
            "images",
            "A picture stands in the HTML itself (data:), which Gmail and Outlook do not show; attach it "
            "or link to it.",
        )
    if plain:
        yield warn("images", f"A picture comes unencrypted over http; use https: {examples(plain)}.")


def _looks(pictures: Sequence[Picture]) -> Iterable[Finding]:
    if nameless := [each.source for each in pictures if each.alt is None]:
        yield warn(
            "images",
            f"{len(nameless)} of {len(pictures)} pictures have no alt text, which stands there until "
            'pictures are loaded and is read to blind people; add it (alt="" for mere decoration): '
            f"{examples(nameless)}.",
        )
    remote = [
        each.source
        for each in pictures
        if each.source.lower().startswith(("http", "//")) and not each.is_sized
    ]
    if remote:
        yield warn(
            "images",
            "A remote picture has no width and height, so the mail jumps when it is loaded; add both: "
            f"{examples(remote)}.",
        )


def _active(seen: SeenHtml) -> Iterable[Finding]:
    if seen.active:
        yield bad(
            "active",
            "Mail programs take these out, and filters mistrust them; do without: "
            f"{', '.join(sorted(seen.active))}.",
        )
    else:
        yield good("active", "Nothing in the HTML runs or asks for input.")


def _hidden(seen: SeenHtml) -> Iterable[Finding]:
    if seen.hidden > _MANY_HIDDEN:
        yield warn(
            "hidden",
            f"{seen.hidden} characters of text are hidden, as spam does it to mislead filters; hide a "
            "line of preview at most.",
        )


def placeholders(where: str, text: str) -> Iterable[Finding]:
    """Marks of templates that nobody filled in."""
    found = [match[0] for match, _ in zip(_placeholder.finditer(text), range(20), strict=False)]
    if found:
        yield bad(
            "placeholders",
            f"The {where} still holds placeholders that nobody filled in; give values for them: "
            f"{examples(found)}.",
        )
