"""The keys of `X-SMTPAPI`: a table of (key, what it does). Filters have their own, in `filters`.

Types are lenient (`values`); what cannot be meant at all makes the whole field invalid: the letter is
answered with 250 and dropped with a notice, because sending it without its options would do harm. A key that
is unknown, or wrong without harm, is ignored with a warning.

Public: KEYS, read, read_keys, left_out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from posthouse.dialects.dialect import Context, Header, Wishes
from posthouse.dialects.sendgrid import people
from posthouse.dialects.sendgrid.draft import NAME, Draft, Ignored, Invalid, invalid
from posthouse.dialects.sendgrid.filters import read_filters
from posthouse.dialects.sendgrid.links import group_block, group_links
from posthouse.dialects.sendgrid.unfold import Malformed, read_object
from posthouse.dialects.sendgrid.values import excerpt, integer, is_absent, plain
from posthouse.model.options import Seen

MOST_RECIPIENTS = 10_000  # documented
MOST_CATEGORIES = 10  # documented
MOST_CATEGORY_CHARS = 255
MOST_GROUPS_SHOWN = 25
MOST_TAG_BYTES = 10_000
MOST_BATCH_CHARS = 255
SCHEDULE_HOURS = 72.0  # documented; a domain may allow more
_MOST_SHOWN = 1000
_CONTROLS = re.compile("[\x00-\x1f\x7f]+")


def read(headers: Sequence[Header], context: Context) -> Wishes:
    """The fields under the dialect's prefixes -> wishes. Never raises: see `Wishes.rejection`."""
    draft = Draft(context)
    mine = [header for header in headers if header.name == NAME.lower()]
    if mine:
        draft.option, draft.value = mine[0].title, _shown(mine[0])
        try:
            _read_first(draft, mine[0])
        except Invalid as error:
            return _rejected(draft, str(error))
    for header in headers:
        if not mine or header is not mine[0]:
            draft.wishes.seen.append(left_out(header))
    return draft.wishes


def _read_first(draft: Draft, header: Header) -> None:
    if not header.raw.strip():
        draft.warn("is empty: it does nothing")
        return
    try:
        reading = read_object(header.raw, header.title)
    except Malformed as error:
        raise Invalid(str(error)) from None
    draft.note(reading.effect)
    read_keys(draft, reading.value)


def read_keys(draft: Draft, given: Mapping[str, Any]) -> None:
    """All keys of an object into the draft's wishes. Raises Invalid."""
    _read_keys(draft, given)
    people.settle(draft)
    draft.at("filters", "")
    if draft.group:
        draft.blocks.append(group_block())  # last: footers may hold its tags
    if draft.blocks:
        draft.set("blocks", tuple(draft.blocks))
    if draft.links:
        draft.set("links", tuple(draft.links))


def _read_keys(draft: Draft, given: Mapping[str, Any]) -> None:
    for key in KEYS:
        if key.name not in given:
            continue
        value = given[key.name]
        draft.at(key.name, value)
        if is_absent(value):
            draft.note("is empty: it does nothing")
            continue
        try:
            effect = key.read(draft, value)
        except Ignored as reason:
            draft.warn(str(reason))
        else:
            if effect:
                draft.note(effect)
    if "deliver_at" in draft.wishes.values and draft.each_at:
        raise Invalid("send_at and send_each_at cannot be given together")
    known = {key.name for key in KEYS}
    for name, value in given.items():
        if name not in known:
            draft.at(name, value)
            draft.warn("is no key of this header: ignored")


def _rejected(draft: Draft, sentence: str) -> Wishes:
    """Nobody gets the mail; what names it in events stays."""
    draft.warn(f"the header is invalid and nobody gets the mail: {sentence}")
    values = draft.wishes.values
    if draft.unique_args:
        values["metadata"] = draft.unique_args
    return Wishes(
        values={name: values[name] for name in ("tags", "metadata") if name in values},
        seen=draft.wishes.seen,
        rejection=invalid(sentence),
    )


def _shown(header: Header) -> str:
    return _CONTROLS.sub("", header.raw[:_MOST_SHOWN].decode("latin-1")).strip()


def left_out(header: Header) -> Seen:
    """What becomes of a field under the dialect's prefixes that is not read."""
    shown = excerpt(_shown(header))
    if header.name == NAME.lower():
        return Seen(header.title, shown, f"only the first {NAME} counts", is_warning=True)
    return Seen(header.title, shown, "is removed: the service writes fields of this name itself")


# -- the keys --------------------------------------------------------------------


def _category(draft: Draft, value: Any) -> str:
    entries = value if isinstance(value, list) else [value]
    if any(isinstance(entry, dict | list) for entry in entries):
        raise Ignored("a category is a text, or a list of texts")
    # not a set: the first ten count
    names = list(dict.fromkeys(name for entry in entries if (name := plain(entry).strip())))
    if any(len(name) > MOST_CATEGORY_CHARS for name in names):
        draft.warn(f"a category is longer than {MOST_CATEGORY_CHARS} characters: cut")
        names = list(dict.fromkeys(name[:MOST_CATEGORY_CHARS] for name in names))
    if len(names) > MOST_CATEGORIES:
        draft.warn(f"only the first {MOST_CATEGORIES} of {len(names)} categories are kept")
        names = names[:MOST_CATEGORIES]
    if not names:
        raise Ignored("holds no category")
    draft.set("tags", tuple(names))
    return "events and statistics carry " + ("this category" if len(names) == 1 else "these categories")


def _unique_args(draft: Draft, value: Any) -> str:
    if not isinstance(value, dict):
        raise Invalid("unique_args must be an object")
    draft.unique_args = {key: plain(item) for key, item in value.items()}
    if len("".join([*draft.unique_args, *draft.unique_args.values()]).encode()) > people.MOST_ARGS_BYTES:
        draft.unique_args = {}
        raise Invalid("unique_args are longer than 10,000 bytes")
    return "events carry these values"


def _to(draft: Draft, value: Any) -> str:
    entries = value if isinstance(value, list) else [value]
    for number, entry in enumerate(entries):
        if not isinstance(entry, str):
            raise Invalid(f"to must be a list of addresses; entry {number + 1} is none")
    if len(entries) > MOST_RECIPIENTS:
        raise Invalid(f"to names {len(entries):,} recipients; {MOST_RECIPIENTS:,} are the most")
    draft.to = [entry.strip() for entry in entries]
    empty = draft.to.count("")
    if empty == len(entries):
        raise Invalid("to names no recipient")
    if empty:
        draft.warn(f"{empty} of {len(entries)} entries are empty: left out")
    return "each entry gets a copy of its own, whose To field shows that entry only"


def _sub(draft: Draft, value: Any) -> str:
    if not isinstance(value, dict):
        raise Invalid("sub must be an object of lists")
    for tag, given in value.items():
        if isinstance(given, dict):
            raise Invalid(f"the values of the tag {excerpt(tag)} must be a list")
        if not tag:
            draft.warn("an empty tag stands for nothing: left out")
            continue
        draft.sub[tag] = [plain(item) for item in given] if isinstance(given, list) else plain(given)
    _check_tags("sub", draft.sub)
    count = len(draft.context.recipients) if draft.to is None else len(draft.to)
    lengths = [len(given) for given in draft.sub.values() if isinstance(given, list)]
    if any(length < count for length in lengths):
        draft.warn(f"a tag has fewer values than there are recipients ({count}): empty text for the others")
    if draft.to is not None and any(length > count for length in lengths):
        draft.warn(f"a tag has more values than there are recipients ({count}): the others are left out")
    return "each recipient's values take the place of the tags"


def _section(draft: Draft, value: Any) -> str:
    if not isinstance(value, dict):
        raise Invalid("section must be an object of texts")
    for tag, text in value.items():
        if isinstance(text, dict | list):
            raise Invalid(f"the section {excerpt(tag)} must be a text")
        if tag:
            draft.sections[tag] = plain(text)
    _check_tags("section", draft.sections)
    return "sections take the place of their tags"


def _check_tags(key: str, tags: Any) -> None:
    if len("".join(tags).encode()) > MOST_TAG_BYTES:
        raise Invalid(f"the tags of {key} are together longer than {MOST_TAG_BYTES:,} bytes")


def _instant(draft: Draft, key: str, value: Any) -> float:
    """Unix seconds; 0 when that is now or past. Raises Invalid."""
    at = integer(value)
    if at is None:
        raise Invalid(f"{key} must be a whole number of seconds since 1970, not {excerpt(value)}")
    hours = max(SCHEDULE_HOURS, draft.context.schedule_days * 24)
    if at > draft.context.now + hours * 3600:
        raise Invalid(f"{key} {at} is more than {hours:g} hours ahead")
    return float(at) if at > draft.context.now else 0.0


def _send_at(draft: Draft, value: Any) -> str:
    at = _instant(draft, "send_at", value)
    draft.set("deliver_at", at)
    return "is sent at this time" if at else "lies in the past: sent at once"


def _send_each_at(draft: Draft, value: Any) -> str:
    given = value if isinstance(value, list) else [value]
    draft.each_at = [0.0 if item is None else _instant(draft, "send_each_at", item) for item in given]
    count = len(draft.context.recipients) if draft.to is None else len(draft.to)
    if len(given) < count:
        draft.warn(f"{count - len(given)} of {count} recipients have no time: sent to them at once")
    return "each recipient's copy is sent at its time"


def _group(draft: Draft, value: Any) -> str:
    number = integer(value)
    if number is None or number < 0:
        raise Invalid(f"asm_group_id must be a whole number, not {excerpt(value)}")
    if not number:
        raise Ignored("0 is no group")
    if number not in draft.context.groups:
        raise Invalid(f"asm_group_id {number} does not exist")
    draft.group = number
    draft.set("unsubscribe_group", number)
    draft.set("auto_unsubscribe", "unsubscribe_group")
    draft.links += group_links()
    return "who left this group gets no copy; unsubscribe links lead to it"


def _groups_shown(draft: Draft, value: Any) -> str:
    numbers = [integer(item) for item in (value if isinstance(value, list) else [value])]
    known = [number for number in dict.fromkeys(numbers) if number in draft.context.groups]
    if len(known) < len(numbers):
        draft.warn("numbers that are no group of the account, or stand here twice, are left out")
    if len(known) > MOST_GROUPS_SHOWN:
        draft.warn(f"only the first {MOST_GROUPS_SHOWN} groups are shown")
    if not known:
        raise Ignored("names no group of the account")
    draft.set("groups_shown", tuple(known[:MOST_GROUPS_SHOWN]))
    return "the page of preferences shows these groups"


def _ip_pool(draft: Draft, value: Any) -> str:
    name = plain(value).strip()
    if not draft.context.owns_pool(name):
        raise Ignored("there is no such pool: sent as usual")
    draft.set("ip_pool", name)
    return "is sent from an address of this pool"


def _batch(draft: Draft, value: Any) -> str:
    name = plain(value).strip()
    if len(name) > MOST_BATCH_CHARS or _CONTROLS.search(name):
        raise Ignored(f"a batch id has at most {MOST_BATCH_CHARS} characters on one line")
    draft.set("batch_id", name)
    return "can be paused and cancelled by this id"


def _template_data(draft: Draft, value: Any) -> str:
    if not isinstance(value, dict):
        raise Invalid("dynamic_template_data must be an object")
    draft.set("template_vars", value)
    return "is the input of the template"


def _filters(draft: Draft, value: Any) -> str:
    if not isinstance(value, dict):
        raise Invalid("filters must be an object")
    read_filters(draft, value)
    return ""


class Key(NamedTuple):
    """`read(draft, value)` gets a value that is not empty, and returns what it does ("" when said already).
    Raises Invalid or Ignored."""

    name: str
    read: Callable[[Draft, Any], str]


# In the order of reading: what names a mail that is rejected comes first, `to` before what belongs to it,
# the group before the filters that depend on it.
KEYS = (
    Key("category", _category),
    Key("unique_args", _unique_args),
    Key("to", _to),
    Key("sub", _sub),
    Key("section", _section),
    Key("send_at", _send_at),
    Key("send_each_at", _send_each_at),
    Key("asm_group_id", _group),
    Key("asm_groups_to_display", _groups_shown),
    Key("ip_pool", _ip_pool),
    Key("batch_id", _batch),
    Key("dynamic_template_data", _template_data),
    Key("filters", _filters),
)
