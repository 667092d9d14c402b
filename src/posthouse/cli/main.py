"""`posthouse …`: the commands put together, and every error turned into one sentence and an exit code.

Exit codes: 0 done, 1 declined or failed, 2 wrong use or wrong settings, 130 interrupted. A trace is shown
only when POSTHOUSE_TRACE is set. The commands import what they need when they run, so help and `version`
stay quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated

import typer

from posthouse import __version__
from posthouse.cli import (
    accounts,
    allow,
    attention,
    audit,
    backup,
    batches,
    captures,
    check,
    contacts,
    demo,
    dev,
    domains,
    egress,
    events,
    groups,
    hook_keys,
    hooks,
    keys,
    limits,
    message,
    messages,
    moving,
    people,
    probe,
    queue,
    reload,
    serve,
    sites,
    stats,
    suppression_files,
    suppressions,
    template_samples,
    templates,
    tls_reports,
    tokens,
    trust,
    users,
    warmup,
)
from posthouse.cli.options import AccountName, Asked, Config, Json, command
from posthouse.cli.ways_out import way_out
from posthouse.model.errors import PosthouseError, SettingsError
from posthouse.observe import struck_out

app = typer.Typer(
    name="posthouse",
    help="An email sending service that you run yourself.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def version(ask: Asked) -> None:
    """Print the version."""
    ask.output.item({"version": __version__}, f"posthouse {__version__}")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"posthouse {__version__}")
        raise typer.Exit


@app.callback()
def common(
    ctx: typer.Context,
    config: Config = None,
    as_json: Json = False,
    account: AccountName = "",
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    """An email sending service that you run yourself."""
    ctx.obj = Asked(config, as_json, account)


command(app, "serve", of_account=False)(serve.serve)
command(app, "reload", of_account=False)(reload.reload)
command(app, "dev", of_account=False)(dev.dev)
command(app, "demo", of_account=False)(demo.demo)
app.add_typer(accounts.app, name="account")
app.add_typer(people.app, name="person")
app.add_typer(domains.app, name="domain")
app.add_typer(users.app, name="user")
app.add_typer(keys.app, name="key")
app.add_typer(tokens.app, name="token")
app.add_typer(hooks.app, name="hook")
app.add_typer(hook_keys.app, name="hook-key")
command(templates.app, "render")(template_samples.render)
command(templates.app, "compare")(template_samples.compare)
command(templates.app, "send-test")(template_samples.send_test)
app.add_typer(templates.app, name="template")
command(suppressions.app, "import")(suppression_files.import_)
command(suppressions.app, "export")(suppression_files.export)
command(suppressions.app, "purge")(suppression_files.purge)
app.add_typer(suppressions.app, name="suppression")
app.add_typer(allow.app, name="allow")
app.add_typer(groups.app, name="group")
app.add_typer(contacts.app, name="contact")
command(egress.ip_app, "warm-up")(warmup.warm_up)
command(egress.ip_app, "show")(warmup.show_ip)
command(egress.ip_app, "check")(warmup.check_ip)
app.add_typer(egress.ip_app, name="ip")
app.add_typer(egress.pool_app, name="pool")
app.add_typer(batches.app, name="batch")
app.add_typer(tls_reports.app, name="tls-report")
app.add_typer(moving.app, name="import")
command(app, "limits")(limits.limits)
command(app, "attention")(attention.attention)
command(app, "audit")(audit.audit)
command(app, "events")(events.events)
command(app, "trust", of_account=False)(trust.trust)
command(app, "probe")(probe.probe)
app.add_typer(stats.app, name="stats")
app.add_typer(queue.app, name="queue")
app.add_typer(sites.app, name="site")
command(app, "message")(message.message)
command(app, "messages")(messages.messages)
command(app, "resend")(messages.resend)
app.add_typer(captures.app, name="captures")
command(app, "check", of_account=False)(check.check)
command(app, "backup", of_account=False)(backup.backup)
command(app, "version", of_account=False)(version)


@cache
def _commands() -> Callable[..., object]:
    """All commands put together, once a process: a fifth of a second."""
    return typer.main.get_command(app)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return the exit code; errors are told on stderr, never raised."""
    try:
        result = _commands()(list(arguments), prog_name="posthouse", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except typer.TyperException as error:
        return _told(error.format_message(), error.exit_code)
    except SettingsError as error:
        return _told(str(error), 2)
    except PosthouseError as error:
        return _told(_with_cause(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        return _reader_left()
    except Exception as error:  # the rim: whatever it is, the user gets a sentence
        if os.environ.get("POSTHOUSE_TRACE"):
            raise
        return _told(_sentence(error), 1)


def _told(text: str, code: int) -> int:
    lines = text.splitlines() or ["failed"]
    if text.startswith("Usage:"):  # help that was not asked for
        print(text, file=sys.stderr)
        return code
    print("\n".join(f"posthouse: {line}" if line else "" for line in lines), file=sys.stderr)
    return code


def _with_cause(error: PosthouseError) -> str:
    """The public text and the option that helps; when the store was the trouble, the operator also learns
    what it said."""
    cause = error.__cause__.__cause__ if error.__cause__ else None
    if cause:
        return f"{error.text} ({_first_line(struck_out(str(cause)))})"
    way = way_out(error.reason)
    return f"{error.text}; {way}" if way else error.text


def _sentence(error: Exception) -> str:
    """An error of the store says what to do; anything else names itself and how to learn more."""
    from posthouse.store.trouble import StoreError

    if isinstance(error, StoreError):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    first = _first_line(struck_out(str(error)))
    return f"unexpected {type(error).__name__}: {first} (POSTHOUSE_TRACE=1 shows where)"


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[0]


def _reader_left() -> int:
    """`posthouse events | head`: not an error; keep the interpreter's last flush quiet."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))
