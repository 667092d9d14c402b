"""`X-Mailgun-Suppress-Headers`: which fields of this prefix the recipients must not see.

Documented: one name a header, repeatable, or `all`. Lists with commas as in the HTTP interface are our
addition. Since all but two option headers are removed anyway, this concerns those two and the fields that the
service itself writes.

Public: read_suppressed.
"""

from __future__ import annotations

from posthouse.dialects.mailgun.headers import EMPTY, Found, Reading

HEADER = "x-mailgun-suppress-headers"
_PREFIX = "x-mailgun-"
MOST_NAMES = 100
# What can stand in a delivered mail.
_DELIVERED = (
    "x-mailgun-batch-id",
    "x-mailgun-sending-ip",
    "x-mailgun-sending-ip-pool",
    "x-mailgun-sending-ip-pool-name",
    "x-mailgun-sid",
    "x-mailgun-tag",
    "x-mailgun-variables",
)


def read_suppressed(reading: Reading) -> None:
    """Take names out of what is kept or added. To be called when that is known."""
    names: dict[str, None] = {}
    for found in reading.all(HEADER):
        _read_names(found, names, reading)
    if not names:
        return
    wishes = reading.wishes
    wishes.keep -= names.keys()
    wishes.drop |= names.keys()
    reading.set("drop_fields", tuple(names), "X-Mailgun-Suppress-Headers")
    added = wishes.values.get("add_fields", ())
    if added:
        left = tuple([(name, text) for name, text in added if name.lower() not in names])
        reading.set("add_fields", left, wishes.sources["add_fields"])


def _read_names(found: Found, names: dict[str, None], reading: Reading) -> None:
    wanted = [word.strip().lower() for word in found.text.split(",")[:MOST_NAMES]]
    ours = [word for word in wanted if word == "all" or word.startswith(_PREFIX)]
    for word in ours[: max(MOST_NAMES - len(names), 0)]:
        names.update(dict.fromkeys(_DELIVERED if word == "all" else (word,)))
    if not any(wanted):
        reading.tell(found, EMPTY, is_warning=True)
    elif len(ours) < len([word for word in wanted if word]):
        reading.tell(found, "only names that begin with X-Mailgun- are removed", is_warning=True)
    elif "all" in ours:
        reading.tell(found, "no X-Mailgun header is delivered")
    else:
        reading.tell(found, f"not delivered: {', '.join(ours)}")
