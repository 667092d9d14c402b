"""What a receiving host says: a small receiving protocol of its own, exact and able to misbehave.

It is not built on the server engine on purpose: what Posthouse sends is judged by code that shares nothing
with it. End of data is CRLF dot CRLF and nothing else; contents are kept octet for octet after unstuffing.
What a client does against the protocol is answered as a strict server would and noted as a violation.

Public: `Conversation`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from posthouse.internet.recorder import Arrival
from posthouse.internet.scripts import Act, Deed, Step, acts_of_mailbox
from posthouse.internet.strictness import Complaint, PathLine, complaints_about, read_path_line
from posthouse.internet.wire import Wire

if TYPE_CHECKING:
    from posthouse.internet.hosts import Host

_LONGEST_LINE = 12_288
_ODD_OCTETS = re.compile(rb"\r(?!\n)|\x00")
_BDAT = re.compile(rb"(?i)BDAT ([0-9]{1,9})( LAST)?\Z")
_KEEPS_THE_COPY = (Deed.DELAY,)


@dataclass(slots=True)
class _Transaction:
    sender: PathLine
    recipients: list[PathLine] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    has_begun: bool = False


class Conversation(Wire):
    """Reads commands, asks the script at each step, answers. One per connection."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._take: Callable[[], bool] = self._take_command
        self._scanned = 0
        self._chunk_bytes = 0
        self._is_last_chunk = False
        self._messages = 0
        self._forget()

    def _forget(self) -> None:
        self._hello = ""
        self._transaction: _Transaction | None = None

    def _opened(self) -> None:
        self._act(Step.GREETING, f"220 {self._host.name} ESMTP fake internet")

    def _next(self) -> bool:
        return self._take()

    # the script

    def _act(
        self,
        step: Step,
        usual: str,
        go_on: Callable[[], None] | None = None,
        recipient: PathLine | None = None,
    ) -> None:
        """Do what the script says at `step`; the usual reply and `go_on` when it says nothing."""
        self._perform(self._chosen(step, recipient), usual, go_on)

    def _perform(self, act: Act | None, usual: str, go_on: Callable[[], None] | None = None) -> None:
        match act.deed if act else None:
            case None:
                self._proceed(usual, go_on)
            case Deed.SAY | Deed.GREYLIST if act:
                self._say(act.text)
            case Deed.RAW if act:
                self._write(act.text.encode("latin-1"))
            case Deed.CLOSE if act:
                self._say(act.text)
                self._close("closed")
            case Deed.DROP:
                self.end("dropped")
            case Deed.STALL if act:
                self._is_waiting = True
                if act.step is Step.BODY:
                    self._transport.pause_reading()
            case Deed.DELAY if act:
                self._is_waiting = True
                asyncio.get_running_loop().call_later(act.seconds, self._resume, usual, go_on)

    def _proceed(self, usual: str, go_on: Callable[[], None] | None) -> None:
        if usual:
            self._say(usual)
        if go_on is not None:
            go_on()

    def _resume(self, usual: str, go_on: Callable[[], None] | None) -> None:
        if not self._is_closing:
            self._is_waiting = False
            self._proceed(usual, go_on)
            self._advance()

    def _chosen(self, step: Step, recipient: PathLine | None = None) -> Act | None:
        """The mailbox's own act if its name is a script's, else the host's; None: not now."""
        transaction = self._transaction
        asked = [recipient] if recipient else transaction.recipients if transaction else []
        acts, who = self._script.acts, asked[0].path if asked else ""
        if step in (Step.RCPT, Step.DATA, Step.BODY, Step.DOT):
            for line in asked:
                own = acts_of_mailbox(line.path.rpartition("@")[0])
                if own is not None:
                    acts, who = own, line.path
                    break
        act = next((act for act in acts if act.step is step), None)
        if act is None:
            return None
        sender = transaction.sender.path if transaction else ""
        return act if self._host.applies(act, self._session.peer, sender, who) else None

    # commands

    def _take_command(self) -> bool:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_LINE:
                self._violated("line without end")
                self.end("dropped")
            return False
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        self._session.note("C: " + line.decode("utf-8", "backslashreplace").rstrip("\r\n"))
        if not line.endswith(b"\r\n") or _ODD_OCTETS.search(line):
            self._violated(f"bare CR, LF or NUL in a command: {line[:80]!r}")
            self._say("500 5.5.2 A line ends with CR LF")
            return True
        self._command(line[:-2])
        if self._take == self._take_command and self._buffer and "PIPELINING" not in self._script.extensions:
            # RFC 2920 1: such servers throw away what they did not expect yet.
            self._violated(f"pipelined without the extension: {bytes(self._buffer[:80])!r}")
            self._buffer.clear()
        return True

    def _command(self, line: bytes) -> None:
        match line.partition(b" ")[0].upper():
            case b"EHLO":
                self._on_ehlo(line)
            case b"HELO":
                self._transaction, self._hello = None, _text(line[5:])
                self._say(f"250 {self._host.name}")
            case b"MAIL":
                self._on_mail(line)
            case b"RCPT":
                self._on_rcpt(line)
            case b"DATA":
                self._on_data()
            case b"BDAT":
                self._on_bdat(line)
            case b"STARTTLS":
                self._starttls()
            case b"RSET":
                self._transaction = None
                self._say("250 2.0.0 Forgotten")
            case b"NOOP":
                self._say("250 2.0.0 Nothing done")
            case b"QUIT":
                self._say("221 2.0.0 Bye")
                self._close("quit")
            case _:
                self._violated(f"unknown command: {line[:80]!r}")
                self._say("500 5.5.1 Unknown command")

    def _on_ehlo(self, line: bytes) -> None:
        self._transaction = None
        hello = _text(line[5:])
        offered = [name for name in self._script.extensions if name != "STARTTLS" or not self._session.tls]
        if self._script.size:
            offered.append(f"SIZE {self._script.size}")
        texts = [f"{self._host.name} greets {hello[:200]}", *offered]
        marks = ["-"] * (len(texts) - 1) + [" "]
        reply = "\r\n".join(f"250{mark}{text}" for mark, text in zip(marks, texts, strict=True))

        def greeted() -> None:
            self._hello = hello

        self._act(Step.EHLO, reply, greeted)

    def _on_mail(self, line: bytes) -> None:
        if not self._hello or self._transaction is not None:
            self._violated("MAIL out of order")
            self._say("503 5.5.1 MAIL out of order")
            return
        if self._script.messages_max and self._messages >= self._script.messages_max:
            self._say("421 4.7.0 Too many messages on this connection")
            self._close("closed")
            return
        sender = self._path(line, is_utf8=False)
        if sender is None:
            return
        if self._script.size and sender.size > self._script.size:
            self._say("552 5.3.4 Message is too big for this host")
            return

        def begun() -> None:
            self._transaction = _Transaction(sender)

        self._act(Step.MAIL, "250 2.1.0 Sender ok", begun)

    def _on_rcpt(self, line: bytes) -> None:
        transaction = self._transaction
        if transaction is None:
            self._say("503 5.5.1 MAIL first")  # no violation: RFC 2920 3.1 lets a client send it ahead
            return
        recipient = self._path(line, is_utf8=transaction.sender.wants_utf8)
        if recipient is None:
            return
        if len(transaction.recipients) >= self._script.recipients_max:
            self._say("452 4.5.3 Too many recipients")
            return
        self._act(
            Step.RCPT, "250 2.1.5 Recipient ok", lambda: transaction.recipients.append(recipient), recipient
        )

    def _path(self, line: bytes, *, is_utf8: bool) -> PathLine | None:
        read = read_path_line(
            line, self._script.extensions, has_size=bool(self._script.size), is_utf8=is_utf8
        )
        if isinstance(read, Complaint):
            self._violated(read.violation)
            self._say(read.reply)
            return None
        return read

    # content

    def _on_data(self) -> None:
        if self._transaction is None or not self._transaction.recipients:
            self._say("503 5.5.1 No valid recipients")
            return
        if self._buffer:
            self._violated("content sent ahead of the 354")

        def opened() -> None:
            self._buffer[:0] = b"\r\n"  # the CRLF of the DATA line may begin the end of data
            self._scanned = 0
            self._take = self._take_content

        self._act(Step.DATA, "354 Go ahead", opened)

    def _take_content(self) -> bool:
        if len(self._buffer) > 2 and self._is_interrupted():
            return False
        end = self._buffer.find(b"\r\n.\r\n", self._scanned)
        if end < 0:
            self._scanned = max(0, len(self._buffer) - 4)
            return False
        content = bytes(self._buffer[: end + 2])
        del self._buffer[: end + 5]
        # RFC 5321 4.5.2: of every line that begins with a dot, that dot goes.
        self._complete(content.replace(b"\r\n.", b"\r\n")[2:], "DATA")
        return True

    def _is_interrupted(self) -> bool:
        """Do, once, what the script says in the middle of the content."""
        transaction = self._transaction
        if transaction is None or transaction.has_begun:
            return False
        transaction.has_begun = True
        self._act(Step.BODY, "")
        return self._is_waiting or self._is_closing

    def _on_bdat(self, line: bytes) -> None:
        match = _BDAT.match(line)
        if match is None or "CHUNKING" not in self._script.extensions:
            self._violated(f"BDAT: {line[:80]!r}")
            self._say("503 5.5.1 No BDAT here")
            return
        self._chunk_bytes, self._is_last_chunk = int(match[1]), match[2] is not None
        self._take = self._take_chunk
        if not self._chunk_bytes:
            self._take_chunk()

    def _take_chunk(self) -> bool:
        """RFC 3030 2: octets are read exactly, also when they are refused."""
        if self._is_interrupted() or len(self._buffer) < self._chunk_bytes:
            return False
        chunk = bytes(self._buffer[: self._chunk_bytes])
        del self._buffer[: self._chunk_bytes]
        self._take = self._take_command
        transaction = self._transaction
        if not self._script.knows_bdat:
            self._say("502 5.5.1 Command not implemented")
        elif transaction is None or not transaction.recipients:
            self._say("503 5.5.1 No valid recipients")
        elif transaction.chunks:
            self._keep_chunk(transaction, chunk)
        else:
            self._first_chunk(transaction, chunk)
        return True

    def _first_chunk(self, transaction: _Transaction, chunk: bytes) -> None:
        act = self._chosen(Step.DATA)
        if act is not None and act.deed is Deed.SAY:  # RFC 3030 2: the transaction has failed
            transaction.recipients.clear()
        self._perform(act, "", lambda: self._keep_chunk(transaction, chunk))

    def _keep_chunk(self, transaction: _Transaction, chunk: bytes) -> None:
        transaction.chunks.append(chunk)
        if self._is_last_chunk:
            self._complete(b"".join(transaction.chunks), "BDAT")
        else:
            self._say(f"250 2.0.0 {len(chunk)} octets")

    def _complete(self, content: bytes, verb: str) -> None:
        """All of the content is there: judge it, keep it unless the script says no, answer."""
        act = self._chosen(Step.DOT)
        transaction, self._transaction = self._transaction, None
        self._take = self._take_command
        if transaction is None:
            return
        self._session.note(f"C: ({len(content)} octets)")
        for complaint in complaints_about(content, is_8bit_declared=transaction.sender.wants_8bit):
            self._violated(complaint)
        if self._script.size and len(content) > self._script.size:
            self._say("552 5.3.4 Message is too big for this host")
            return
        self._messages += 1
        if act is not None and act.deed not in _KEEPS_THE_COPY and not act.keeps:
            self._perform(act, "")
            return
        arrival = self._arrival(content, transaction, verb)
        try:
            self._host.recorder.arrived(arrival)
        except OSError:
            self.end("dropped")  # the ledger could not be written: nothing is acknowledged
            return
        reply = f"250 2.0.0 Kept as {arrival.number}"

        def answered() -> None:
            self._flush()
            self._host.recorder.answered(arrival, reply)

        self._perform(act, reply, answered)

    def _arrival(self, content: bytes, transaction: _Transaction, verb: str) -> Arrival:
        self._session.arrivals += 1
        return Arrival(
            number=self._host.recorder.total + 1,
            session=self._session.number,
            host=self._host.name,
            address=self._host.address,
            peer=self._session.peer,
            hello=self._hello,
            tls=self._session.tls,
            sender=transaction.sender.path,
            sender_params=transaction.sender.params,
            recipients=tuple(line.path for line in transaction.recipients),
            recipient_params=tuple(line.params for line in transaction.recipients),
            content=content,
            verb=verb,
            at=self._host.now(),
        )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
