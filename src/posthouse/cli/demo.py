"""`posthouse demo`: a Posthouse with two weeks of mail behind it, to look at.

Everything lives in `var/demo`. The weeks are played once through the pretended internet, with a real worker;
then the dashboard is served, and all that is sent from then on is captured.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.options import Asked

if TYPE_CHECKING:
    from posthouse.config import Settings
    from posthouse.demo.stage import Played

DIRECTORY = Path("var") / "demo"
HOSTNAME = "mail.shop.example"
_LEAD_S = 28 * 86400.0  # the shop was there before


def demo(
    ask: Asked,
    again: Annotated[
        bool, typer.Option("--again", help="Throw away what is there and play once more.")
    ] = False,
    hours: Annotated[
        int, typer.Option("--hours", min=1, max=336, help="How many hours of the two weeks.")
    ] = 336,
    scale: Annotated[
        float, typer.Option("--scale", min=0.05, max=20, help="How much mail; 1 is some 5,000.")
    ] = 1.0,
    seed: Annotated[int, typer.Option("--seed", help="Another number, other weeks.")] = 1,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Make the data and stop.")] = False,
) -> None:
    """Play two weeks of mail through the pretended internet, then serve the dashboard with it."""
    from posthouse.cli.world import started_world
    from posthouse.observe import set_up_log
    from posthouse.supervisor import run

    directory = ((ask.config.parent if ask.config else Path()) / DIRECTORY).absolute()
    if again and directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / "played").exists():
        shutil.rmtree(directory)
        directory.mkdir()
        played = _play(directory, hours, scale, seed)
        ask.output.say(f"{played.sent:,} messages were sent in the pretended weeks.")
        (directory / "played").touch()
    if no_serve:
        settings = _prepared(directory, {})
        _tell(ask, settings, _new_password(settings))
        return
    with started_world(directory, wanted=True) as places:
        settings = _prepared(directory, {"dns": places["dns"]})
        password = _new_password(settings)
        set_up_log()
        raise typer.Exit(run(settings, lambda: _tell(ask, settings, password)))


def _prepared(directory: Path, more: dict[str, dict[str, Any]]) -> Settings:
    """The settings file in the directory, written anew; returned mail comes to the port of all mail."""
    from posthouse.cli.dev import toml_text
    from posthouse.config import DEFAULT_FILE, load_settings

    values: dict[str, dict[str, Any]] = {
        "": {"state_dir": "."},
        "store": {"url": "sqlite:///posthouse.db"},
        "smtp": {"hostname": HOSTNAME, "listen": ["127.0.0.1:2525"], "listen_tls": ["127.0.0.1:4650"]},
        "http": {"listen": ["127.0.0.1:8025"]},
        "tracking": {"url": "http://127.0.0.1:8025"},
        "returns": {"port": 2525, "domain": f"back.{HOSTNAME}"},
        "delivery": {"capture": True},
    }
    for family, pairs in more.items():
        values.setdefault(family, {}).update(pairs)
    file = directory / DEFAULT_FILE
    head = "# Written anew by `posthouse demo` at each start.\n"
    file.write_text(head + toml_text(values))
    values["returns"]["port"] = load_settings(file).smtp.listen[0].port  # as the environment says
    file.write_text(head + toml_text(values))
    return load_settings(file)


def _play(directory: Path, hours: int, scale: float, seed: int) -> Played:
    """Furnish a fresh store and play. Its log goes to a file: it is of another time."""
    from posthouse.cli.house import House
    from posthouse.cli.world import ZONE_FILE
    from posthouse.demo.plan import Plan
    from posthouse.demo.props import furnish, hang_up_addresses, zone_of
    from posthouse.demo.stage import perform
    from posthouse.desk import certificates, passwords
    from posthouse.model.clock import Ids
    from posthouse.observe import set_up_log
    from posthouse.store import queue
    from posthouse.store.selection import Selector

    house = House(_prepared(directory, {}))
    house.found()
    smtp = house.settings.smtp
    certificates.ensure_pair(smtp.tls_cert, smtp.tls_key, smtp.hostname, house.clock.now())
    given, now = passwords.give(), time.time() - _LEAD_S
    with house.writing() as conn:
        made = furnish(conn, house.settings, house.installation, Ids(house.clock), now, given)
        zone = zone_of(conn, house.settings, made.account_id)
    (directory / ZONE_FILE).write_text(zone)
    with (directory / "play.log").open("w") as written, _bar() as tell:
        set_up_log(written)
        played = asyncio.run(perform(house.settings, zone, made.key, Plan(seed, scale), tell, hours=hours))
    with house.writing() as conn:
        hang_up_addresses(conn, house.ids, house.clock.now(), made.account_id)
    with house.reading() as conn:  # from now on all mail is captured: what waits is to be seen waiting
        waiting = Selector(account_id=made.account_id, everything=True)
        queue.in_steps(conn, queue.hold, waiting, house.clock.now(), house.ids)
    return played


def _new_password(settings: Settings) -> str:
    from posthouse.cli.house import House
    from posthouse.demo.props import OWNER
    from posthouse.desk import accounts, passwords, people

    house, given = House(settings), passwords.give()
    with house.writing() as conn:
        people.reset(conn, house.clock.now(), accounts.own_account(conn), OWNER, given)
    return given.password


def _tell(ask: Asked, settings: Settings, password: str) -> None:
    from posthouse.demo.props import OWNER

    url = f"http://{settings.http.listen[0]}/sign-in"
    facts = {"url": url, "owner": OWNER, "owner_password": password}
    words = f"The demonstration is at {url}\n\n  e-mail    {OWNER}\n  password  {password}\n"
    print(
        json.dumps(facts) if ask.as_json else f"{words}\nThe password opens once, then you choose one.",
        flush=True,
    )


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal; elsewhere nothing is drawn."""
    if not sys.stderr.isatty():
        yield lambda done, of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("Two weeks of mail"),
        BarColumn(),
        TextColumn("{task.completed} of {task.total} hours"),
    )
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)
