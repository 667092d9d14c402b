"""What every command takes: `--config F`, `--json` and, where it works on an account's things, `--account
NAME`; before the command or after it. A command itself is written with one parameter for all of them: `ask`.

Public: Asked, command, group, asked, the options themselves, and the names of the dialects that credentials
are made for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from posthouse.cli.names import account_names
from posthouse.cli.output import Output
from posthouse.model.several import several

MAILGUN, SENDGRID, MAILPACE, NATIVE = "mailgun", "sendgrid", "mailpace", "native"

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="Settings file; default: posthouse.toml here."),
]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of text: one value, or one line per item.")]
AccountName = Annotated[
    str,
    typer.Option(
        "--account",
        metavar="NAME",
        envvar="POSTHOUSE_ACCOUNT",
        autocompletion=account_names,
        help="Whose things; default: default.",
    ),
]

Work = TypeVar("Work", bound=Callable[..., None])


_SUBJECTS = (
    *("name", "domain", "login", "email", "role", "id", "hook_id", "batch_id", "selector", "dialect"),
    *("address", "addresses", "values", "number", "pool", "lane", "message", "recipient", "to", "everything"),
)
"""Parameters of commands that say what a command is about, and never hold a secret."""


@dataclass(frozen=True, slots=True)
class Doing:
    """`what`: the command's words, such as `domain add`; `about`: its subject. `of_account` False: it is
    about the whole installation."""

    what: str
    about: str
    of_account: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What the common options said, wherever they stood. `account` is a name, "" for the usual one. `doing`:
    the command itself, for the audit log."""

    config: Path | None
    as_json: bool
    account: str = ""
    doing: Doing | None = None

    @property
    def output(self) -> Output:
        return Output(self.as_json)


def asked(ctx: typer.Context, config: Path | None, as_json: bool, account: str = "") -> Asked:
    """The command's own options joined with those before it; the nearest --config and --account win."""
    before = ctx.obj if isinstance(ctx.obj, Asked) else Asked(None, False)
    return Asked(config or before.config, as_json or before.as_json, account or before.account)


def group(text: str) -> typer.Typer:
    """A word with commands below it, such as `posthouse domain`."""
    made = typer.Typer(help=text, no_args_is_help=True, rich_markup_mode=None)

    def common(
        ctx: typer.Context, config: Config = None, as_json: Json = False, account: AccountName = ""
    ) -> None:
        ctx.obj = asked(ctx, config, as_json, account)

    made.callback()(common)
    return made


def command(app: typer.Typer, name: str, *, of_account: bool = True) -> Callable[[Work], Work]:
    """Make `work(ask, …)` a command. `of_account` False: it is about the whole installation."""

    def register(work: Work) -> Work:
        app.command(name)(_with_common(work, of_account))
        return work

    return register


def _with_common(work: Callable[..., None], of_account: bool) -> Callable[..., None]:
    """The same work in the form that typer reads: `ask` is spelled out as options of their own."""

    def run(ctx: typer.Context, config: Path | None, as_json: bool, account: str = "", **own: Any) -> None:
        doing = Doing(ctx.command_path.partition(" ")[2], _subject(own), of_account)
        work(replace(asked(ctx, config, as_json, account), doing=doing), **own)

    _, *own = inspect.signature(work, eval_str=True).parameters.values()
    common = [_option("config", Config, None), _option("as_json", Json, False)]
    if of_account:
        common.append(_option("account", AccountName, ""))
    parameters = [Parameter("ctx", Parameter.KEYWORD_ONLY, annotation=typer.Context), *own, *common]
    named = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in parameters]
    run.__signature__ = inspect.Signature(named)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in named}
    run.__doc__ = work.__doc__
    return run


def _subject(own: Mapping[str, Any]) -> str:
    """What the command is about."""
    found: list[str] = []
    for name, value in own.items():
        if name in _SUBJECTS and value:
            words = name if value is True else str(value)
            found.append(several([str(each) for each in value]) if isinstance(value, list) else words)
    return " ".join(found)


def _option(name: str, annotation: Any, default: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
