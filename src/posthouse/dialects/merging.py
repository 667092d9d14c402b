"""What several dialects read in one letter, joined into one `Wishes`.

The credential's own dialect comes first, the others in the order of their headers. Lists are united, objects
are joined with the first value winning, of single values the first stays, and whoever loses is told so.

Public: joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posthouse.dialects.dialect import Wishes
from posthouse.model.options import Seen

# Not here, though tuples: `verbatim` (its places are those of each recipient's values), `utm` (one set of
# parameters belongs together) and the pairs that name a key.
_UNITED = frozenset(
    {
        "tags",
        "blocks",
        "links",
        "drop_fields",
        "only_fields",
        "add_fields",
        "groups_shown",
        "bypass",
        "blind_copies",
    }
)
_MERGED = frozenset({"metadata", "sections", "template_vars"})


def joined(readings: Sequence[Wishes]) -> Wishes:
    """All readings as one; a single one is given back as it is."""
    if len(readings) == 1:
        return readings[0]
    result = Wishes()
    for wishes in readings:
        result.seen += wishes.seen
        result.drop |= wishes.drop
        result.keep |= wishes.keep
        result.decided |= wishes.decided
        result.shows_author |= wishes.shows_author
        result.template = result.template or wishes.template
        result.rejection = result.rejection or wishes.rejection
        _join_values(result, wishes)
        _join_people(result, wishes)
    return result


def _join_values(result: Wishes, wishes: Wishes) -> None:
    for name, value in wishes.values.items():
        source = wishes.sources.get(name, "")
        if name not in result.values:
            result.values[name] = value
            result.sources[name] = source
        elif name in _UNITED:
            result.values[name] = _united(result.values[name], value)
        elif name in _MERGED:
            result.values[name] = value | result.values[name]
        elif result.values[name] != value:
            first = result.sources[name] or "another header"
            result.seen.append(Seen(source, str(value), f"not used, because {first} says otherwise", True))


def _united(first: tuple[Any, ...], second: tuple[Any, ...]) -> tuple[Any, ...]:
    return first + tuple(item for item in second if item not in first)


def _join_people(result: Wishes, wishes: Wishes) -> None:
    """Who gets what is said by one dialect; variables by address may come from another."""
    if wishes.people and result.people:
        result.seen.append(Seen("", "", "a second list of recipients was not used", True))
    result.people = result.people or wishes.people
    result.people_by_place = result.people_by_place or wishes.people_by_place
    if wishes.variables is not None:
        result.variables = {**wishes.variables, **(result.variables or {})}
