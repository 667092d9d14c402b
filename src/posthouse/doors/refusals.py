"""Refusals as SMTP replies, in the words of the service that a client knows.

Public: refusal_reply, bad_login.
"""

from __future__ import annotations

from posthouse.desk import sign_in
from posthouse.dialects.dialect import Refusal, Words
from posthouse.dialects.table import speaker_for
from posthouse.model.account import CredentialKind
from posthouse.model.errors import PosthouseError
from posthouse.smtp.events import AuthTry
from posthouse.smtp.replies import Reply

_AS_IT_IS = Refusal()


def refusal_reply(error: PosthouseError, words: Words, domain: str = "") -> Reply:
    """One of our refusals as a service phrases it."""
    refusal = words.refusals.get(error.reason, _AS_IT_IS)
    text = refusal.text.replace("{domain}", domain).replace("{text}", error.text)
    enhanced = error.enhanced if refusal.enhanced is None else refusal.enhanced
    return Reply(refusal.code or error.code, enhanced if words.has_enhanced_codes else "", text)


def bad_login(event: AuthTry, kind: CredentialKind | None) -> Reply:
    """The answer to a wrong sign-in. Who puts a key or a token into the wrong place is told where it belongs
    (C-06; `kind`: what the password is here); nobody learns whether a login exists."""
    words = speaker_for(event.user, event.password).words
    refused = sign_in.refusal(event.user, event.password, kind)
    if refused.reason == "bad-credentials":
        return words.bad_login(event.user, event.password)
    return refusal_reply(refused, words)
