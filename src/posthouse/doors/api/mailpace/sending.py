"""`POST /api/v1/send`: one letter.

The checks in the order that callers can rely on: token, account, is the domain verified, the fields, does
From fit the token, is somebody blocked, too quick.

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from posthouse.dialects.event_values import numbered_id
from posthouse.doors.api.answers import Answer, Problem, Said, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.kept import again
from posthouse.doors.api.mailpace.answers import BLOCKED, field_errors
from posthouse.doors.api.mailpace.letter import Asked, read_call
from posthouse.doors.api.posting import Posted, post
from posthouse.mail.addresses import Mailbox
from posthouse.mail.build import build
from posthouse.model.account import MAIL_SEND, CredentialKind, Domain
from posthouse.model.errors import Refused
from posthouse.model.message import Recipient, Submission
from posthouse.model.options import PLAIN
from posthouse.rules.policy import from_rule, registered
from posthouse.rules.suppression import judge_suppressions
from posthouse.store import allowed, suppressions
from posthouse.store.answered import find
from posthouse.store.connection import Connection


async def send(call: Call) -> Answer:
    # documented: whatever the body is, a key that was used gets its first answer
    key = await call.once(any_body=True)
    if key is not None and (earlier := await call.read(find, key.id, call.now)):
        return again(key, earlier)
    await _judge_verified(call)
    asked = read_call(await call.json(), lambda author: _taken(call, author))
    sender = asked.draft.author[0].address
    _judge_from(call, sender.domain)
    content = _built(asked)
    await _judge_blocked(call, _sending_domain(call, sender.domain), asked.people)
    posted = Posted(content, sender, _recipients(asked), asked.options)
    return await post(call, [posted], _answer, any_body=True)


def _answer(submissions: list[Submission]) -> Answer:
    return json_answer({"id": numbered_id(submissions[0].id), "status": "pending"})


def _built(asked: Asked) -> bytes:
    try:
        return build(asked.draft)
    except Refused as refused:
        if refused.reason != "bad-part":
            raise
        raise Said(field_errors({"attachments": [refused.text]})) from refused


def _recipients(asked: Asked) -> list[Recipient]:
    """Each address once, whatever fields name it."""
    found = {str(each.address): each.address for people in asked.people.values() for each in people}
    return [Recipient(written, address.domain) for written, address in found.items()]


def _taken(call: Call, author_domain: str) -> Sequence[str]:
    """Of the domain that the letter is sent for; nothing of another account's (S20)."""
    identity, name = call.parts.identity, _sending_domain(call, author_domain)
    if call.principal.domain:
        return identity.settings_of(name).attachment_types
    found = identity.domain(name)
    is_own = found is not None and found.account_id == call.account_id
    return found.settings.attachment_types if found is not None and is_own else ()


async def _judge_verified(call: Call) -> None:
    """For tokens of one domain; what a key of the account may send for is told by From. Raises Problem."""
    parts = call.parts
    if not call.principal.domain or parts.settings.policy.unverified == "hold" or call.principal.verified:
        return
    await parts.identity.look(parts.store)  # verified just now?
    current = parts.identity.current(call.principal)
    if current is None or not current.verified:
        raise Problem(403, "domain-unverified", "The domain is not verified")


def _judge_from(call: Call, domain: str) -> None:
    """The token's very domain, no name below or above it. Raises Problem."""
    principal, parts = call.principal, call.parts
    is_bound = principal.kind is CredentialKind.DOMAIN_TOKEN and domain != principal.domain
    if is_bound and from_rule(principal, parts.settings.policy, parts.identity.domain) != "any":
        raise Problem(403, "from-domain", f"The token does not send for {domain}")


def _sending_domain(call: Call, name: str) -> str:
    """The token's domain; with a key of the account the one that the letter will be sent for, as
    `doors.submission` finds it: the author's, or one above it."""

    def own(above: str) -> Domain | None:
        found = call.parts.identity.domain(above)
        return found if found and found.account_id == call.account_id else None

    if call.principal.domain:
        return call.principal.domain
    found = registered(name, own)
    return found.name if found else name


async def _judge_blocked(call: Call, domain: str, people: Mapping[str, Sequence[Mailbox]]) -> None:
    """Refused, where other services drop in silence. Raises Said."""
    addresses = {str(each.address).lower() for given in people.values() for each in given}
    stopped = await call.read(_blocked, call.account_id, domain, sorted(addresses))
    if not stopped:
        return
    errors = {
        name: [BLOCKED]
        for name, given in people.items()
        if any(str(each.address).lower() in stopped for each in given)
    }
    raise Said(field_errors(errors))


def _blocked(conn: Connection, account_id: str, domain: str, addresses: Sequence[str]) -> set[str]:
    """Those that a list of the account stands against."""
    if suppressions.is_empty(conn):
        return set()
    pairs = [(account_id, address) for address in addresses]
    rows = suppressions.find(conn, pairs)
    entries = allowed.find(conn, pairs) if rows else frozenset()
    return {
        address
        for address in {row.address for row in rows}
        if judge_suppressions(
            [row for row in rows if row.address == address],
            domain,
            PLAIN,
            is_allowed=allowed.allows(entries, account_id, address, domain),
        )
    }


ENDPOINTS: tuple[Endpoint, ...] = tuple(
    # Symfony and Laravel put a host in the place of `app.mailpace.com/api/v1`
    Endpoint("POST", path, MAIL_SEND, send, is_for_domains=True, is_sending=True)
    for path in ("/api/v1/send", "/send")
)
