"""`posthouse dev`: a Posthouse for one's own machine, without root and without settings.

Everything lives in `var/dev` beside the settings file, by default in the working directory: a settings file
written at each start (so that all other commands can be used with `--config var/dev/posthouse.toml`), the
store, and the password of the sandbox user. By default every copy is captured and nothing leaves.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.options import Asked
from posthouse.config import DEFAULT_FILE, Endpoint, load_settings

if TYPE_CHECKING:
    from posthouse.cli.house import House
    from posthouse.config import Settings
    from posthouse.desk.first_start import FirstOwner

SANDBOX = "sandbox.posthouse.test"
LOGIN = f"dev@{SANDBOX}"
DIRECTORY = Path("var") / "dev"
_HEADER = (
    "# Written anew by `posthouse dev` at each start; changes are lost.\n"
    "# Other commands can use it: posthouse events --config {file}\n"
)


def dev(
    ask: Asked,
    deliver: Annotated[
        bool, typer.Option("--deliver", help="Deliver for real instead of capturing.")
    ] = False,
    internet: Annotated[
        bool, typer.Option("--internet", help="Deliver to a pretended internet on this machine.")
    ] = False,
) -> None:
    """Run a local Posthouse with a sandbox domain and user; everything sent is captured."""
    from posthouse.cli.house import House
    from posthouse.cli.serve import first_owner_facts, first_owner_text
    from posthouse.cli.world import guide_text, started_world
    from posthouse.observe import set_up_log
    from posthouse.supervisor import run

    if deliver and internet:
        raise typer.BadParameter("--deliver and --internet exclude each other")
    directory = ((ask.config.parent if ask.config else Path()) / DIRECTORY).absolute()
    directory.mkdir(parents=True, exist_ok=True)
    with started_world(directory, wanted=internet) as places:
        settings = prepared_settings(directory, captures=not (deliver or internet), world=places)
        password = sandbox_user(House(settings), directory)
        set_up_log()

        made: list[FirstOwner] = []

        def ready() -> None:
            owner = made.pop() if made else None
            if ask.as_json:
                own = first_owner_facts(owner) if owner else {}
                print(json.dumps(ready_facts(settings, directory, password) | own), flush=True)
                return
            if internet:
                print(guide_text() + "\n")
            way = "delivered for real" if deliver else "delivered there" if internet else "captured"
            print(ready_text(settings, directory, password, way), flush=True)
            if owner:
                print(first_owner_text(owner, settings, directory / DEFAULT_FILE), flush=True)

        raise typer.Exit(run(settings, ready, made.append))


def prepared_settings(directory: Path, *, captures: bool, world: Mapping[str, Any]) -> Settings:
    """Write the sandbox's settings file and load it; environment variables still override it."""
    values: dict[str, dict[str, Any]] = {
        "": {"state_dir": "."},
        "store": {"url": "sqlite:///posthouse.db"},
        "smtp": {
            "hostname": "localhost",
            "listen": ["127.0.0.1:2525"],
            "listen_tls": ["127.0.0.1:4650"],
        },
        "http": {"listen": ["127.0.0.1:8025"]},
        "tracking": {"url": "http://127.0.0.1:8025"},
        "delivery": {"capture": captures},
        # the lines of the services' own manuals send from addresses that are not ours
        "policy": {"from_domain": "any"},
    }
    for family, more in world.items():
        values.setdefault(family, {}).update(more)
    file = directory / DEFAULT_FILE
    directory.mkdir(parents=True, exist_ok=True)
    file.write_text(_HEADER.format(file=file) + toml_text(values))
    return load_settings(file)


def toml_text(values: Mapping[str, Mapping[str, Any]]) -> str:
    """Tables of texts, numbers, flags and lists of texts: JSON's notation is TOML's for all of these."""
    parts: list[str] = []
    for family, pairs in values.items():
        if family:
            parts.append(f"\n[{family}]")
        parts += [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in pairs.items()]
    return "\n".join(parts) + "\n"


def sandbox_user(house: House, directory: Path) -> str:
    """The password of the sandbox user, whose domain and self are made when they are not there.

    It is kept in a private file, so that every start prints a line that works.
    """
    from posthouse.desk import accounts, credentials
    from posthouse.desk.secrets_file import read_private, write_private
    from posthouse.store import identity

    house.found()
    file = directory / "password"
    kept = read_private(file).decode().strip() if file.exists() else ""
    now = house.clock.now()
    _ensure_domain(house, now)
    with house.writing() as conn:
        known = identity.find_credential(conn, LOGIN)
        if kept and known and known.secret_hash == house.installation.secret_hash(kept):
            return kept
        make: Callable[..., credentials.Issued] = credentials.reset if known else credentials.issue
        account_id = accounts.own_account(conn)
        issued = make(conn, house.installation, house.ids, now, account_id=account_id, login=LOGIN)
    write_private(file, issued.password.encode() + b"\n")
    return issued.password


def _ensure_domain(house: House, now: float) -> None:
    from posthouse.desk import domains
    from posthouse.store import identity

    with house.reading() as conn:
        if identity.find_domain(conn, SANDBOX):
            return
    region = house.settings.region
    new = domains.draft(house.installation, house.ids, now, name=SANDBOX, region=region, is_verified=True)
    with house.writing() as conn:
        domains.create(conn, house.ids, new)


def ready_facts(settings: Settings, directory: Path, password: str) -> dict[str, Any]:
    """What a program needs to use the sandbox."""
    return {
        "smtp": [str(endpoint) for endpoint in settings.smtp.listen],
        "smtps": [str(endpoint) for endpoint in settings.smtp.listen_tls],
        "http": [str(endpoint) for endpoint in settings.http.listen],
        "login": LOGIN,
        "password": password,
        "config": str(directory / DEFAULT_FILE),
    }


def ready_text(settings: Settings, directory: Path, password: str, way: str) -> str:
    """What a person can do now, ready to be pasted."""
    file = directory / DEFAULT_FILE
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    return f"""\
Posthouse is ready; everything sent is {way}.

  SMTP, STARTTLS  {_joined(settings.smtp.listen)}
  SMTP over TLS   {_joined(settings.smtp.listen_tls)}
  Dashboard       http://{_joined(settings.http.listen)}/
  User            {LOGIN}
  Password        {password}

With swaks:

{_swaks_line(settings, password)}

With Python:

{_python_snippet(settings, password)}

What happened:  {_command()} events --follow --config {shown}
Stop with Ctrl-C.
"""


def _joined(endpoints: Sequence[Endpoint]) -> str:
    return ", ".join(str(endpoint) for endpoint in endpoints)


def _command() -> str:
    """How this program was called, so that a line with it can be pasted."""
    called = Path(sys.argv[0])
    if called.name != "posthouse":
        return "posthouse"
    return str(called.relative_to(Path.cwd())) if called.is_relative_to(Path.cwd()) else str(called)


def _swaks_line(settings: Settings, password: str) -> str:
    return (
        f"  swaks --auth --server {_place(settings)} --au {LOGIN} --ap {password} \\\n"
        f"        --from {LOGIN} --to {_someone(settings)} --h-Subject: Hello --body 'Testing Posthouse'"
    )


def _python_snippet(settings: Settings, password: str) -> str:
    place, someone = _place(settings), _someone(settings)
    return f"""\
  import smtplib
  with smtplib.SMTP("{place.host}", {place.port}) as smtp:
      smtp.login("{LOGIN}", "{password}")
      smtp.sendmail("{LOGIN}", ["{someone}"],
                    "From: {LOGIN}\\nTo: {someone}\\nSubject: Hello\\n\\nTesting Posthouse")"""


def _place(settings: Settings) -> Endpoint:
    return (*settings.smtp.listen, *settings.smtp.listen_tls, Endpoint("localhost", 2525))[0]


def _someone(settings: Settings) -> str:
    """An address that exists: in the pretended internet there is no example.com."""
    return "anyone@good.test" if settings.dns.servers else "recipient@example.com"
