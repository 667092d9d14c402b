"""The pages that recipients see: unsubscribe, choose, done, back again, not found. Plain language, their own
language, any width, keyboard and screen reader, light and dark, no script, nothing from elsewhere.

Public: Look, Choice, Page, unsubscribe_page, preferences_page, done_page, back_page, missing_page,
later_page.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from posthouse.doors.track_words import LANGUAGES, WORDS

_STYLE = """
:root{color-scheme:light dark;--text:#1c2430;--quiet:#5c6675;--page:#f6f7f9;--card:#fff;--line:#dde1e7;
--act:#14508c;--on:#fff}
@media (prefers-color-scheme:dark){:root{--text:#e8ebf0;--quiet:#9aa5b5;--page:#14181f;--card:#1d232c;
--line:#333c49;--act:#8ab8ff;--on:#14181f}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:1.0625rem/1.5 system-ui,sans-serif}
main{max-width:34rem;margin:10vh auto;padding:1.5rem;background:var(--card);border:1px solid var(--line);
border-radius:.5rem}
@media (max-width:36rem){main{margin:0;min-height:100vh;border:0;border-radius:0}}
h1{font-size:1.375rem;margin:0 0 .5rem}p{margin:.5rem 0;overflow-wrap:anywhere}.quiet{color:var(--quiet)}
.brand{font-weight:600;color:var(--quiet);margin:0 0 1rem}
.note{border-left:.25rem solid var(--act);padding:.25rem 0 .25rem .75rem}
fieldset{border:0;margin:1rem 0;padding:0}legend{padding:0;font-weight:600}
label{display:flex;gap:.6rem;padding:.6rem 0;align-items:flex-start;overflow-wrap:anywhere}
label small{display:block;color:var(--quiet);font-size:.9375rem}
.last{border-top:1px solid var(--line)}
input{flex:none;width:1.25rem;height:1.25rem;margin:.15rem 0 0;accent-color:var(--act)}
button{font:inherit;font-weight:600;padding:.6rem 1.2rem;border:1px solid transparent;border-radius:.4rem;
background:var(--act);color:var(--on);cursor:pointer;min-height:2.75rem}
button.second{background:none;color:var(--text);border-color:var(--quiet)}
button:focus-visible,input:focus-visible{outline:3px solid var(--quiet);outline-offset:2px}
footer{margin-top:1.5rem;padding-top:.75rem;border-top:1px solid var(--line);color:var(--quiet);
font-size:.9375rem;overflow-wrap:anywhere}
"""


@dataclass(frozen=True, slots=True)
class Look:
    """How a sender's pages look: `name` as recipients know it, `colour` (#rrggbb, "" for ours), `text` a line
    about whom to ask; `language` one of `LANGUAGES`."""

    name: str = ""
    colour: str = ""
    text: str = ""
    language: str = LANGUAGES[0]

    def say(self, key: str, **names: str) -> str:
        """A sentence of this language as HTML; `names` are escaped and stand out."""
        shown = {name: f"<strong>{escape(value)}</strong>" for name, value in names.items()}
        return WORDS[self.language][key].format(**shown)

    def plain(self, key: str, **names: str) -> str:
        """The same as text, not escaped."""
        return WORDS[self.language][key].format(**names)


@dataclass(frozen=True, slots=True)
class Choice:
    """A scope to offer. `label`: what no longer comes, `about`: a line about it, `is_left`: it is so now."""

    scope: str
    label: str
    about: str = ""
    is_left: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """`html` and the content policy that allows its style and nothing else."""

    html: str
    policy: str


def unsubscribe_page(
    look: Look, address: str, sender: str, choices: Sequence[Choice], *, asks: bool = False
) -> Page:
    """A form; one choice alone needs no choosing. `asks`: nothing was chosen."""
    if len(choices) == 1:
        inside = f"{_hidden('scope', choices[0].scope)}<p>{look.say('no_more', kind=choices[0].label)}</p>"
        if choices[0].is_left:
            inside = f'{inside}<p class="note" role="status">{look.say("already")}</p>'
    else:
        boxes = [_box("scope", each, checked=place == 0) for place, each in enumerate(choices)]
        inside = f"<fieldset><legend>{look.say('which')}</legend>{''.join(boxes)}</fieldset>"
    note = f'<p class="note" role="alert">{look.say("choose")}</p>' if asks else ""
    return _page(
        look,
        look.plain("unsubscribe"),
        f"<p>{look.say('between', sender=sender, address=address)}</p>{note}"
        f"{_form(inside, look.say('unsubscribe'))}",
    )


def preferences_page(
    look: Look, address: str, sender: str, choices: Sequence[Choice], nothing: Choice, *, is_saved: bool
) -> Page:
    """What the recipient gets: a box for each kind of mail, and one for no mail at all."""
    boxes = [_box("wanted", each, checked=not (each.is_left or nothing.is_left)) for each in choices]
    none = _box("nothing", nothing, checked=nothing.is_left)
    inside = f"{_hidden('form', 'choices')}"
    if boxes:
        inside += f"<fieldset><legend>{look.say('choices_legend')}</legend>{''.join(boxes)}</fieldset>"
    inside += f'<div class="last">{none}</div>'
    note = f'<p class="note" role="status">{look.say("saved")}</p>' if is_saved else ""
    return _page(
        look,
        look.plain("choices"),
        f"<p>{look.say('between', sender=sender, address=address)}</p>{note}"
        f"{_form(inside, look.say('save'))}",
    )


def done_page(look: Look, address: str, sender: str, scopes: Sequence[str]) -> Page:
    """`scopes`: what a person who did this by mistake wants back."""
    again = "".join(_hidden("again", scope) for scope in scopes)
    return _page(
        look,
        look.plain("done"),
        f'<p role="status">{look.say("done_text", address=address, sender=sender)}</p>'
        f'<p class="quiet">{look.say("on_its_way")}</p><p>{look.say("mistake")}</p>'
        f"{_form(again, look.say('again'), is_second=True)}",
    )


def back_page(look: Look, address: str, sender: str) -> Page:
    return _page(
        look,
        look.plain("back"),
        f'<p role="status">{look.say("back_text", address=address, sender=sender)}</p>',
    )


def missing_page(look: Look) -> Page:
    return _page(look, look.plain("missing"), f"<p>{look.say('missing_text')}</p>")


def later_page(look: Look) -> Page:
    return _page(look, look.plain("later"), f"<p>{look.say('later_text')}</p>")


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def _box(name: str, choice: Choice, *, checked: bool) -> str:
    about = f"<small>{escape(choice.about)}</small>" if choice.about else ""
    mark = " checked" if checked else ""
    return (
        f'<label><input type="checkbox" name="{name}" value="{escape(choice.scope)}"{mark}>'
        f"<span>{escape(choice.label)}{about}</span></label>"
    )


def _form(inside: str, button: str, *, is_second: bool = False) -> str:
    kind = ' class="second"' if is_second else ""
    return f'<form method="post">{inside}<p><button{kind}>{button}</button></p></form>'


def _page(look: Look, title: str, inside: str) -> Page:
    style, policy = _dressed(look.colour)
    brand = f'<p class="brand">{escape(look.name)}</p>' if look.name else ""
    footer = f"<footer>{escape(look.text)}</footer>" if look.text else ""
    html = (
        f'<!doctype html><html lang="{look.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="robots" content="noindex"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body><main>{brand}"
        f"<h1>{escape(title)}</h1>{inside}{footer}</main></body></html>"
    )
    return Page(html, policy)


@lru_cache(maxsize=256)
def _dressed(colour: str) -> tuple[str, str]:
    """(style, content policy) with a sender's colour. The button's text is what reads better on it."""
    style = _STYLE
    if colour:
        on = "#000" if _brightness(colour) > 0.18 else "#fff"  # where both contrast alike (WCAG 2.2)
        style += f":root{{--act:{colour};--on:{on}}}\n"
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    return style, policy


def _brightness(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
