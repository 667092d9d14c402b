"""One letter to one recipient: what the client says and does from MAIL until the content may leave.

    IDLE -> MAIL -> RCPT (-> DATA) -> CONTENT      a refusal leads to IDLE, at once or over LONE_DOT or RSET

With PIPELINING the commands leave in one write and each of their replies is read (RFC 2920 3.1). Where the
content goes by BDAT there is no DATA: the reply to RCPT opens the way (`content`).

Public: begin, on_mail, on_rcpt, on_data, on_tidied.
"""

from __future__ import annotations

from posthouse.model.message import Outgoing, Phase
from posthouse.smtp.dialogue import Dialogue
from posthouse.smtp.envelope import envelope_commands, unfitness
from posthouse.smtp.replies import ServerReply
from posthouse.smtp.steps import Step, own_words, refused, said


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
    if not talk.offers.has_pipelining:
        talk.say(mail)
    elif talk.by_chunks:  # not BDAT as well: what is lost then would always be "perhaps delivered"
        talk._out.add(f"{mail}\r\n{rcpt}\r\n".encode())
        talk._transcript.said(f"{mail}\nC: {rcpt}")
    else:
        talk._out.add(f"{mail}\r\n{rcpt}\r\nDATA\r\n".encode())
        talk._transcript.said(f"{mail}\nC: {rcpt}\nC: DATA")


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
    if talk.offers.has_pipelining and not talk.by_chunks:
        talk.step = Step.DATA
    elif talk._refusal:
        _end_refused(talk, talk._refusal)
    elif talk.by_chunks:
        talk.want_content()
    else:
        talk.say("DATA")
        talk.step = Step.DATA


def _note_refusal(talk: Dialogue, phase: Phase, reply: ServerReply) -> None:
    """Keep the first answer that is no yes."""
    if not talk._refusal and not 200 <= reply.code < 300:
        talk._refusal = (phase, reply)


def _end_refused(talk: Dialogue, refusal: tuple[Phase, ServerReply]) -> None:
    if refusal[0] is Phase.MAIL and not talk._has_recipient:
        talk.finish(refused(*refusal), Step.IDLE)  # no transaction was ever open
    else:
        talk.finish_and_reset(refused(*refusal))


def on_data(talk: Dialogue, reply: ServerReply) -> None:
    """The reply to DATA."""
    refusal = talk._refusal
    if 300 <= reply.code < 400:
        if not refusal:
            talk.want_content()
        elif talk._has_recipient:
            # MAIL refused, RCPT taken, 354: a lone dot would deliver an empty letter
            talk.close(refused(*refusal))
        else:
            talk.finish(refused(*refusal), Step.LONE_DOT)
            talk._out.add(b".\r\n")  # RFC 2920 3.1
    elif refusal:
        _end_refused(talk, refusal)
    elif reply.code >= 400:
        talk.finish_and_reset(said(Phase.DATA, reply))
    else:
        talk.protocol_error(f"DATA was answered with {reply.code}")


def on_tidied(talk: Dialogue, reply: ServerReply) -> None:
    """The reply to a lone dot, to RSET or to QUIT."""
    if talk.step is Step.QUIT or (talk.step is Step.RSET and reply.code >= 300):
        talk.close(said(Phase.LOCAL, reply))  # after a refused RSET nobody knows what the host thinks
    else:
        talk.ready()
