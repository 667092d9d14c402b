"""What the sender wants to find again in every event of a delivery: its tags, its own data."""

from __future__ import annotations

from typing import Any

from posthouse.model.options import SendOptions, read_recipient_options


def labels(options: SendOptions, personal: str = "") -> dict[str, Any]:
    """`tags`, `metadata` (the recipient's own, else the message's), `is_test`, `is_notice` (a letter of our
    own), `is_copy` (a blind copy that we made), `call_id` and `call_place`, as far as they are set.

    `personal` is the delivery's; it is parsed only where it can matter.
    """
    found: dict[str, Any] = {}
    if options.tags:
        found["tags"] = list(options.tags)
    own = read_recipient_options(personal).metadata if '"metadata"' in personal else None
    metadata = options.metadata if own is None else own
    if metadata:
        found["metadata"] = metadata
    if options.test_mode:
        found["is_test"] = True
    if options.call_id:
        found |= {"call_id": options.call_id, "call_place": options.call_place}
    if options.is_notice:
        found["is_notice"] = True
    if '"copy_of"' in personal and read_recipient_options(personal).copy_of:
        found["is_copy"] = True
    return found
