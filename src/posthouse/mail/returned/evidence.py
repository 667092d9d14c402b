"""What was said about one address in running text: the words, and the codes in them.

Public: evidence_around, codes_in.
"""

from __future__ import annotations

import re

from posthouse.mail.dsn_fields import clean_address
from posthouse.model.returned import ReturnedRecipient

TEXT_MAX = 1_000
_AFTER_MAX = 1_500
_BEFORE_MAX = 500
# A reply is told behind one of these; a bare number of three digits is anything.
_reply = re.compile(
    r"(?:^|[:;(<\[#\"'>|,]|\b(?:said|says|reply|replied|response|error|returned|code|status|smtp|server|was|is|with|fehler|erreur"
    r"|errore|erro|fout))[ \t]*[#:]?[ \t\"'<(\[]*([45][0-9][0-9])(?=[ \t:;,)\]>\"'#-]|\.[ \n]|\n|\Z)",
    re.IGNORECASE | re.MULTILINE,
)
_near = re.compile(r"(?<![0-9.:])([45][0-9][0-9])[ \t-]+#?[45]\.[0-9]{1,3}\.[0-9]{1,3}")
_enhanced = re.compile(r"(?<![0-9.])([45]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9]|\.[0-9])")
_host = re.compile(
    r"\b(?:host|server|by|while talking to|MX)[ \t]+<?([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+)", re.IGNORECASE
)
_alias = re.compile(r"\((?:expanded|generated) from:?[ \t]+<?([^\s<>()]{3,320})>?\)")
_blanks = re.compile(r"\s+").sub


def evidence_around(text: str, start: int, end: int, address: str, since: int = 0) -> ReturnedRecipient:
    """`text[start:end]` begins with the address and ends where the next one begins; what stands
    before it, from `since` on, is read only if it holds no code."""
    line_start = text.rfind("\n", 0, start) + 1
    after = text[line_start : min(end, line_start + _AFTER_MAX)]
    code, enhanced = codes_in(after)
    words = after
    if not code and not enhanced:
        before = text[max(since, line_start - _BEFORE_MAX) : line_start]
        code, enhanced = codes_in(before)
        words = after + "\n" + before
    host = _host.search(words)
    alias = _alias.search(after)
    return ReturnedRecipient(
        address,
        original=clean_address(alias[1]) if alias else "",
        code=code,
        enhanced=enhanced,
        text=_blanks(" ", words).strip()[:TEXT_MAX],
        host=host[1].rstrip(".")[:255] if host else "",
    )


def codes_in(text: str) -> tuple[int, str]:
    """(SMTP reply code or 0, enhanced code or ""): the first of each that says more than "failed"."""
    near = _near.search(text) or _reply.search(text)
    codes = [match[1] for match in _enhanced.finditer(text[:4_000])][:10]
    telling = [each for each in codes if not each.endswith(".0.0")] or codes
    return int(near[1]) if near else 0, telling[0] if telling else ""
