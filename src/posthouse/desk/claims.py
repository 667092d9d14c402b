"""A domain that another account of this installation has: refused, unless DNS shows whose it is.

A name is unique per installation (docs/decisions/017). Whoever may write into the domain's zone publishes the
account's token there and gets the domain: nobody can sit on a name that is not his. A verified domain also
keeps other accounts from names above and below it.

Public: refuse_foreign, needs_proof, there_already, record_name, record_value, prove, TAKEN.
"""

from __future__ import annotations

from collections.abc import Sequence

from posthouse.desk.installation import Installation
from posthouse.model.errors import Refused
from posthouse.store import identity
from posthouse.store.engine import Connection

TAKEN = "taken"


def refuse_foreign(
    conn: Connection, account_id: str, name: str, installation: Installation | None = None
) -> None:
    """Raise Refused where the account cannot just add that name (A-label form); with the installation the
    sentence also says what to publish."""
    for found in identity.domains_around(conn, name):
        if found.name == name and found.account_id == account_id:
            raise there_already(name)
        if found.account_id != account_id and (found.name == name or found.verified_at is not None):
            what = (
                f"Another account here has {'' if found.name == name else 'a domain above or below '}{name}"
            )
            raise Refused(550, "5.7.1", what + _way_out(name, account_id, installation), reason=TAKEN)


def needs_proof(
    conn: Connection, account_id: str, name: str, installation: Installation, *, claims_it: bool
) -> bool:
    """Must DNS show first that the domain is the account's? Only where another account has it, and this one
    claims it. Raises Refused."""
    try:
        refuse_foreign(conn, account_id, name, installation)
    except Refused as refused:
        if not claims_it or refused.reason != TAKEN:
            raise
        return True
    return False


def there_already(name: str) -> Refused:
    return Refused(550, "5.1.2", f"There is a domain {name} already", reason="exists")


def record_name(name: str) -> str:
    """Where the token of a claim is published."""
    return f"_posthouse-claim.{name}"


def record_value(installation: Installation, account_id: str, name: str) -> str:
    """The text of the TXT record that claims the domain for the account."""
    return f"posthouse-claim={installation.claim_token(account_id, name)}"


def prove(texts: Sequence[str], installation: Installation, account_id: str, name: str) -> None:
    """`texts`: the TXT records of `record_name`. Raises Refused when none of them is the account's."""
    wanted = record_value(installation, account_id, name)
    if wanted in [text.strip() for text in texts]:
        return
    found = f"DNS has {texts[0][:60]!r} there" if texts else "DNS has nothing there"
    text = f"{record_name(name)} must have the TXT record {wanted} first; {found}"
    raise Refused(550, "5.7.1", text, reason="not-proven")


def _way_out(name: str, account_id: str, installation: Installation | None) -> str:
    if installation is None:
        return ""
    return (
        f"; to show that it is yours, publish the TXT record {record_name(name)} with the text "
        f"{record_value(installation, account_id, name)} and add the domain again, as a claim"
    )
