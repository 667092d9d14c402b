"""The status page as one self-contained HTML text: no script, no other file, light and dark, any width.

Public: render_page, CONTENT_POLICY.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posthouse.doors.http import Status

REFRESH_S = 5

_STYLE = """
:root{color-scheme:light dark;--text:#1c2430;--quiet:#5c6675;--page:#f6f7f9;--card:#fff;--line:#dde1e7;
--good:#14713d;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--text:#e8ebf0;--quiet:#9aa5b5;--page:#14181f;--card:#1d232c;
--line:#333c49;--good:#5fd08f;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:1.25rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1rem;margin:0 0 .5rem}
a{color:inherit}p{margin:.25rem 0}.quiet{color:var(--quiet)}.good{color:var(--good)}.bad{color:var(--bad)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr));gap:1rem;margin-top:1rem}
section{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:1rem}
table{width:100%;border-collapse:collapse}
th,td{text-align:left;font-weight:400;padding:.2rem 0;vertical-align:top}
th{white-space:nowrap}
td{overflow-wrap:anywhere;text-align:right;font-variant-numeric:tabular-nums;padding-left:.5rem}
tr+tr>*{border-top:1px solid var(--line)}
"""

# only this very style may apply; no script, no picture, no frame, no form
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def render_page(status: Status) -> str:
    """The page for one `Status`; every text in it is escaped."""
    health = (
        f'<p class="bad" role="status">Trouble: {escape(status.trouble)}</p>' if status.trouble else _WELL
    )
    about = (
        ("Region", status.region),
        ("Store", status.store),
        ("Up for", span_text(status.uptime_s)),
        ("Version", status.version),
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in status.notes)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="refresh" content="{REFRESH_S}">'
        f"<title>Posthouse on {escape(status.hostname)}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>Posthouse on {escape(status.hostname)}</h1>{health}{notes}"
        '<p><a href="/accounts">Sign in to the dashboard</a></p>'
        '<div class="cards">'
        + _card("Since start", _numbers(status.since_start))
        + _card("Queue", _numbers(status.queue))
        + _card("Ports", status.ports)
        + _card("About", about)
        + "</div>"
        f'<p class="quiet">Refreshes every {REFRESH_S} seconds. Numbers for programs: /metrics, /healthz.</p>'
        "</main></body></html>"
    )


_WELL = '<p class="good" role="status">Ready for mail</p>'


def _card(title: str, rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(
        f'<tr><th scope="row">{escape(label)}</th><td>{escape(value)}</td></tr>' for label, value in rows
    )
    return f"<section><h2>{escape(title)}</h2><table>{cells}</table></section>"


def _numbers(rows: Iterable[tuple[str, int]]) -> list[tuple[str, str]]:
    return [(label, f"{number:,}") for label, number in rows]


def span_text(seconds: float) -> str:
    """`75` -> `1 min 15 s`: the two largest units."""
    left = int(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
