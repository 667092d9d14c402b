"""What words mean: ours, SendGrid's scopes, presets, and what nobody knows (C-04)."""

from __future__ import annotations

from pathlib import Path

import pytest

from posthouse.rules import permissions


@pytest.mark.parametrize(
    ("held", "word", "is_allowed"),
    [
        (["mail.send"], "mail.send", True),
        (["stats.read"], "mail.send", False),
        ([], "mail.send", False),
        (["email_activity.read"], "events.read", True),
        (["messages.read"], "events.read", True),
        (["events.read"], "events.read", True),
        (["whitelabel.read"], "domains.read", True),
        (["whitelabel.read"], "domains.write", False),
        (["whitelabel.update"], "domains.write", True),
        (["suppression.bounces.delete"], "suppressions.write", True),
        (["asm.groups.read"], "suppressions.read", True),
        (["api_keys.create"], "keys.write", True),
        (["templates.versions.activate.create"], "templates.write", True),
        (["user.webhooks.event.settings.update"], "hooks.write", True),
        (["mail.batch.create"], "queue.write", True),
        (["mail.batch.create"], "mail.send", False),
        (["ips.read", "2fa_required"], "ips.read", True),
        (["2fa_required"], "ips.read", False),
        (["mail.Send"], "mail.send", False),
        (["mail_settings.footer.read"], "settings.read", True),
        (["mail_settings.footer.read"], "settings.write", False),
        (["user.settings.enforced_tls.update"], "settings.write", True),
    ],
)
def test_what_a_key_may_do(held: list[str], word: str, is_allowed: bool) -> None:
    assert permissions.may(held, word) is is_allowed


@pytest.mark.parametrize("name", ["full", "read-only", "send-only"])
@pytest.mark.parametrize("in_scopes", [False, True], ids=["ours", "scopes"])
def test_a_preset_allows_the_same_in_either_language(name: str, in_scopes: bool) -> None:
    held = permissions.preset(name, in_scopes=in_scopes)
    wanted = permissions.preset(name, in_scopes=False)
    assert [word for word in permissions.PERMISSIONS if permissions.may(held, word)] == list(wanted)
    assert len(set(held)) == len(held)


@pytest.mark.parametrize(
    ("wanted", "held", "missing"),
    [
        (["mail.send"], ["mail.send", "api_keys.create"], []),
        (["mail.send", "stats.read"], ["api_keys.create"], ["mail.send", "stats.read"]),
        (["api_keys.delete"], ["api_keys.create"], []),
        (["2fa_required"], ["api_keys.create"], []),
        (["templates.read", "whitelabel.read"], ["templates.read", "keys.write"], ["whitelabel.read"]),
    ],
)
def test_nobody_gives_what_they_have_not(wanted: list[str], held: list[str], missing: list[str]) -> None:
    assert permissions.beyond(wanted, held) == missing


def test_the_presets() -> None:
    assert permissions.preset("send-only", in_scopes=True) == ("mail.send",)
    assert "mail.send" not in permissions.READ_ONLY and "events.read" in permissions.READ_ONLY
    assert set(permissions.FULL) == set(permissions.PERMISSIONS)


def test_every_scope_stands_for_a_word_that_there_is() -> None:
    assert set(permissions.SCOPES.values()) <= set(permissions.PERMISSIONS)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("mail.sent", "There is no permission mail.sent; did you mean mail.send?"),
        ("Stats.Read", "There is no permission Stats.Read; did you mean stats.read?"),
        ("whitelabel.read", "There is no permission whitelabel.read; did you mean domains.read?"),
        ("domain.read", "There is no permission domain.read; did you mean domains.read?"),
    ],
)
def test_a_near_miss_is_told(word: str, text: str) -> None:
    assert permissions.not_ours_text(word) == text


def test_a_far_miss_is_told_what_there_is() -> None:
    assert permissions.not_ours_text("zzz").startswith("There is no permission zzz; there are mail.send, ")


def test_what_is_unknown() -> None:
    assert permissions.unknown(["mail.send", "2fa_required", "stats.read", "x"]) == ["2fa_required", "x"]
    assert permissions.not_ours(["mail.send", "whitelabel.read", "x"]) == ["whitelabel.read", "x"]


def test_the_manual_has_each_word_with_its_meaning() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "commands.md").read_text()
    for word, meaning in permissions.PERMISSIONS.items():
        assert f"| `{word}` | {meaning} |" in manual, word


@pytest.mark.parametrize(
    "scope",
    [
        "alerts.create",
        "subusers.create",
        "teammates.create",
        "access_settings.whitelist.create",
        "partner_settings.new_relic.update",
        "marketing_campaigns.create",
    ],
)
def test_a_scope_for_what_is_not_here_opens_nothing(scope: str) -> None:
    assert not any(permissions.may([scope], word) for word in permissions.PERMISSIONS)
