"""The walks of docs/moving-from-….md: every command is run against a Posthouse and a service that answers as
the real one, and says what the page shows (MG-26, SG-11, MP-04)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from house.test_first_domain import Shell, Walk, blocks_of, has_shown, started, walk
from unit.moving.fakes import FakeApi, mailgun_api, sendgrid_api, serving

pytestmark = pytest.mark.long

__all__ = ["started", "walk"]

DOCS = Path(__file__).parents[2] / "docs"
_NAME = 'posthouse() { .venv/bin/posthouse --config var/dev/posthouse.toml "$@"; }'


def take_page(service: str, started: Walk, api: FakeApi | None = None) -> None:
    """Run the page's blocks one after the other in one shell."""
    page = (DOCS / f"moving-from-{service}.md").read_text()
    port = started.env["POSTHOUSE_HTTP__LISTEN"].rpartition(":")[2]
    shell = Shell(started.folder, started.env)
    try:
        assert shell.run(_NAME) == ""
        for block in blocks_of(page):
            commands = block.commands.replace(":8025", f":{port}")
            if api is not None:
                asked = f"import {service} --api-url {api.base} --allow-private"
                commands = commands.replace(f"import {service} exports", f"IMPORT {service} exports")
                commands = commands.replace(f"import {service}", asked).replace("IMPORT", "import")
            said = shell.run(commands)
            assert "Traceback" not in said, said
            lacking = has_shown(block.shown, said)
            assert not lacking, f"{commands}\n--- does not say: {lacking}\n--- but:\n{said}"
    finally:
        shell.close()


@pytest.mark.timeout(300)
def test_MG_26_the_walk_from_mailgun(started: Walk) -> None:
    with serving(mailgun_api()) as api:
        take_page("mailgun", started, api)
    assert (started.folder / "users.csv").stat().st_mode & 0o077 == 0


@pytest.mark.timeout(300)
def test_SG_11_the_walk_from_sendgrid(started: Walk) -> None:
    with serving(sendgrid_api()) as api:
        take_page("sendgrid", started, api)


@pytest.mark.timeout(300)
def test_MP_04_the_walk_from_mailpace(started: Walk) -> None:
    take_page("mailpace", started)
    assert "token.txt" not in os.listdir(started.folder)
