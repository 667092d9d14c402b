"""The content of a letter on its way: behind 354 up to a final dot, or in chunks behind BDAT (RFC 3030).

    CONTENT -> FINAL -> IDLE                       DATA, and BDAT with a letter of usual size
    CONTENT -> CHUNK -> CONTENT -> ... -> FINAL    a large letter, chunk by chunk

The owner is asked before each chunk. The last one's end commits the host as the final dot does, so nothing is
out of our hands before its reply is waited for in FINAL.

Public: send, on_chunk, on_final.
"""

from __future__ import annotations

from posthouse.model.message import Outgoing, Phase
from posthouse.smtp import wire_content
from posthouse.smtp.dialogue import Dialogue
from posthouse.smtp.replies import ServerReply
from posthouse.smtp.steps import Step, said


def send(talk: Dialogue, outgoing: Outgoing) -> None:
    """The letter leaves, or its next chunk; unless its bytes must not."""
    if talk.by_chunks:
        _send_chunk(talk, outgoing)
        return
    content = wire_content.dotted(outgoing.head, outgoing.body)
    if content is None:
        _give_up_unsafe(talk)
        return
    talk._transcript.said(f"({len(outgoing.head) + len(outgoing.body)} octets)")
    talk.step = Step.FINAL
    talk._out.add_content(content)


def _send_chunk(talk: Dialogue, outgoing: Outgoing) -> None:
    if not talk._chunks:
        chunks = wire_content.chunks(outgoing.head, outgoing.body)
        if chunks is None:
            _give_up_unsafe(talk)
            return
        talk._chunks.extend(chunks)
    chunk = talk._chunks.popleft()
    size = sum(map(len, chunk))
    command, talk.step = ("BDAT %d", Step.CHUNK) if talk._chunks else ("BDAT %d LAST", Step.FINAL)
    talk.say(command % size)
    talk._transcript.said(f"({size} octets)")
    talk._out.add_content(chunk)


def _give_up_unsafe(talk: Dialogue) -> None:
    talk.give_up(Phase.LOCAL, 0, "5.6.0", "The letter holds a bare CR or LF or a NUL: not sent")


def on_chunk(talk: Dialogue, reply: ServerReply) -> None:
    """The reply to a chunk that is not the last."""
    if reply.code >= 400:
        _chunk_refused(talk, reply)
    elif reply.code < 300 and not talk.has_output:
        talk.want_content()
    else:
        talk.protocol_error(f"a chunk was answered with {reply.code}")


def on_final(talk: Dialogue, reply: ServerReply) -> None:
    """The reply to the content."""
    code = reply.code
    if code >= 400 and talk.by_chunks:
        _chunk_refused(talk, reply)
    elif talk.is_content_out and not 300 <= code < 400:
        phase = Phase.DONE if code < 300 else Phase.BODY
        talk.finish(said(phase, reply), Step.IDLE)
    elif code >= 400:  # refused while the content was on its way: its rest must not become commands
        talk.close(said(Phase.BODY, reply))
    else:
        talk.protocol_error(f"the content was answered with {code}")


def _chunk_refused(talk: Dialogue, reply: ServerReply) -> None:
    if 500 <= reply.code <= 504:
        # RFC 5321 4.2.2, x0z is about syntax: who offers CHUNKING and answers so has no working BDAT, and may
        # read the chunk as commands. That says nothing about the letter, which goes by DATA.
        text = f"The host offers CHUNKING, but answered BDAT with {reply.code}: it gets DATA now"
        talk.give_up(Phase.BODY, 451, "4.5.0", text, is_stale=True)
    elif talk.has_output:  # refused while the chunk was on its way: its rest must not become commands
        talk.close(said(Phase.BODY, reply))
    else:
        # RFC 3030 2: the transaction has failed; RSET, because not every host forgets it by itself
        talk._chunks.clear()
        talk.finish_and_reset(said(Phase.BODY, reply))
