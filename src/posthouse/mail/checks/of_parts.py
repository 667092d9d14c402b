"""Checks of what a letter is made of: its plain text, its files, its lines.

Public: judge_parts, judge_lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from posthouse.mail.checks.finding import Finding, bad, examples, good, warn
from posthouse.mail.checks.html_seen import SeenHtml
from posthouse.mail.checks.of_html import placeholders
from posthouse.mail.leaves import Leaf, first_text
from posthouse.mail.letter import Letter

LONGEST_LINE = 998  # RFC 5322 2.1.1, without CRLF
MOST_BYTES = 25 * 1024 * 1024  # Gmail and most others
_LARGE_BYTES = 10 * 1024 * 1024
_TEXT_LOOKED_AT = 400_000  # characters
# What Gmail and Outlook do not let in, in an archive or not
_DANGEROUS = frozenset((
    "ade", "adp", "apk", "appx", "bat", "cab", "chm", "cmd", "com", "cpl", "dll", "dmg", "exe", "hta",
    "ins", "isp", "iso", "jar", "js", "jse", "lib", "lnk", "mde", "msc", "msi", "msix", "msp", "mst",
    "nsh", "pif", "ps1", "scr", "sct", "shb", "sys", "vb", "vbe", "vbs", "vxd", "wsc", "wsf", "wsh",
    "xll",
))  # fmt: skip
_MACROS = frozenset({"docm", "dotm", "xlsm", "xltm", "xlam", "pptm", "potm", "ppam"})
_ARCHIVES = frozenset({"zip", "rar", "7z", "gz", "tgz", "img"})
_LONG_LINE = re.compile(rb"[^\r\n]{999}")


def judge_parts(leaves: Sequence[Leaf], html: SeenHtml | None) -> list[Finding]:
    """`html`: what is in the HTML part, None without one."""
    return [*_plain(leaves, html), *_files(leaves)]


def _plain(leaves: Sequence[Leaf], html: SeenHtml | None) -> Iterable[Finding]:
    text = first_text(leaves, "text/plain")
    if text is None and html is None:
        yield bad("text", "There is nothing to read: neither text nor HTML. Send at least a plain text.")
    elif text is None:
        yield warn(
            "text",
            "There is no plain text beside the HTML; filters count that against a mail, and watches and "
            "screen readers use it. Add one.",
        )
    elif not text.strip():
        yield warn("text", "The plain text is empty; write what the HTML says, or leave that part out.")
    elif html is not None and len(html.text) > 500 and len(text) * 10 < len(html.text):
        yield warn("text", "The plain text says much less than the HTML; let both say the same.")
    else:
        yield good("text", "A plain text is there." if html else "The mail is plain text.")
    yield from placeholders("plain text", (text or "")[:_TEXT_LOOKED_AT])


def _files(leaves: Sequence[Leaf]) -> Iterable[Finding]:
    files = [each for each in leaves if each.name or not each.is_inline]
    if not files:
        return
    names = {each.name: _endings(each.name) for each in files}
    found = []
    if blocked := [name for name, endings in names.items() if endings[-1:] and endings[-1] in _DANGEROUS]:
        found.append(
            bad(
                "files",
                "Gmail and Outlook refuse files of this kind; put them on a page and link to it: "
                f"{examples(blocked)}.",
            )
        )
    if masked := [name for name, endings in names.items() if len(endings) > 1 and endings[-1] in _DANGEROUS]:
        found.append(bad("files", f"A file has two endings, as malware does: {examples(masked)}."))
    if macros := [name for name, endings in names.items() if endings[-1:] and endings[-1] in _MACROS]:
        found.append(
            warn(
                "files",
                f"Many receivers refuse documents with macros; send them without: {examples(macros)}.",
            )
        )
    if archives := [name for name, endings in names.items() if endings[-1:] and endings[-1] in _ARCHIVES]:
        found.append(
            warn(
                "files",
                f"Receivers refuse archives that they cannot look into; better a link: {examples(archives)}.",
            )
        )
    if nameless := sum(not each.name for each in files):
        found.append(
            warn(
                "files",
                f"{nameless} attached {'file has' if nameless == 1 else 'files have'} no name; give it one.",
            )
        )
    yield from found or [
        good("files", f"{len(files)} {'file' if len(files) == 1 else 'files'}, of harmless kinds.")
    ]


def _endings(name: str) -> list[str]:
    """`a.pdf.exe` -> pdf, exe."""
    return [each.strip().lower() for each in name[-100:].split(".")[1:] if 0 < len(each.strip()) <= 5]


def judge_lines(raw: bytes, letter: Letter) -> list[Finding]:
    """What other hosts may refuse, or change on the way."""
    found = []
    if _LONG_LINE.search(raw):
        found.append(
            bad(
                "lines",
                f"A line is longer than {LONGEST_LINE} octets, and hosts cut or refuse it; encode that part "
                "(quoted-printable or base64).",
            )
        )
    if b"\0" in raw:
        found.append(
            bad("lines", "There is an octet zero in the mail, which hosts refuse; encode that part.")
        )
    header = raw[: letter.header_end]
    if not header.isascii():
        found.append(
            warn(
                "lines",
                "The header holds characters outside ASCII as they are, which only hosts with SMTPUTF8 take; "
                "encode them (RFC 2047).",
            )
        )
    elif not raw.isascii():
        found.append(
            warn(
                "lines",
                "The text holds octets above 127 as they are; a host without 8BITMIME cannot take it. Encode "
                "that part (quoted-printable or base64).",
            )
        )
    if len(raw) > MOST_BYTES:
        found.append(
            bad(
                "lines",
                f"The mail has {len(raw) >> 20} MB; Gmail and most others take 25 MB. Link to the files "
                "instead.",
            )
        )
    elif len(raw) > _LARGE_BYTES:
        found.append(
            warn(
                "lines",
                f"The mail has {len(raw) >> 20} MB; many receivers take 10 MB. Link to the files instead.",
            )
        )
    return found or [good("lines", "Every host can take it as it is.")]
