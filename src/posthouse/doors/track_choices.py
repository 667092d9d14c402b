"""What the page behind an unsubscribe link offers, and what a form of it may change.

Public: Choices, choices_of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from posthouse.doors.track_pages import Choice, Look
from posthouse.pipeline.engage import GLOBAL, Found
from posthouse.store.groups import Group

PREFERENCES = "preferences"
_TAGS, _GROUP = "tags", "group:"


class Groups(Protocol):
    def group(self, account_id: str, number: int) -> Group | None: ...
    def default_groups(self, account_id: str) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True)
class Choices:
    """`offered` in their order; on a page of preferences, `everything` beside them. `meant`: the scopes that
    the link alone stands for. `tags`: the letter's, lower case."""

    offered: Sequence[Choice]
    everything: Choice
    meant: Sequence[str]
    tags: Sequence[str]
    is_preferences: bool = False

    def chosen(self, scopes: Sequence[str]) -> list[str]:
        """Those of a form's scopes that the page offers."""
        known = [*self.offered, *([self.everything] if self.is_preferences else [])]
        return [scope for each in known if each.scope in scopes for scope in _spread(each.scope, self.tags)]

    def allowed(self, scopes: Sequence[str]) -> list[str]:
        """Those that a form may take back."""
        known = {
            scope for each in (*self.offered, self.everything) for scope in _spread(each.scope, self.tags)
        }
        return [scope for scope in dict.fromkeys(scopes) if scope in known | set(self.meant)]

    def changes(self, wanted: Sequence[str], nothing: bool) -> tuple[list[str], list[str]]:
        """(what is left, what comes back) by the ticks of a page of preferences. Who wants nothing keeps what
        was chosen before for another day."""
        if nothing:
            return [GLOBAL], []
        leaving = [each.scope for each in self.offered if each.scope not in wanted]
        coming = [each.scope for each in self.offered if each.scope in wanted]
        return leaving, [*coming, GLOBAL, ""]


def choices_of(found: Found, scope: str, look: Look, groups: Groups) -> Choices:
    """`scope` is the link's: "", "tags", "group:NUMBER", "global" or "preferences"."""
    message, left = found.message, found.left
    tags = [tag.lower() for tag in message.options.tags]
    everything = Choice(GLOBAL, look.plain("kind_global"), is_left=GLOBAL in left)
    if scope == PREFERENCES:
        offered = [
            Choice(
                f"{_GROUP}{group.number}", group.name, group.description, f"{_GROUP}{group.number}" in left
            )
            for number in message.options.groups_shown or _usual(found, groups)
            if (group := groups.group(message.account_id, number))
        ]
        own = f"{_GROUP}{message.options.unsubscribe_group}"
        meant = [own] if own in [each.scope for each in offered] else [GLOBAL]
        nothing = Choice(GLOBAL, look.plain("nothing"), is_left=bool({GLOBAL, ""} & left))
        return Choices(offered, nothing, meant, tags, is_preferences=True)
    only = _only(found, scope, look, groups) or everything
    return Choices([only], everything, _spread(only.scope, tags), tags)


def _only(found: Found, scope: str, look: Look, groups: Groups) -> Choice | None:
    """What a link stands for; None: everything, also where its group is gone (service behaviour,
    documented)."""
    message, left = found.message, found.left
    if scope.startswith(_GROUP):
        number = scope.removeprefix(_GROUP)
        group = groups.group(message.account_id, int(number)) if number.isdecimal() else None
        return (
            Choice(scope, look.plain("kind_group", name=group.name), is_left=scope in left) if group else None
        )
    if scope == _TAGS and message.options.tags:
        names = ", ".join(message.options.tags)
        is_left = all(each in left for each in _spread(_TAGS, [tag.lower() for tag in message.options.tags]))
        return Choice(_TAGS, look.plain("kind_tags", names=names), is_left=is_left)
    if scope == GLOBAL:
        return None
    return Choice("", look.plain("kind_all", sender=look.name or message.domain), is_left="" in left)


def _usual(found: Found, groups: Groups) -> list[int]:
    """The message's own group and the account's default ones, each once."""
    own = found.message.options.unsubscribe_group
    defaults = groups.default_groups(found.message.account_id)
    return list(dict.fromkeys([own, *defaults] if own else defaults))


def _spread(scope: str, tags: Sequence[str]) -> list[str]:
    return [f"tag:{tag}" for tag in tags] if scope == _TAGS else [scope]
