"""From `X-Mailgun-…` headers to wishes: the table first, then the headers with rules of their own.

Public: PREFIX, read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from posthouse.dialects.dialect import Context, Header, Wishes
from posthouse.dialects.mailgun.headers import Reading, bad_parameter, refusal
from posthouse.dialects.mailgun.suppress import read_suppressed
from posthouse.dialects.mailgun.table import NOT_OPTIONS, ROWS, Row
from posthouse.dialects.mailgun.tags import read_tags
from posthouse.dialects.mailgun.templates import read_template
from posthouse.dialects.mailgun.times import BadValue
from posthouse.dialects.mailgun.variables import read_recipient_variables, read_user_variables

PREFIX = "x-mailgun-"

# The order matters: a template takes data that came before, and what is kept can still be suppressed.
_STEPS: tuple[Callable[[Reading], None], ...] = (
    read_tags,
    read_recipient_variables,
    read_user_variables,
    read_template,
    read_suppressed,
)


_PLACES = {row.header.lower(): place for place, row in enumerate(ROWS)}


def read(headers: Sequence[Header], context: Context) -> Wishes:
    """The wishes of all these headers. Raises Refused (554) for values with which sending would do harm."""
    reading = Reading(headers, context)
    # HOT: letters have few of these headers, and the rows of the others would all be asked for nothing
    for place in sorted(_PLACES[name] for name in reading.names if name in _PLACES):
        _read_row(ROWS[place], reading)
    for step in _STEPS:
        step(reading)
    for found in reading.untold():
        effect = NOT_OPTIONS.get(found.header.name)
        reading.tell(found, effect or "removed: not a known option", is_warning=effect is None)
    reading.wishes.seen = reading.seen()
    return reading.wishes


def _read_row(row: Row, reading: Reading) -> None:
    found = reading.last_with_text(row.header)
    if found is None:
        return
    values, sources = reading.wishes.values, reading.wishes.sources
    if row.unless in values:
        reading.tell(found, f"not used: {sources[row.unless]} decides", is_warning=True)
        return
    if row.needs and row.needs not in values:
        raise refusal(row.needs_text)
    try:
        value = row.grammar(found.text, reading.context)
    except BadValue as error:
        if row.refuses:
            raise refusal(str(error), row.reason) from error
        if found.header.is_parameter:
            raise bad_parameter(found, error) from error
        reading.tell(found, f"ignored: {error}", is_warning=True)
        return
    for field, each in value.items() if not row.field else ((row.field, value),):
        reading.set(field, each, found.header.title)
    reading.tell(found, row.effect(value) if callable(row.effect) else row.effect[value])
