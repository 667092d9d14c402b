"""The frame of every page with a form: one style, no script, light and dark, any width, usable by keyboard.

Public: page, form, field, button, note, CONTENT_POLICY, HEADERS.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

_STYLE = """
:root{color-scheme:light dark;--text:#1c2430;--quiet:#5c6675;--page:#f6f7f9;--card:#fff;--line:#dde1e7;
--edge:#8a94a3;--act:#14508c;--on:#fff;--bad:#b3261e;--good:#14713d}
@media (prefers-color-scheme:dark){:root{--text:#e8ebf0;--quiet:#9aa5b5;--page:#14181f;--card:#1d232c;
--line:#333c49;--edge:#6b7788;--act:#8ab8ff;--on:#14181f;--bad:#ff8a80;--good:#5fd08f}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:1rem/1.5 system-ui,sans-serif}
main{max-width:44rem;margin:0 auto;padding:1rem}
main.small{max-width:26rem;padding-top:8vh}
header{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;justify-content:space-between}
h1{font-size:1.375rem;margin:.25rem 0}h2{font-size:1.0625rem;margin:0 0 .5rem}
p{margin:.5rem 0;overflow-wrap:anywhere}.quiet{color:var(--quiet)}
.bad{color:var(--bad)}.good{color:var(--good)}
section{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:1rem 0}
label{display:block;font-weight:600;margin:.75rem 0 .25rem}
input{font:inherit;width:100%;padding:.6rem;border:1px solid var(--edge);border-radius:.4rem;
background:var(--page);color:var(--text)}
button{font:inherit;font-weight:600;padding:.6rem 1.2rem;margin-top:1rem;border:1px solid var(--act);
border-radius:.4rem;background:var(--act);color:var(--on);cursor:pointer}
button.plain{background:none;color:var(--act);margin:0;padding:.35rem .8rem}
header button{margin:0}
a{color:var(--act)}
a:focus-visible,button:focus-visible,input:focus-visible{outline:3px solid var(--act);outline-offset:2px}
ul{list-style:none;margin:0;padding:0}
li{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:center;justify-content:space-between;
padding:.6rem 0;border-top:1px solid var(--line)}
li:first-child{border-top:0}
li>div{min-width:0;flex:1 1 12rem;overflow-wrap:anywhere}li p{margin:0}
section>:first-child{margin-top:0}
code{font:1rem/1.6 ui-monospace,monospace;overflow-wrap:anywhere}
ul.codes{columns:2}ul.codes li{display:block;border:0;padding:.2rem 0}
details summary{cursor:pointer;font-weight:600;color:var(--act);padding:.35rem 0}
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    # not no-referrer: with it browsers send `Origin: null` with our own forms
    "Referrer-Policy": "same-origin",
}


def page(title: str, inside: str, *, small: bool = False, aside: str = "") -> str:
    """A whole page; `inside` and `aside` (beside the heading) are HTML, `title` is text."""
    width = "small" if small else "wide"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)} · Posthouse</title><style>{_STYLE}</style></head>"
        f'<body><main class="{width}"><header><h1>{escape(title)}</h1>{aside}</header>{inside}</main>'
        "</body></html>"
    )


def form(action: str, token: str, inside: str, **hidden: str) -> str:
    """A form that posts to `action`; `hidden` are further fields."""
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in {"token": token, **hidden}.items()
    )
    return f'<form method="post" action="{escape(action)}">{fields}{inside}</form>'


def field(
    name: str, label: str, *, kind: str = "text", complete: str = "off", value: str = "", id: str = ""
) -> str:
    """A required field with its label. `complete` is its autocomplete word, `id` where `name` is not unique
    on the page."""
    filled = f' value="{escape(value)}"' if value else ""
    typed = ' inputmode="text" autocapitalize="none" spellcheck="false"' if kind == "text" else ""
    return (
        f'<label for="{id or name}">{escape(label)}</label>'
        f'<input id="{id or name}" name="{name}" type="{kind}" autocomplete="{complete}" required'
        f"{typed}{filled}>"
    )


def button(text: str, *, plain: bool = False) -> str:
    kind = "plain" if plain else "main"
    return f'<button class="{kind}">{escape(text)}</button>'


def note(text: str, *, good: bool = False) -> str:
    """A sentence on what happened, "" for none; screen readers say it at once."""
    if not text:
        return ""
    kind, role = ("good", "status") if good else ("bad", "alert")
    return f'<p class="{kind}" role="{role}">{escape(text)}</p>'
