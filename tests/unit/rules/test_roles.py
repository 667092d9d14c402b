"""The table of roles, read line by line."""

from __future__ import annotations

import pytest

from posthouse.model.account import Role
from posthouse.rules.permissions import PERMISSIONS
from posthouse.rules.roles import ACTIONS, AREAS, actions_of, may

OWNER, DEVELOPER, VIEWER = Role.OWNER, Role.DEVELOPER, Role.VIEWER

# who may do it
TABLE = {
    "mail.send": (OWNER, DEVELOPER),
    "queue.read": (OWNER, DEVELOPER, VIEWER),
    "queue.write": (OWNER, DEVELOPER),
    "events.read": (OWNER, DEVELOPER, VIEWER),
    "events.write": (OWNER, DEVELOPER),
    "stats.read": (OWNER, DEVELOPER, VIEWER),
    "stats.write": (OWNER, DEVELOPER),
    "domains.read": (OWNER, DEVELOPER, VIEWER),
    "domains.write": (OWNER, DEVELOPER),
    "suppressions.read": (OWNER, DEVELOPER, VIEWER),
    "suppressions.write": (OWNER, DEVELOPER),
    "templates.read": (OWNER, DEVELOPER, VIEWER),
    "templates.write": (OWNER, DEVELOPER),
    "contacts.read": (OWNER, DEVELOPER, VIEWER),
    "contacts.write": (OWNER, DEVELOPER),
    "keys.read": (OWNER, DEVELOPER, VIEWER),
    "keys.write": (OWNER, DEVELOPER),
    "hooks.read": (OWNER, DEVELOPER, VIEWER),
    "hooks.write": (OWNER, DEVELOPER),
    "ips.read": (OWNER, DEVELOPER, VIEWER),
    "ips.write": (OWNER, DEVELOPER),
    "settings.read": (OWNER, DEVELOPER, VIEWER),
    "settings.write": (OWNER, DEVELOPER),
    "people.read": (OWNER, DEVELOPER, VIEWER),
    "people.write": (OWNER,),
    "account.read": (OWNER, DEVELOPER, VIEWER),
    "account.write": (OWNER,),
}


@pytest.mark.parametrize("action", sorted(ACTIONS))
@pytest.mark.parametrize("role", Role)
def test_a_role_may_what_its_line_says(role: Role, action: str) -> None:
    assert may(role, action) == (role in TABLE[action])
    assert (action in actions_of(role)) == (role in TABLE[action])


def test_the_table_has_every_action_and_no_other() -> None:
    assert set(TABLE) == ACTIONS
    assert {action.partition(".")[0] for action in ACTIONS} == {*AREAS, "mail"}


def test_whatever_a_key_may_do_is_an_action_of_people_too() -> None:
    assert set(PERMISSIONS) <= ACTIONS


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_without_a_role_nothing_is_allowed(action: str) -> None:
    assert not may(None, action)


@pytest.mark.parametrize("word", ["", "domains", "domains.change", "Domains.read", "*"])
def test_a_word_that_is_no_action_is_a_bug_and_not_a_permission(word: str) -> None:
    with pytest.raises(ValueError, match="no such action"):
        may(OWNER, word)
