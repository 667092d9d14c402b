"""What a page of the dashboard is: an address, what it shows, and what its forms do.

Public: Page, Work, Look, Run, SUBJECTS.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.responses import Response

from posthouse.doors.web.dashboard.visit import Visit

Look = Callable[[Visit], Awaitable[Response]]
Run = Callable[[Visit], Awaitable[Response | str | None]]
"""A page to show now (a secret, once), a sentence to say on the page that comes next, or nothing to say."""


SUBJECTS = ("login", "name", "domain", "email", "id", "selector", "address", "number", "site", "pool", "host")
"""Fields of forms that name a thing, whatever form they are in."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a form does. `action`: the word of `rules.roles` that it needs. `about`: the fields that say what
    it changes, for the audit log; never one with a secret or a text."""

    action: str
    run: Run
    about: Sequence[str] = SUBJECTS


@dataclass(frozen=True, slots=True)
class Page:
    """`path`: below the account's own address, "" for the first page. `action`: the word that a look needs.

    `works`: by the `do` of its forms; when one refuses, the page is shown again with the reason, and what was
    typed still stands in the form. `is_operators`: about the whole machine, for people of the usual account
    only. `most_bytes`, `most_fields`: of a form; `takes_files`: forms may be multipart/form-data.
    """

    path: str
    action: str
    look: Look
    works: Mapping[str, Work] = field(default_factory=dict)
    is_operators: bool = False
    most_bytes: int = 16 * 1024
    most_fields: int = 20
    takes_files: bool = False
