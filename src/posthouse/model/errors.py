"""The two ways to say no. Everything else that is raised is a bug.

Public text goes to the customer; the cause stays in the log. Neither holds a secret.
"""

from __future__ import annotations


class PosthouseError(Exception):
    """Parent of `Refused` and `TryLater`: a reply code, an enhanced code (RFC 3463) and a public text.
    `retry_s`: when it is known to go again, 0.0 for unknown."""

    def __init__(
        self, code: int, enhanced: str, text: str, *, reason: str = "", retry_s: float = 0.0
    ) -> None:
        super().__init__(f"{code} {enhanced} {text}")
        self.code = code
        self.enhanced = enhanced
        self.text = text
        self.reason = reason
        self.retry_s = retry_s


class Refused(PosthouseError):
    """The customer asked for something that we must decline (5yz, HTTP 4xx)."""


class TryLater(PosthouseError):
    """Ours or a resource's temporary trouble (4yz, HTTP 429 or 503): the customer should try again.
    `most`: the limit that was reached, 0 for none."""

    def __init__(
        self, code: int, enhanced: str, text: str, *, reason: str = "", retry_s: float = 0.0, most: int = 0
    ) -> None:
        super().__init__(code, enhanced, text, reason=reason, retry_s=retry_s)
        self.most = most


class CommitInDoubt(Exception):
    """The store's connection broke during the commit itself: nobody knows whether it holds.

    The caller must neither acknowledge nor refuse: it closes the conversation without a reply, which is
    what the client would have seen had we been killed at this instant (RFC 1047).
    """


class SettingsError(Exception):
    """A setting is wrong; the text says file, key, what is wrong and what is allowed."""
