"""The pages that recipients see: unsubscribe, done, not found. Plain language, no script, any width.

Public: unsubscribe_page, done_page, missing_page, later_page, CONTENT_POLICY.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape

_STYLE = """
:root{color-scheme:light dark;--text:#1c2430;--quiet:#5c6675;--page:#f6f7f9;--card:#fff;--line:#dde1e7;
--act:#14508c;--on:#fff}
@media (prefers-color-scheme:dark){:root{--text:#e8ebf0;--quiet:#9aa5b5;--page:#14181f;--card:#1d232c;
--line:#333c49;--act:#8ab8ff;--on:#14181f}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:1.0625rem/1.5 system-ui,sans-serif}
main{max-width:34rem;margin:10vh auto;padding:1.5rem;background:var(--card);border:1px solid var(--line);
border-radius:.5rem}
h1{font-size:1.375rem;margin:0 0 .5rem}p{margin:.5rem 0;overflow-wrap:anywhere}.quiet{color:var(--quiet)}
fieldset{border:0;margin:1rem 0;padding:0}label{display:block;padding:.4rem 0}
input{width:1.125rem;height:1.125rem;margin:0 .6rem 0 0;vertical-align:-.15rem}
button{font:inherit;font-weight:600;padding:.6rem 1.2rem;border:0;border-radius:.4rem;background:var(--act);
color:var(--on);cursor:pointer}
button:focus-visible,input:focus-visible{outline:3px solid var(--quiet);outline-offset:2px}
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def unsubscribe_page(address: str, sender: str, choices: Sequence[tuple[str, str]]) -> str:
    """A form; `choices` are (scope, label), one of them alone needs no choosing."""
    if len(choices) == 1:
        scope, label = choices[0]
        hidden = f'<input type="hidden" name="scope" value="{escape(scope)}">'
        inside = f"{hidden}<p>You will get no more {escape(label)}.</p>"
    else:
        boxes = "".join(
            f'<label><input type="checkbox" name="scope" value="{escape(scope)}"'
            f"{' checked' if place == 0 else ''}>{escape(label)}</label>"
            for place, (scope, label) in enumerate(choices)
        )
        inside = f"<fieldset><legend>I want no more</legend>{boxes}</fieldset>"
    return _page(
        "Unsubscribe",
        f"<p>Mail from <strong>{escape(sender)}</strong> to <strong>{escape(address)}</strong></p>"
        f'<form method="post">{inside}<button>Unsubscribe</button></form>',
    )


def done_page(address: str, sender: str) -> str:
    return _page(
        "You are unsubscribed",
        f"<p><strong>{escape(address)}</strong> will get no more of these mails from {escape(sender)}.</p>"
        '<p class="quiet">Mail that is on its way already may still arrive.</p>',
    )


def missing_page() -> str:
    return _page(
        "This link leads nowhere",
        "<p>It may have been cut off or changed on its way. Please use the link in the mail itself.</p>",
    )


def later_page() -> str:
    return _page("Please try again in a moment", "<p>Nothing has changed yet. The service is busy.</p>")


def _page(title: str, inside: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(title)}</h1>{inside}</main></body></html>"
    )
