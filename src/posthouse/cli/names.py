"""Names that the shell offers when Tab is pressed: accounts, the domains of the account at hand, sites.

Whatever is wrong (no settings, no store, no rights), nothing is offered and nothing is printed.

Public: account_names, domain_names, site_names.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from posthouse.store.engine import Connection


def account_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The accounts of the installation."""

    def names(conn: Connection) -> list[str]:
        from posthouse.store import identity

        return [account.name for account in identity.list_accounts(conn)]

    return _offered(ctx, incomplete, names)


def domain_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The domains of the account that the line names."""

    def names(conn: Connection) -> list[str]:
        from posthouse.desk import accounts
        from posthouse.store import identity

        account_id = accounts.scope(conn, str(_said(ctx, "account") or ""))
        found = identity.list_domains(conn)
        return [domain.name for domain in found if account_id in ("", domain.account_id)]

    return _offered(ctx, incomplete, names)


def site_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The receiving sites that workers know."""

    def names(conn: Connection) -> list[str]:
        from posthouse.store import sites

        return list(dict.fromkeys(view.site for view in sites.list_views(conn)))

    return _offered(ctx, incomplete, names)


def _offered(ctx: typer.Context, incomplete: str, names: Callable[[Connection], list[str]]) -> list[str]:
    from posthouse.cli.house import House
    from posthouse.config import load_settings

    try:
        config = _said(ctx, "config")
        with House(load_settings(Path(str(config)) if config else None)).reading() as conn:
            return [name for name in names(conn) if name.startswith(incomplete.lower())]
    except Exception:  # the rim: somebody is typing, this is no time for a complaint
        return []


def _said(ctx: typer.Context, option: str) -> object:
    """An option of the line, wherever it stands."""
    at: object = ctx
    while isinstance(at, typer.Context):
        if value := at.params.get(option):
            return value
        at = at.parent
    return None
