"""What a letter needs from the store before it can be accepted: its template, and what we know of its
recipients' hours.

Most letters need neither and never come here.

Public: Completion, TemplateWish, needs_completion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from msgspec.structs import replace as with_values

from posthouse.mail.render import template_input
from posthouse.model.clock import Clock
from posthouse.model.errors import Refused
from posthouse.model.message import Recipient, Submission
from posthouse.model.options import SendOptions
from posthouse.pipeline.templated import prove, subject_of, with_template
from posthouse.rules.timing import best_instant, local_instant
from posthouse.store import contacts, templates, visits
from posthouse.store.engine import Connection, Store
from posthouse.store.templates import HANDLEBARS, Found

_MOST_SUBJECT = 500


class Trouble(Protocol):
    """A letter that is answered with success and then dropped for everybody."""

    @property
    def reason(self) -> str: ...

    @property
    def text(self) -> str: ...


class TemplateWish(Protocol):
    """The stored template that a letter names. `trouble(sentence)`: what follows when it cannot be used."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def wants_text(self) -> bool: ...

    @property
    def keeps_subject(self) -> bool: ...

    @property
    def trouble(self) -> Callable[[str], Refused | Trouble]: ...


@dataclass(frozen=True, slots=True)
class Habits:
    """What we know of one recipient. `zone` "": not where they are."""

    engaged_at: list[float]
    zone: str


def needs_completion(options: SendOptions, template: TemplateWish | None) -> bool:
    return template is not None or bool(options.optimise_period_s or options.local_time)


class Completion:
    """Completes submissions, for one worker."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def complete(
        self, submission: Submission, account_id: str, domain: str, wish: TemplateWish | None
    ) -> None:
        """Change `submission` so that it needs nothing more. Raises Refused, TryLater (the store is away)."""
        if wish is not None and not submission.drop_reason:
            found = await self._store.read(templates.find, account_id, domain, wish.name, wish.version)
            _use(submission, wish, found)
        options = submission.options
        if (options.optimise_period_s or options.local_time) and not submission.drop_reason:
            addresses = [each.address for each in submission.recipients]
            habits = await self._store.read(_habits, account_id, addresses, bool(options.local_time))
            now = self._clock.now()
            submission.recipients = [
                _timed(each, options, habits[each.address], now) for each in submission.recipients
            ]


# -- templates ------------------------------------------------------------


def _use(submission: Submission, wish: TemplateWish, found: Found | None) -> None:
    from posthouse.mail.handlebars import TemplateError

    if found is None:
        tag = f' or its version "{wish.version}"' if wish.version else ""
        _in_trouble(submission, wish, f'template "{wish.name}"{tag} not found')
        return
    version = found.version
    is_template = version.engine == HANDLEBARS
    # proven with what the first recipient brings
    data = template_input(submission.options, submission.recipients[0].options) if is_template else None
    try:
        prove(version, data or {})
    except TemplateError as error:
        _in_trouble(submission, wish, f'template "{wish.name}" cannot be rendered: {error}')
        return
    content = with_template(
        submission.content, version, wants_text=wish.wants_text, keeps_subject=wish.keeps_subject
    )
    submission.content = content
    submission.is_8bit = not content.isascii()
    submission.subject = subject_of(content, data)[:_MOST_SUBJECT]
    submission.options = with_values(
        submission.options, is_template=is_template, template_name=found.template.name
    )


def _in_trouble(submission: Submission, wish: TemplateWish, sentence: str) -> None:
    trouble = wish.trouble(sentence)
    if isinstance(trouble, Refused):
        raise trouble
    submission.drop_reason, submission.drop_text = trouble.reason, trouble.text


# -- hours ------------------------------------------------------------


def _habits(
    conn: Connection, account_id: str, addresses: Sequence[str], wants_zones: bool
) -> dict[str, Habits]:
    zones = contacts.zones_of(conn, account_id, addresses) if wants_zones else {}
    found: dict[str, Habits] = {}
    for address in dict.fromkeys(addresses):
        zone = zones.get(address.lower(), "")
        if wants_zones and not zone:
            zone = visits.last_click_zone(conn, account_id, address)
        found[address] = Habits(visits.engagement_hours(conn, account_id, address), zone)
    return found


def _timed(recipient: Recipient, options: SendOptions, habits: Habits, now: float) -> Recipient:
    """A wanted local time counts first; who is not known gets the letter when it is due anyway."""
    earliest = max(now, recipient.deliver_at or options.deliver_at)
    at = None
    if options.local_time and habits.zone:
        at = local_instant(options.local_time, habits.zone, earliest)
    if at is None and options.optimise_period_s:
        at = best_instant(habits.engaged_at, earliest, options.optimise_period_s)
    return recipient if at is None or at <= earliest else replace(recipient, deliver_at=at)
