"""The written record of one delivery attempt: `C:` what we said, `S:` what the host said, `*` what happened.

Kept as ready lines while the conversation runs and joined once when its result is made; bounded, so that a
talkative host cannot fill the event log. Content is shown as its size only.

Public: Transcript, bounded, MAX_TRANSCRIPT.
"""

from __future__ import annotations

from posthouse.smtp.replies import ServerReply

MAX_TRANSCRIPT = 16_384  # characters
MAX_REPLY = 4_096  # characters of one reply that are written down
_CUT = "\n* (cut)"


class Transcript:
    """Collects lines; `take` gives the text so far and begins anew."""

    __slots__ = ("_lines",)

    def __init__(self) -> None:
        self._lines: list[str] = []

    def said(self, command: str) -> None:
        """A command of ours, without its line end; several as one text, each line with its own `C: `."""
        self._lines.append(f"C: {command}")

    def heard(self, reply: ServerReply) -> None:
        """A whole reply of the host; its lines hold no controls (ReplyReader)."""
        lines = reply.lines
        lead = f"{reply.enhanced} " if reply.enhanced else ""
        if len(lines) == 1:
            text = f"S: {reply.code} {lead}{lines[0]}"
        else:
            last = len(lines) - 1
            text = "\n".join(
                f"S: {reply.code}{'-' if n < last else ' '}{lead}{line}" for n, line in enumerate(lines)
            )
        self._lines.append(text if len(text) <= MAX_REPLY else text[:MAX_REPLY] + _CUT)

    def note(self, text: str) -> None:
        """Something that happened and that nobody said."""
        self._lines.append(f"* {text}")

    def take(self) -> str:
        """Everything since the last `take`, at most MAX_TRANSCRIPT characters."""
        text = "\n".join(self._lines)
        self._lines.clear()
        return bounded(text)


def bounded(text: str) -> str:
    """`text`, cut behind MAX_TRANSCRIPT characters with a line that says so."""
    return text if len(text) <= MAX_TRANSCRIPT else text[: MAX_TRANSCRIPT - len(_CUT)] + _CUT
