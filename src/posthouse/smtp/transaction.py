"""One letter to one recipient: what the client says and does from MAIL to the reply to the content.

    IDLE -> MAIL -> RCPT -> DATA -> CONTENT -> FINAL -> IDLE       a refusal may lead over LONE_DOT or RSET

With PIPELINING the three commands leave in one write and each of their replies is read (RFC 2920 3.1).

Public: begin, send_content, on_mail, on_rcpt, on_data, on_final, on_tidied.
"""

from __future__ import annotations

from posthouse.model.message import Outgoing, Phase
from posthouse.smtp.dialogue import Dialogue
from posthouse.smtp.envelope import envelope_commands, unfitness, wire_content
from posthouse.smtp.replies import ServerReply
from posthouse.smtp.steps import WANTS_CONTENT, Step, own_words, refused, said


def begin(talk: Dialogue, outgoing: Outgoing) -> None:
    """Say the envelope of a letter, or finish at once when it cannot go to this host."""
    if talk.letters:
        talk._transcript.note(f"reused connection to {talk._peer} ({talk.letters} messages before)")
    talk.letters += 1
    unfit = unfitness(outgoing, talk.offers, send_8bit_anyway=talk._send_8bit_anyway)
    if unfit:
        talk._transcript.note(unfit.text)
        talk.finish(own_words(Phase.LOCAL, 0, unfit.enhanced, unfit.text), Step.IDLE)
        return
    talk._outgoing, talk._refusal, talk._has_recipient = outgoing, None, False
    if outgoing.is_8bit and not talk.offers.has_8bitmime:
        talk._transcript.note("the host does not offer 8BITMIME; the letter is sent with its 8-bit content")
    mail, rcpt = envelope_commands(outgoing, talk.offers)
    talk.step = Step.MAIL
    if talk.offers.has_pipelining:
        talk._out.add(f"{mail}\r\n{rcpt}\r\nDATA\r\n".encode())
        talk._transcript.said(f"{mail}\nC: {rcpt}\nC: DATA")
    else:
        talk.say(mail)


def on_mail(talk: Dialogue, reply: ServerReply) -> None:
    """The reply to MAIL."""
    _note_refusal(talk, Phase.MAIL, reply)
    if talk.offers.has_pipelining:
        talk.step = Step.RCPT
    elif talk._refusal:
        talk.finish(refused(*talk._refusal), Step.IDLE)
    elif talk._outgoing:
        talk.say(envelope_commands(talk._outgoing, talk.offers)[1])
        talk.step = Step.RCPT


def on_rcpt(talk: Dialogue, reply: ServerReply) -> None:
    """The reply to RCPT."""
    talk._has_recipient = 200 <= reply.code < 300
    _note_refusal(talk, Phase.RCPT, reply)
    if talk.offers.has_pipelining:
        talk.step = Step.DATA
    elif talk._refusal:
        talk.finish_and_reset(refused(*talk._refusal))
    else:
        talk.say("DATA")
        talk.step = Step.DATA


def _note_refusal(talk: Dialogue, phase: Phase, reply: ServerReply) -> None:
    """Keep the first answer that is no yes."""
    if not talk._refusal and not 200 <= reply.code < 300:
        talk._refusal = (phase, reply)


def on_data(talk: Dialogue, reply: ServerReply) -> None:
    """The reply to DATA."""
    refusal = talk._refusal
    if 300 <= reply.code < 400:
        if not refusal:
            talk.step = Step.CONTENT
            talk._events.append(WANTS_CONTENT)
        elif talk._has_recipient:
            # MAIL refused, RCPT taken, 354: a lone dot would deliver an empty letter
            talk.close(refused(*refusal))
        else:
            talk.finish(refused(*refusal), Step.LONE_DOT)
            talk._out.add(b".\r\n")  # RFC 2920 3.1
    elif refusal and refusal[0] is Phase.MAIL and not talk._has_recipient:
        talk.finish(refused(*refusal), Step.IDLE)  # no transaction was ever open
    elif refusal:
        talk.finish_and_reset(refused(*refusal))
    elif reply.code >= 400:
        talk.finish_and_reset(said(Phase.DATA, reply))
    else:
        talk.protocol_error(f"DATA was answered with {reply.code}")


def send_content(talk: Dialogue, outgoing: Outgoing) -> None:
    """The letter leaves, unless its bytes must not."""
    content = wire_content(outgoing.head, outgoing.body)
    if content is None:
        talk.give_up(Phase.LOCAL, 0, "5.6.0", "The letter holds a bare CR or LF or a NUL: not sent")
        return
    talk._transcript.said(f"({len(outgoing.head) + len(outgoing.body)} octets)")
    talk.step = Step.FINAL
    talk._out.add_content(content)


def on_final(talk: Dialogue, reply: ServerReply) -> None:
    """The reply to the content."""
    code = reply.code
    if talk.is_content_out and not 300 <= code < 400:
        phase = Phase.DONE if code < 300 else Phase.BODY
        talk.finish(said(phase, reply), Step.IDLE)
    elif code >= 400:  # refused while the content was on its way: its rest must not become commands
        talk.close(said(Phase.BODY, reply))
    else:
        talk.protocol_error(f"the content was answered with {code}")


def on_tidied(talk: Dialogue, reply: ServerReply) -> None:
    """The reply to a lone dot, to RSET or to QUIT."""
    if talk.step is Step.QUIT or (talk.step is Step.RSET and reply.code >= 300):
        talk.close(said(Phase.LOCAL, reply))  # after a refused RSET nobody knows what the host thinks
    else:
        talk.ready()
