"""`posthouse hook …`: who is told by HTTP POST what happens to mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.names import domain_names
from posthouse.cli.options import Asked, command, group
from posthouse.cli.output import visible, when

if TYPE_CHECKING:
    from posthouse.cli.house import House
    from posthouse.model.hook import Hook, HookKey
    from posthouse.store.hook_log import HookAttempt

app = group("Webhooks: posts to your programs about what happens to your mail.")

HookId = Annotated[str, typer.Argument(metavar="ID", help="A webhook's id, as `hook list` prints it.")]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--event", metavar="NAME", help="An event, by the service's name or ours, or all; may be repeated."
    ),
]
OfDomain = Annotated[
    str | None,
    typer.Option(
        "--domain", metavar="NAME", autocompletion=domain_names, help="Only mail of this domain; '' for all."
    ),
]
HookName = Annotated[str | None, typer.Option("--name", metavar="TEXT", help="A name for people.")]
Sign = Annotated[bool | None, typer.Option("--sign/--no-sign", help="Sign posts where there is a hook key.")]
StopAtFailure = Annotated[
    bool | None,
    typer.Option("--stop-at-failure/--keep-trying", help="Switch off at the first failed post."),
]
_HEADS = ["ID", "FORM", "URL", "DOMAIN", "STATE", "WAITING", "EVENTS"]


@command(app, "add")
def add(
    ask: Asked,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where posts go.")],
    form: Annotated[
        str, typer.Option("--form", metavar="FORM", help="mailgun, sendgrid, mailpace or native.")
    ] = "native",
    event: Kinds = None,
    domain: OfDomain = None,
    name: HookName = None,
    sign: Sign = None,
    stop_at_failure: StopAtFailure = None,
) -> None:
    """Post events to a URL from now on."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, hooks
    from posthouse.dialects.table import HOOK_FORMS

    house = open_house(ask)
    with house.writing() as conn:
        made = hooks.add(
            conn,
            house.ids,
            house.clock.now(),
            HOOK_FORMS,
            account_id=accounts.own_account(conn, ask.account),
            dialect=form,
            wanted=hooks.Wanted(url, event, domain, name, sign, stop_at_failure),
            allows_plain=house.settings.hooks.allows_plain,
        )
        key = _key(house, conn, made)
    _print(ask, made)
    if made.settings.signs and key is None:
        ask.output.say(f"Posts are not signed: there is no key (`posthouse hook-key new {form}`).")


@command(app, "list")
def list_(ask: Asked) -> None:
    """List the webhooks with what waits for each."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, hooks

    with open_house(ask).reading() as conn:
        rows = hooks.overview(conn, accounts.own_account(conn, ask.account))
    if ask.as_json:
        ask.output.lines(rows)
        return
    cells = [
        [
            row["id"],
            row["dialect"],
            row["url"],
            row["domain"] or "-",
            _state(row),
            str(row["waiting"]),
            " ".join(row["names"] or row["kinds"]),
        ]
        for row in rows
    ]
    ask.output.table(_HEADS, cells, "No webhooks yet.")


@command(app, "show")
def show(ask: Asked, hook_id: HookId) -> None:
    """Show a webhook and how its receiver is doing."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, hooks
    from posthouse.store import hook_queue

    with open_house(ask).reading() as conn:
        account_id = accounts.own_account(conn, ask.account)
        found = hooks.load(conn, account_id, hook_id)
        waiting = hook_queue.counts(conn, account_id).get(hook_id, (0, ""))
    _print(ask, found, *waiting)


@command(app, "change")
def change(
    ask: Asked,
    hook_id: HookId,
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="Where posts go.")] = None,
    event: Kinds = None,
    domain: OfDomain = None,
    name: HookName = None,
    sign: Sign = None,
    stop_at_failure: StopAtFailure = None,
) -> None:
    """Change what is said; the rest stays."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, hooks
    from posthouse.dialects.table import HOOK_FORMS

    house = open_house(ask)
    with house.writing() as conn:
        made = hooks.change(
            conn,
            house.clock.now(),
            HOOK_FORMS,
            account_id=accounts.own_account(conn, ask.account),
            hook_id=hook_id,
            wanted=hooks.Wanted(url, event, domain, name, sign, stop_at_failure),
            allows_plain=house.settings.hooks.allows_plain,
        )
    _print(ask, made)


@command(app, "remove")
def remove(ask: Asked, hook_id: HookId) -> None:
    """Remove a webhook with what waits for it and its log."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, hooks

    with open_house(ask).writing() as conn:
        hooks.remove(conn, accounts.own_account(conn, ask.account), hook_id)
    ask.output.item({"removed": hook_id}, f"Removed {hook_id}.")


@command(app, "enable")
def enable(ask: Asked, hook_id: HookId) -> None:
    """Switch a webhook on; what waited for it is posted now."""
    _switch(ask, hook_id, True)


@command(app, "disable")
def disable(ask: Asked, hook_id: HookId) -> None:
    """Switch a webhook off; what waits for it waits on."""
    _switch(ask, hook_id, False)


def _switch(ask: Asked, hook_id: str, is_enabled: bool) -> None:
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, hooks

    house = open_house(ask)
    with house.writing() as conn:
        account_id = accounts.own_account(conn, ask.account)
        made = hooks.set_enabled(conn, house.clock.now(), account_id, hook_id, is_enabled)
    _print(ask, made)


@command(app, "test")
def test(ask: Asked, hook_id: HookId) -> None:
    """Post a made-up event of each kind now and show what is answered."""
    import asyncio

    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, hooks
    from posthouse.desk.hook_samples import sample_row, try_receiver
    from posthouse.dialects.table import HOOK_FORMS

    house = open_house(ask)
    with house.reading() as conn:
        found = hooks.load(conn, accounts.own_account(conn, ask.account), hook_id)
        key = _key(house, conn, found)
    form = hooks.form_of(HOOK_FORMS, found.dialect)
    done = asyncio.run(try_receiver(found, form, key, house.settings, house.ids, house.clock.now()))
    rows = [sample_row(each) for each in done]
    if ask.as_json:
        ask.output.lines(rows)
    else:
        cells = [[" ".join(row["kinds"]), str(row["status"] or "-"), row["answer"][:200]] for row in rows]
        ask.output.table(["EVENTS", "STATUS", "ANSWER"], cells, "This form has none of these events.")
    if not all(row["taken"] for row in rows):
        raise typer.Exit(1)


@command(app, "log")
def log(
    ask: Asked,
    hook_id: HookId,
    attempt: Annotated[str, typer.Option("--attempt", metavar="ID", help="Show this post whole.")] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only posts that failed.")] = False,
    before: Annotated[
        str, typer.Option("--before", metavar="ID", help="Go on behind this post of the page before.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many.")] = 50,
) -> None:
    """List the last posts to a webhook, the newest first, or show one with its answer."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, hooks
    from posthouse.desk.hook_entries import attempt_row, load_attempt
    from posthouse.store import hook_log

    with open_house(ask).reading() as conn:
        found = hooks.load(conn, accounts.own_account(conn, ask.account), hook_id)
        if attempt:
            entry = attempt_row(load_attempt(conn, found, attempt), is_whole=True)
            ask.output.item(entry, _entry_words(entry))
            return
        entries = hook_log.list_attempts(conn, found.id, limit, before_id=before, only_failed=failed)
    if ask.as_json:
        ask.output.lines([attempt_row(each) for each in entries])
        return
    heads = ["POST", "TIME", "TRY", "STATUS", "TOOK", "EVENTS", "ANSWER"]
    ask.output.table(heads, [_log_cells(each) for each in entries], "Nothing was posted lately.")


def _log_cells(entry: HookAttempt) -> list[str]:
    from posthouse.desk.hook_entries import answer_of

    return [
        entry.id,
        when(entry.at),
        str(entry.attempt),
        str(entry.status or "-"),
        f"{entry.took_ms} ms",
        str(len(entry.event_ids)),
        answer_of(entry)[:100],
    ]


def _entry_words(entry: dict[str, Any]) -> str:
    head = f"{when(entry['at'])}, try {entry['attempt']}, {entry['took_ms']} ms"
    events = "\n".join(entry["events"])
    answer = f"{entry['status'] or 'no answer'}\n{_lines(entry['answer'])}"
    return f"{head}\n\nEvents\n{events}\n\nRequest\n{_lines(entry['request'])}\n\nAnswer\n{answer}"


def _lines(text: str) -> str:
    return "\n".join(visible(line) for line in text.splitlines())


@command(app, "redeliver")
def redeliver(
    ask: Asked,
    hook_id: HookId,
    event: Annotated[
        list[str] | None, typer.Option("--event", metavar="ID", help="This event; may be repeated.")
    ] = None,
    attempt: Annotated[
        str, typer.Option("--attempt", metavar="ID", help="What this post of the log posted.")
    ] = "",
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="What it wants since then: 2h, 3d (ago), a date.")
    ] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="With --since: before then.")] = "",
) -> None:
    """Post events again, with the ids that they have."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, hooks
    from posthouse.desk.event_log import parse_instant
    from posthouse.dialects.table import HOOK_FORMS

    if sum(map(bool, (event, attempt, since))) != 1:
        raise typer.BadParameter("say which: --event, --attempt or --since")
    house = open_house(ask)
    now = house.clock.now()
    with house.reading() as conn:
        found = hooks.load(conn, accounts.own_account(conn, ask.account), hook_id)
    if since:
        end = parse_instant(until, now) if until else now
        begin = parse_instant(since, now)
        with house.reading() as conn:
            house.note_changes(conn)
            count = hooks.redeliver_since(conn, now, found, HOOK_FORMS, begin, end)
    else:
        with house.writing() as conn:
            if attempt:
                count = hooks.redeliver_attempt(conn, now, found, HOOK_FORMS, attempt)
            else:
                count = hooks.redeliver_ids(conn, now, found, HOOK_FORMS, event or [])
    state = "" if found.is_enabled else "; the webhook is switched off"
    ask.output.item({"queued": count}, f"{count} {'event' if count == 1 else 'events'} to post{state}")


def _key(house: House, conn: Any, hook: Hook) -> HookKey | None:
    from posthouse.desk.hook_rotation import find_signing_key

    now = house.clock.now()
    return find_signing_key(conn, house.installation, hook.account_id, hook.dialect, hook.domain, now)


def _state(row: dict[str, Any]) -> str:
    if not row["enabled"]:
        return "off"
    return f"failing since {when(row['troubled_at'])}" if row["failures"] else "ok"


def _print(ask: Asked, hook: Hook, waiting: int = 0, oldest: str = "") -> None:
    from posthouse.desk.hooks import hook_row

    row = hook_row(hook, waiting, oldest)
    words = [f"{row['id']}  {_state(row)}", f"url      {visible(row['url'])}", f"form     {row['dialect']}"]
    words.append(f"events   {' '.join(row['names'] or row['kinds'])}")
    words.append(f"mail of  {row['domain'] or 'the whole account'}")
    words.append(f"waiting  {row['waiting']}")
    if row["name"]:
        words.append(f"name     {visible(row['name'])}")
    if row["failures"]:
        words.append(f"failed   {row['failures']} times in a row; rests until {when(row['rests_until'])}")
    if row["note"]:
        words.append(f"note     {visible(row['note'])}")
    ask.output.item(row, "\n".join(words))
