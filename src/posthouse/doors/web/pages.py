"""The pages of signing in and of a person's own account, as HTML text; everything in them is escaped.

Public: sign_in_page, code_page, choose_page, account_page, enrol_page, codes_page, trouble_page.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from html import escape

from posthouse.desk.sessions import Membership, Signed
from posthouse.doors.web.layout import button, field, form, note, page
from posthouse.model.account import Session
from posthouse.rules.person_passwords import LEAST
from posthouse.rules.roles import AREAS, may

_AGAIN = '<p><a href="/sign-in?again=1">Start again</a></p>'
_LONGEST_AGENT = 100
# the first that fits: most call themselves by the names of others too
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def sign_in_page(token: str, *, email: str = "", trouble: str = "", done: str = "") -> str:
    """E-mail address and password."""
    inside = (
        field("email", "E-mail address", kind="email", complete="username", value=email)
        + field("password", "Password", kind="password", complete="current-password")
        + button("Sign in")
    )
    return page(
        "Sign in",
        f"<section>{note(trouble)}{note(done, good=True)}"
        f"{form('/sign-in', token, inside, step='password')}</section>",
        small=True,
    )


def code_page(token: str, *, trouble: str = "") -> str:
    """The second step."""
    inside = field("code", "Code", complete="one-time-code") + button("Go on")
    return page(
        "Your code",
        f"<section>{note(trouble)}<p>Type the code that your app shows now, or a recovery code.</p>"
        f"{form('/sign-in', token, inside, step='code')}</section>{_AGAIN}",
        small=True,
    )


def choose_page(token: str, *, email: str, trouble: str = "") -> str:
    """A password of one's own after one that was given."""
    inside = (
        # for password managers, which save the pair
        f'<input type="hidden" name="email" autocomplete="username" value="{escape(email)}">'
        + _new_password()
        + button("Save and sign in")
    )
    return page(
        "Choose a password",
        f"<section>{note(trouble)}<p>The password that you were given opens once. Choose your own: "
        f"at least {LEAST} characters, any kind.</p>"
        f"{form('/sign-in', token, inside, step='choose')}</section>{_AGAIN}",
        small=True,
    )


def account_page(
    signed: Signed, sessions: Sequence[Session], token: str, *, trouble: str = "", done: str = ""
) -> str:
    """Who I am, where I may act, where I am signed in, and how I get in."""
    person = signed.person
    name = f"{escape(person.name)}, " if person.name else ""
    return page(
        "Your account",
        note(trouble)
        + note(done, good=True)
        + f"<p>{name}<strong>{escape(person.email)}</strong></p>"
        + _accounts(signed.memberships)
        + _sessions(signed, sessions, token)
        + _password(token)
        + _second_step(token, is_on=bool(person.totp)),
        aside='<p><a href="/accounts">To the dashboard</a></p>'
        + form("/sign-out", token, button("Sign out", plain=True)),
    )


def _accounts(memberships: Sequence[Membership]) -> str:
    rows = "".join(
        f"<li><div><strong>{escape(each.account)}</strong>, {escape(each.role)}"
        f'<p class="quiet">{escape(_what_may(each))}</p></div></li>'
        for each in memberships
    )
    return f"<section><h2>Accounts</h2><ul>{rows}</ul></section>"


def _what_may(membership: Membership) -> str:
    """In words, what the role may change."""
    changes = [area for area in AREAS if may(membership.role, f"{area}.write")]
    if len(changes) == len(AREAS):
        return "You may see and change everything."
    if not changes:
        return "You may see everything and change nothing."
    spared = [area for area in AREAS if area not in changes]
    return f"You may see everything and change all but: {', '.join(spared)}."


def _sessions(signed: Signed, sessions: Sequence[Session], token: str) -> str:
    rows = "".join(_session(each, token, is_this=each.id == signed.session.id) for each in sessions)
    others = ""
    if len(sessions) > 1:
        others = form("/account", token, button("End all others", plain=True), do="end-others")
    return f"<section><h2>Where you are signed in</h2><ul>{rows}</ul>{others}</section>"


def _session(session: Session, token: str, *, is_this: bool) -> str:
    end = "<strong>this browser</strong>"
    if not is_this:
        end = form("/account", token, button("End", plain=True), do="end", session=session.id)
    agent = _browser_name(session.agent)
    return (
        f"<li><div>{escape(session.address or 'unknown address')}"
        f'<p class="quiet">{escape(agent)}<br>since {_time(session.created_at)}, '
        f"last used {_time(session.seen_at)}</p></div>{end}</li>"
    )


def _browser_name(agent: str) -> str:
    """`Firefox on Windows` for the usual ones; else what it calls itself."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return agent[:_LONGEST_AGENT] or "a browser without a name"


def _password(token: str) -> str:
    inside = (
        field(
            "current", "Current password", kind="password", complete="current-password", id="password-current"
        )
        + _new_password()
        + button("Change password")
    )
    return (
        "<section><h2>Password</h2><details><summary>Change your password</summary>"
        f"<p>At least {LEAST} characters, any kind. All your other sessions end.</p>"
        f"{form('/account', token, inside, do='password')}</details></section>"
    )


def _new_password() -> str:
    return field("password", "New password", kind="password", complete="new-password") + field(
        "again", "The same again", kind="password", complete="new-password"
    )


def _second_step(token: str, *, is_on: bool) -> str:
    own = field("current", "Your password", kind="password", complete="current-password", id="totp-current")
    if is_on:
        state, summary = "On: signing in asks for a code from your app.", "Turn it off"
        code = field("code", "Code of your app, or a recovery code", complete="one-time-code")
        ask = form("/account", token, own + code + button("Turn off"), do="totp-off")
    else:
        state = "Off: the password alone opens your account."
        summary = "Turn it on"
        ask = form("/account", token, own + button("Go on"), do="totp-start")
    return (
        f"<section><h2>Second step (TOTP)</h2><p>{state}</p>"
        f"<details><summary>{summary}</summary>{ask}</details></section>"
    )


def enrol_page(token: str, *, secret: str, uri: str, proof: str, trouble: str = "") -> str:
    """The secret for the app, and the first code back."""
    inside = field("code", "Code that the app shows", complete="one-time-code") + button("Turn on")
    spaced = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return page(
        "Turn on the second step",
        f"<section>{note(trouble)}<p>Give this secret to your authenticator app:</p>"
        f"<p><code>{escape(spaced)}</code></p>"
        f'<p>On a phone with such an app: <a href="{escape(uri)}">open it there</a>. '
        "Or paste this address:</p>"
        f"<p><code>{escape(uri)}</code></p>"
        f"{form('/account', token, inside, do='totp-on', secret=secret, proof=proof)}</section>"
        '<p><a href="/account">Leave it off</a></p>',
        small=True,
    )


def codes_page(codes: Sequence[str]) -> str:
    """The recovery codes, which are shown now and never again."""
    rows = "".join(f"<li><code>{escape(code)}</code></li>" for code in codes)
    return page(
        "The second step is on",
        "<section><p>Keep these recovery codes where you find them without your phone. Each opens once in "
        f'the place of a code of the app. They are shown only now.</p><ul class="codes">{rows}</ul></section>'
        '<p><a href="/account">I have kept them</a></p>',
        small=True,
    )


def trouble_page(text: str) -> str:
    """One sentence, and the way on."""
    return page(
        "That did not work",
        f'<section>{note(text)}</section><p><a href="/account">To your account</a></p>',
        small=True,
    )


def _time(at: float) -> str:
    then = dt.datetime.fromtimestamp(at, dt.UTC)
    return f'<time datetime="{then:%Y-%m-%dT%H:%MZ}">{then:%Y-%m-%d %H:%M} UTC</time>'
