"""Who gets the mail, and what differs in each copy: `to`, `sub`, `section`, `unique_args`, `send_each_at`.

`sub[tag][i]` and `send_each_at[i]` belong to `to[i]`; without `to`, to the recipients in the order of their
RCPT commands (our decision).

Public: settle.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from posthouse.dialects.dialect import Person
from posthouse.dialects.sendgrid.draft import Draft, Invalid
from posthouse.mail.expansion import Expansion, TooMuch
from posthouse.model.options import RecipientOptions

MOST_VALUE_BYTES = 10_000  # of one recipient's substitutions (documented)
MOST_ARGS_BYTES = 10_000  # of unique_args (documented)
# Of a whole message, our decision: a text given once for all is stored with every recipient.
MOST_VALUES = 1_000_000
MOST_CHARS = 32 << 20
_MOST_NAME = 500
_BREAKING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ESCAPED = re.compile(r"\\(.)")
_DELIMITERS = re.compile(r"^[\W_]+|[\W_]+$")

_MOST_CHARS = 20_000  # of one value while it grows
_MOST_WORK = 32 << 20  # characters looked at for all recipients of a message


def settle(draft: Draft) -> None:
    """Put recipients, tags, sections and own data into the wishes. Raises Invalid."""
    wishes = draft.wishes
    expansion = Expansion(tuple(draft.sub), draft.sections, most_chars=_MOST_CHARS, most_work=_MOST_WORK)
    common = _expanded(draft.unique_args, expansion, ())
    if common:
        _set(draft, "unique_args", "metadata", common)
    if draft.sections:
        _set(draft, "section", "sections", draft.sections)
    if draft.sub:
        _set(draft, "sub", "verbatim", tuple(draft.sub))
    if draft.to is not None:
        _set(draft, "to", "to_each", True)
    written = draft.to if draft.to is not None else draft.context.recipients
    if draft.to is None and not draft.sub and not draft.each_at:
        return
    options = _personal(draft, expansion, len(written))
    if draft.to is None and not draft.each_at:
        wishes.people_by_place = options
        return
    times = draft.each_at + [0.0] * (len(written) - len(draft.each_at))
    wishes.people = [
        _person(entry, own, at) for entry, own, at in zip(written, options, times, strict=False) if entry
    ]


def _set(draft: Draft, key: str, name: str, value: object) -> None:
    draft.at(key, value)
    draft.set(name, value)


def _personal(draft: Draft, expansion: Expansion, count: int) -> list[RecipientOptions]:
    """What each of `count` recipients has of its own, without its name."""
    wants_metadata = any(map(expansion.touches, draft.unique_args.values()))
    wants_variables = draft.template.startswith("d-") and "template_vars" not in draft.wishes.values
    keys = [_DELIMITERS.sub("", tag) or tag for tag in draft.sub]
    options = []
    room = MOST_CHARS
    for values in _rows(draft, count):
        metadata = _expanded(draft.unique_args, expansion, values) if wants_metadata else None
        variables = dict(zip(keys, values, strict=True)) if wants_variables else {}
        room -= sum(map(len, values)) + (sum(map(len, metadata.values())) if metadata else 0)
        if room < 0:
            raise Invalid("the substitutions of all recipients are together longer than 32 MiB")
        options.append(RecipientOptions(values=values, metadata=metadata, variables=variables))
    return options


def _rows(draft: Draft, count: int) -> list[tuple[str, ...]]:
    """One value for each tag, for each recipient. A list that is too short goes on with empty texts."""
    if not draft.sub:
        return [()] * count
    if len(draft.sub) * count > MOST_VALUES:
        raise Invalid(
            f"{len(draft.sub):,} tags for {count:,} recipients are more than {MOST_VALUES:,} values"
        )
    columns = [
        [given] * count if isinstance(given, str) else (given + [""] * (count - len(given)))[:count]
        for given in draft.sub.values()
    ]
    rows = list(zip(*columns, strict=True))
    for number, row in enumerate(rows):
        # four octets are the most that a character takes: nearly always the first sum is enough
        if sum(map(len, row)) * 4 > MOST_VALUE_BYTES and _octets(row) > MOST_VALUE_BYTES:
            raise Invalid(f"the substitutions of recipient {number + 1} are longer than 10,000 bytes")
    return rows


def _octets(texts: Sequence[str]) -> int:
    return sum([len(text.encode("utf-8", "replace")) for text in texts])


def _expanded(args: dict[str, str], expansion: Expansion, values: Sequence[str]) -> dict[str, str]:
    """Own data with tags replaced in its values (documented)."""
    try:
        done = {
            key: expansion.expand(text, values) if expansion.touches(text) else text
            for key, text in args.items()
        }
    except TooMuch:
        raise Invalid("the substitutions make unique_args too long") from None
    if _octets([*done, *done.values()]) > MOST_ARGS_BYTES:
        raise Invalid("unique_args are longer than 10,000 bytes")
    return done


def _person(entry: str, options: RecipientOptions, deliver_at: float) -> Person:
    """`a@b`, `<a@b>` or `Name <a@b>`; a comma or dot in the name needs no quotes here."""
    entry = entry.strip()
    begin = entry.rfind("<")
    if begin < 0 or not entry.endswith(">"):
        return Person(entry, options, deliver_at)
    name = _name(entry[:begin])
    if name:
        options = RecipientOptions(
            name=name, values=options.values, variables=options.variables, metadata=options.metadata
        )
    return Person(entry[begin + 1 : -1].strip(), options, deliver_at)


def _name(text: str) -> str:
    """A display name as people read it, on one line: it will stand in a To field."""
    name = _BREAKING.sub(" ", text).strip()
    if len(name) > 1 and name.startswith('"') and name.endswith('"'):
        name = _ESCAPED.sub(r"\1", name[1:-1]).strip()
    return name[:_MOST_NAME]
