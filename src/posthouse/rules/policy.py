"""May this letter be sent like this? Sender fields, recipients, hops; refusals carry the customer's words.

The address that is judged here is the parsed `Address` itself, the same value that the rest of the house
uses (MSG-5, S5). From must be exactly one mailbox (DM-2): receivers cannot align anything else with DMARC,
and every form that two programs could read differently is refused rather than guessed.

Public: judge_fields, judge_from, from_rule, is_within, judge_recipient, judge_sandbox, judge_hops,
registered, is_local_name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from posthouse.model.account import Domain, Principal
from posthouse.model.address import Address
from posthouse.model.errors import Refused

HOPS_LIMIT = 100
ONCE_AT_MOST = (
    b"from",
    b"sender",
    b"reply-to",
    b"to",
    b"cc",
    b"subject",
    b"date",
    b"message-id",
    b"in-reply-to",
    b"references",
)
# RFC 6762, RFC 8375 and the names that routers and hosts give themselves: nobody can own them.
_LOCAL_ENDINGS = (".local", ".localdomain", ".internal", ".lan", ".home.arpa")

FindDomain = Callable[[str], Domain | None]


class FromMailbox(Protocol):
    """What is judged of a parsed mailbox (`mail.addresses.Mailbox`)."""

    @property
    def address(self) -> Address: ...

    @property
    def group(self) -> str: ...

    @property
    def is_obsolete(self) -> bool: ...


class FromSettings(Protocol):
    """`from_domain`: "account" or "any"; `unverified`: "refuse" or "hold"."""

    @property
    def from_domain(self) -> str: ...

    @property
    def unverified(self) -> str: ...


def judge_fields(names: Sequence[bytes]) -> None:
    """Exactly one From, and none of the other once-only fields twice (RFC 5322 3.6, MSG-4).

    `names`: those of all fields, in lower case. Doubles are refused, not merged: each receiver would pick
    another one of them. Raises Refused.
    """
    if len(set(names)) < len(names):
        for name in ONCE_AT_MOST:
            number = names.count(name)
            if number > 1:
                title = name.decode().title()
                raise _broken(f"The message has {number} {title} fields; one is allowed")
    if b"from" not in names:
        raise _broken("The message has no From field")


def judge_from(
    mailboxes: Sequence[FromMailbox], principal: Principal, settings: FromSettings, find_domain: FindDomain
) -> str:
    """May this principal write this From? Raises Refused; "" is yes, a name: accept, but hold until that
    domain is verified.

    `find_domain` finds any registered domain by its A-label name. The account may use its own domains and
    names below them; of nested registered domains the most specific one decides. Names that nobody can own
    (`localhost`, `build7.local`) pass, because small tools fill in the machine's own. With the rule `domain`
    (`from_rule`) nothing passes but the principal's very domain and names below it.
    """
    mailbox = _single(mailboxes)
    is_verified = principal.verified
    name = mailbox.address.domain
    rule = from_rule(principal, settings, find_domain)
    if rule == "domain" and principal.domain and not is_within(name, principal.domain):
        text = f"Domain not found: {name} is not {principal.domain}, for which alone this credential sends"
        raise Refused(550, "5.7.1", text, reason="from-domain")
    if rule != "any" and name != principal.domain and not is_local_name(name):
        owned = registered(name, find_domain)
        if owned is None or owned.account_id != principal.account_id:
            raise Refused(550, "5.7.1", f"Domain not found: {name}", reason="from-domain")
        if owned.verified_at is None:
            is_verified, name = False, owned.name
    elif not is_verified:
        name = principal.domain
    if is_verified:
        return ""
    if settings.unverified == "hold":
        return name
    raise Refused(
        550,
        "5.7.1",
        f"Sender not authorized: the domain {name} is unverified and requires DNS configuration",
        reason="domain-unverified",
    )


def from_rule(principal: Principal, settings: FromSettings, find_domain: FindDomain) -> str:
    """Whose From the principal may write, "account", "domain" or "any": its domain says, else the
    installation."""
    own = find_domain(principal.domain) if principal.domain else None
    return (own.settings.from_policy if own else "") or settings.from_domain


def is_within(name: str, domain: str) -> bool:
    """The domain itself or a name below it."""
    return name == domain or name.endswith(f".{domain}")


def judge_recipient(address: Address, *, allow_unqualified: bool = False) -> None:
    """RFC 6409 4.2, SUB-2: a recipient's domain must be fully qualified. Raises Refused."""
    domain = address.domain
    if "." in domain or domain.startswith("[") or allow_unqualified:
        return
    raise Refused(
        550,
        "5.1.2",
        f"The recipient's domain {domain} is not fully qualified",
        reason="unqualified-recipient",
    )


def judge_sandbox(recipients: Iterable[str], domain: str, authorised: Iterable[str]) -> None:
    """C-12: one stranger among the recipients refuses the letter. Raises Refused."""
    known = {address.lower() for address in authorised}
    if all(address.lower() in known for address in recipients):
        return
    raise Refused(
        550,
        "5.7.1",
        "Sandbox subdomains are for test purposes only. Please add your own domain or add the address to "
        f"the authorized recipients of {domain}",
        reason="sandbox",
    )


def judge_hops(received: int, limit: int = HOPS_LIMIT) -> None:
    """`received`: number of Received fields. RFC 5321 6.3: more than the limit is a loop. Raises Refused."""
    if received > limit:
        raise Refused(
            554, "5.4.6", f"Mail loop: the message has already passed {received} hosts", reason="loop"
        )


def is_local_name(domain: str) -> bool:
    """A single label or a special-use name: not in the public DNS, owned by nobody."""
    return "." not in domain or domain.endswith(_LOCAL_ENDINGS) or domain == "home.arpa"


def _single(mailboxes: Sequence[FromMailbox]) -> FromMailbox:
    if not mailboxes:
        raise _broken("The From field holds no address")
    if len(mailboxes) > 1:
        raise _broken("The From field holds several addresses; one is allowed")
    mailbox = mailboxes[0]
    if mailbox.group:
        raise _broken("The From field holds a group; one address is allowed")
    if mailbox.is_obsolete:
        # RFC 5322 4.4 allows reading routes and comments inside an address; programs disagree about them
        raise _broken("The From field holds an address in an obsolete form")
    return mailbox


def registered(name: str, find_domain: FindDomain) -> Domain | None:
    """The most specific registered domain that is the name or above it."""
    while "." in name and not name.startswith("["):
        found = find_domain(name)
        if found is not None:
            return found
        name = name.partition(".")[2]
    return None


def _broken(text: str) -> Refused:
    return Refused(550, "5.6.0", text, reason="bad-header")
