"""The page about testing mail: every command of docs/testing-mail.md is run, and says what the page shows."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from bench.posthouse import free_port

from house.test_api_page import environment, serving, take
from house.test_first_domain import Block, Shell, blocks_of

pytestmark = pytest.mark.long

PAGE = (Path(__file__).parents[2] / "docs" / "testing-mail.md").read_text()


def test_W_03_a_ci_job_waits_for_mail_checks_it_and_orders_failures_as_the_page_shows(tmp_path: Path) -> None:
    http, smtp = free_port(), free_port()
    given = environment(http) | {"POSTHOUSE_SMTP__LISTEN": f"127.0.0.1:{smtp}"}
    before, program, after = re.split(r"^```python\n(.*?)^```\n", PAGE, maxsplit=1, flags=re.M | re.S)
    (tmp_path / "test_signup.py").write_text(program)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    with serving(tmp_path, given):
        shell = Shell(tmp_path, given)
        try:
            for block in blocks_of(before + after)[1:]:
                text = block.commands.replace("8025", str(http)).replace("2525", str(smtp))
                take(shell, Block(text, block.shown))
        finally:
            shell.close()
