"""What a key may see: all of its account, or one domain of it.

Public: bound_domain, may_see, wanted_domain.
"""

from __future__ import annotations

from posthouse.desk.event_log import plain_domain
from posthouse.doors.api.answers import Problem
from posthouse.doors.api.call import Call


def bound_domain(call: Call) -> str:
    """The name of the only domain that the key is for, "" for all of the account."""
    return call.principal.domain


def may_see(call: Call, domain: str) -> bool:
    """Is what belongs to this sending domain ("": to all of them) the key's to see?"""
    return bound_domain(call) in ("", domain)


def wanted_domain(call: Call, asked: str, field: str = "domain") -> str:
    """The sending domain to look at, "" for all: what was asked, within what the key is for. Another domain
    is answered like one that is not there (S20). Raises Problem (404)."""
    own = bound_domain(call)
    name = plain_domain(asked) if asked else own
    if own and name != own:
        raise Problem(404, "no-domain", f"Domain not found: {name[:255]}", field=field)
    return name
