"""The tables of who is who: accounts, people, domains with their keys, credentials.

Same rules as in `tables`, same metadata.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table, literal_column

from posthouse.store.columns import TEXT, instant, integer, part_of, text
from posthouse.store.tables import metadata

# Whose everything is. `settings` is JSON text (`model.account.AccountSettings`), "" for the defaults.
account = Table(
    "account",
    metadata,
    text("id", key=True),
    Column("name", TEXT, nullable=False, unique=True),
    instant("created_at"),
    text("settings"),
)

# Sending domains, names in lower-case A-label form; `settings` is JSON text, "" for the defaults.
domain = Table(
    "domain",
    metadata,
    text("id", key=True),
    part_of("account_id", "account"),
    Column("name", TEXT, nullable=False, unique=True),
    text("region"),
    instant("verified_at", nullable=True),
    instant("created_at"),
    text("settings"),
)

# DKIM keys; `private` is sealed with the installation's key before it comes here. `state`: `KeyState`, since
# when is in `since`.
domain_key = Table(
    "domain_key",
    metadata,
    text("id", key=True),
    part_of("domain_id", "domain"),
    text("selector"),
    text("algorithm"),
    Column("private", LargeBinary, nullable=False),
    text("public"),
    text("state"),
    instant("since"),
)
Index("domain_key_selector", domain_key.c.domain_id, domain_key.c.selector, unique=True)

# What DNS said when a domain was looked at last, and when to look again. `lost_at`: since when a required
# record has been missing. `findings` is JSON text.
domain_check = Table(
    "domain_check",
    metadata,
    part_of("domain_id", "domain", key=True),
    instant("checked_at"),
    instant("next_at"),
    integer("tries"),
    instant("lost_at", nullable=True),
    text("findings"),
)
Index("domain_check_next", domain_check.c.next_at)

# Sign-ins; only the keyed hash of the secret. A login is unique among those that are not revoked. A key of
# the whole account has no domain: NULL, so that the others still go with their domain. `permissions` are
# words with blanks between them, `ranges` address ranges likewise; `limits` is JSON text, "" for none;
# `expires_at` NULL is never.
credential = Table(
    "credential",
    metadata,
    text("id", key=True),
    part_of("account_id", "account"),
    part_of("domain_id", "domain", nullable=True),
    text("kind"),
    text("login"),
    Column("secret_hash", LargeBinary, nullable=False),
    instant("created_at"),
    instant("revoked_at", nullable=True),
    text("dialect"),
    text("permissions"),
    text("name"),
    text("ranges"),
    text("limits"),
    instant("expires_at", nullable=True),
)
Index(
    "credential_login",
    credential.c.login,
    unique=True,
    sqlite_where=credential.c.revoked_at.is_(None),
    postgresql_where=credential.c.revoked_at.is_(None),
)

# When and from where a credential was used last; apart, because it is written often and nobody waits for it.
credential_use = Table(
    "credential_use",
    metadata,
    part_of("credential_id", "credential", key=True),
    instant("at"),
    text("address"),
)

# What signs our posts to customers' receivers, in each service's own way; `private` is sealed. `domain` ""
# is the whole account.
hook_key = Table(
    "hook_key",
    metadata,
    text("id", key=True),
    part_of("account_id", "account"),
    text("domain"),
    text("dialect"),
    text("algorithm"),
    Column("private", LargeBinary, nullable=False),
    text("public"),
    instant("created_at"),
    instant("ends_at"),
)
_PLACE = (hook_key.c.account_id, hook_key.c.domain, hook_key.c.dialect)
_IS_NEWEST = hook_key.c.ends_at == literal_column("0")
Index("hook_key_of", *_PLACE)
Index("hook_key_newest", *_PLACE, unique=True, sqlite_where=_IS_NEWEST, postgresql_where=_IS_NEWEST)

# People who sign in to look and to change things. `email` is lower case; `password_hash` is argon2's own
# text, `totp` a sealed secret, empty for none; `must_change`: the password was given, not chosen, at
# `password_at`.
person = Table(
    "person",
    metadata,
    text("id", key=True),
    Column("email", TEXT, nullable=False, unique=True),
    text("name"),
    text("password_hash"),
    Column("totp", LargeBinary, nullable=False),
    integer("must_change"),
    instant("password_at"),
    instant("created_at"),
    instant("seen_at", nullable=True),
)

# Which accounts a person may work on, and as what (`Role`).
membership = Table(
    "membership",
    metadata,
    part_of("person_id", "person", key=True),
    part_of("account_id", "account", key=True),
    text("role"),
)

# Sign-ins of people that are still good; `id` is the keyed hash of the token in their browser.
session = Table(
    "session",
    metadata,
    text("id", key=True),
    part_of("person_id", "person"),
    instant("created_at"),
    instant("seen_at"),
    instant("expires_at"),
    text("address"),
    text("agent"),
)
Index("session_person", session.c.person_id)

# How many recipients a day an account has earned so far (`rules.reputation`); `day` counts from the epoch.
account_cap = Table(
    "account_cap",
    metadata,
    part_of("account_id", "account", key=True),
    integer("day"),
    integer("cap"),
    text("note"),
)
