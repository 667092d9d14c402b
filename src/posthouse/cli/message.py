"""`posthouse message ID`: the whole story of one message."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from posthouse.cli.options import Asked
from posthouse.cli.output import Output, visible, when


def message(
    ask: Asked,
    message_id: Annotated[str, typer.Argument(metavar="ID", help="The message's id, as events show it.")],
    source: Annotated[
        bool, typer.Option("--source", help="Print the message itself: what was captured, else what came in.")
    ] = False,
    recipient: Annotated[
        str,
        typer.Option("--recipient", metavar="ADDRESS", help="With --source: the copy of this recipient."),
    ] = "",
) -> None:
    """Tell a message's story: who sent it, what it asked for, where each recipient stands, every attempt.

    To stop what waits of it: `posthouse queue drop --message ID` (or `hold`, and `release` later).
    """
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, reports

    if recipient and not source:
        raise typer.BadParameter("--recipient goes with --source")
    if source:
        _print_source(ask, message_id, recipient)
        return
    with open_house(ask).reading() as conn:
        story = reports.story_of(conn, accounts.scope(conn, ask.account), message_id)
    if story is None:
        raise typer.TyperException(f"there is no message {visible(message_id)} here")
    if ask.as_json:
        ask.output.item(story, "")
    else:
        _print_story(ask.output, story)


def _print_source(ask: Asked, message_id: str, recipient: str) -> None:
    """The bytes as they are; meant for a file or a pager."""
    from posthouse.cli.house import open_house
    from posthouse.desk import accounts, copies, reports

    with open_house(ask).reading() as conn:
        account_id = accounts.scope(conn, ask.account)
        if recipient:
            copy = copies.copy_for(conn, account_id, message_id, recipient)
            content = copy.content if copy else None
        else:
            content = reports.source_of(conn, account_id, message_id)
    if content is None:
        raise typer.TyperException(f"the text of message {visible(message_id)} is not kept here")
    if sys.stdout.isatty():
        text = content.decode("utf-8", "replace").replace("\r\n", "\n")
        print("\n".join(visible(line) for line in text.split("\n")))
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()


def _print_story(output: Output, story: dict[str, Any]) -> None:
    about = story["message"]
    sender = about["sender"] or "<>"
    output.say(f"Message {about['id']}")
    output.say(f"  from      {visible(sender)} ({about['domain']}), accepted {when(about['accepted_at'])}")
    output.say(f"  subject   {visible(about['subject']) or '-'}")
    kept = "kept" if about["content_kept"] else "no longer kept"
    output.say(f"  size      {about['size_bytes']} bytes, text {kept}")
    for name, words in _labels(about):
        output.say(f"  {name:<9} {visible(words)}")
    _print_options(output, about["options"])
    output.say("\nRecipients")
    for delivery in story["deliveries"]:
        again = f", next {when(delivery['due_at'])}" if delivery["state"] in ("waiting", "held") else ""
        tries = f"{delivery['attempt']} {'attempt' if delivery['attempt'] == 1 else 'attempts'}"
        copy = f" (copy of {visible(delivery['copy_of'])})" if delivery["copy_of"] else ""
        output.say(f"  {visible(delivery['recipient'])}{copy}: {delivery['state']}, {tries}{again}")
        if delivery["text"]:
            output.say(f"    {delivery['code'] or ''} {visible(delivery['text'])}".rstrip())
    output.say("\nEvents")
    for event in story["events"]:
        _print_event(output, event)


def _labels(about: dict[str, Any]) -> list[tuple[str, str]]:
    """What the sender put on the message; nothing of what it did not."""
    data = json.dumps(about["metadata"], ensure_ascii=False) if about["metadata"] else ""
    found = [
        ("tags", ", ".join(about["tags"])),
        ("data", data),
        ("batch", about["batch_id"]),
        ("template", about["template"]),
    ]
    return [(name, words) for name, words in found if words]


def _print_options(output: Output, options: list[dict[str, Any]]) -> None:
    if options:
        output.say("\nOptions")
    for option in options:
        output.say(f"  {visible(option['header'])}: {visible(option['value'])}".rstrip())
        warning = "warning: " if option["is_warning"] else ""
        output.say(f"    {warning}{visible(option['effect'])}")


def _print_event(output: Output, event: dict[str, Any]) -> None:
    words = [str(event["code"] or ""), event["enhanced"], event["text"]]
    answer = " ".join(visible(word) for word in words if word)
    output.say(f"  {when(event['at'])}  {event['kind']}  {visible(event['recipient'])}  {answer}".rstrip())
    if policy := event.get("policy"):
        output.say(f"      TLS policy: {visible(str(policy))}")
    for line in str(event.get("transcript") or "").splitlines():
        output.say(f"      {visible(line)}")
