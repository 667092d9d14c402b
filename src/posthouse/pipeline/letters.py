"""Letters in memory: one `Loaded` per message, shared by its deliveries, prepared or compiled once.

Where all recipients of a message get the same bytes, one signature serves them all, and a retry that still
finds the letter here reuses it. Copies that differ are made and signed one by one, each when its turn comes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from posthouse.mail.render import Prepared, Rendering
from posthouse.model.message import Delivery, Message
from posthouse.model.options import TEST_DROP, RecipientOptions, read_recipient_options
from posthouse.pipeline.stops import Stop


@dataclass(slots=True)
class Loaded:
    """A letter with what was already made of it: `prepared` with `signing`, the future of the one signature,
    or `rendering`, when each recipient gets an own copy. `preparing`: they are being made beside the loop.
    `warnings` as in `Job`, about the signatures."""

    message: Message
    content: bytes
    prepared: Prepared | None = None
    signing: asyncio.Future[tuple[bytes, bytes]] | None = None
    rendering: Rendering | None = None
    preparing: asyncio.Task[None] | None = None
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class Job:
    """One delivery in memory with its letter. `letter` None: the content is gone from the store.
    `is_proven`: its site had proven itself when the job came (see MemoryBound). `warnings`: what could not be
    done as the sender asked, sentences for the delivered event. `own`, `signing`: its copy where that is its
    own, made once and kept as long as the job. `stop`: what forbids the delivery since it came into memory
    (`recall`). `site`: the name of the site that it is carried to. `notes`: more warnings, of before the copy
    was made; `spam_score`: what the scanner gave it, None when nobody asked."""

    delivery: Delivery
    letter: Loaded | None
    is_proven: bool = False
    warnings: tuple[str, ...] = ()
    own: Prepared | None = None
    signing: asyncio.Future[tuple[bytes, bytes]] | None = None
    stop: Stop | None = None
    site: str = ""
    notes: tuple[str, ...] = ()
    spam_score: float | None = None
    _copy_options: RecipientOptions | None = None

    @property
    def copy_options(self) -> RecipientOptions:
        """What this recipient's copy differs in; read when first asked for."""
        if self._copy_options is None:
            self._copy_options = read_recipient_options(self.delivery.personal)
        return self._copy_options

    @property
    def is_test(self) -> bool:
        """The sender wants everything but the sending."""
        return self.letter is not None and self.letter.message.options.test_mode == TEST_DROP

    @property
    def size_bytes(self) -> int:
        return len(self.letter.content) if self.letter else 0


class RecentLetters:
    """The last letters that were loaded from the store, bounded by bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held = 0
        self._letters: OrderedDict[str, Loaded] = OrderedDict()

    def get(self, message_id: str) -> Loaded | None:
        letter = self._letters.get(message_id)
        if letter:
            self._letters.move_to_end(message_id)
        return letter

    def put(self, letter: Loaded) -> None:
        if letter.message.id in self._letters:
            return
        self._letters[letter.message.id] = letter
        self._held += len(letter.content)
        while self._held > self._most_bytes and len(self._letters) > 1:
            _, oldest = self._letters.popitem(last=False)
            self._held -= len(oldest.content)
