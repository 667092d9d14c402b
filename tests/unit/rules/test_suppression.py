"""Which lists hold a letter back: kinds, domains, scopes, and what a letter may bypass."""

from __future__ import annotations

import pytest

from posthouse.model.options import PLAIN, SendOptions
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.rules.suppression import DROPS, judge_suppressions

BOUNCE, COMPLAINT = SuppressionKind.BOUNCE, SuppressionKind.COMPLAINT
UNSUBSCRIBE, INVALID = SuppressionKind.UNSUBSCRIBE, SuppressionKind.INVALID
TAGGED = SendOptions(tags=("News", "spring"))
GROUPED = SendOptions(unsubscribe_group=7)


def row(kind: SuppressionKind, domain: str = "shop.test", scope: str = "") -> Suppression:
    return Suppression("acc", "ann@x.test", kind, domain, scope, 0.0)


def reason(options: SendOptions, *rows: Suppression) -> str:
    drop = judge_suppressions(rows, "shop.test", options)
    return drop.reason if drop else ""


def test_every_kind_has_its_words() -> None:
    assert set(DROPS) == set(SuppressionKind) - {SuppressionKind.BLOCK}
    assert [DROPS[kind].code for kind in (BOUNCE, UNSUBSCRIBE, COMPLAINT)] == [605, 606, 607]


def test_the_allow_list_skips_what_failures_said_not_what_recipients_said() -> None:
    def judged(*rows: Suppression) -> str:
        drop = judge_suppressions(rows, "shop.test", PLAIN, is_allowed=True)
        return drop.reason if drop else ""

    assert judged(row(BOUNCE), row(INVALID)) == ""
    assert judged(row(BOUNCE), row(UNSUBSCRIBE)) == "suppress-unsubscribe"
    assert judged(row(COMPLAINT)) == "suppress-complaint"


CASES = {
    "nothing": (PLAIN, [], ""),
    "bounce": (PLAIN, [row(BOUNCE)], "suppress-bounce"),
    "complaint": (PLAIN, [row(COMPLAINT)], "suppress-complaint"),
    "unsubscribe": (PLAIN, [row(UNSUBSCRIBE)], "suppress-unsubscribe"),
    "invalid": (PLAIN, [row(INVALID)], "suppress-invalid"),
    "block": (PLAIN, [row(SuppressionKind.BLOCK)], ""),
    "whole account": (PLAIN, [row(BOUNCE, "")], "suppress-bounce"),
    "another domain": (PLAIN, [row(BOUNCE, "other.test")], ""),
    "order": (PLAIN, [row(UNSUBSCRIBE), row(COMPLAINT), row(BOUNCE)], "suppress-bounce"),
    "its tag, case folded": (TAGGED, [row(UNSUBSCRIBE, scope="tag:news")], "suppress-unsubscribe"),
    "another tag": (TAGGED, [row(UNSUBSCRIBE, scope="tag:new")], ""),
    "a tag, letter without": (PLAIN, [row(UNSUBSCRIBE, scope="tag:news")], ""),
    "its group": (GROUPED, [row(UNSUBSCRIBE, "", "group:7")], "suppress-unsubscribe"),
    "another group": (GROUPED, [row(UNSUBSCRIBE, "", "group:70")], ""),
    "no group": (PLAIN, [row(UNSUBSCRIBE, "", "group:7")], ""),
    "unknown scope": (PLAIN, [row(UNSUBSCRIBE, scope="list:x")], ""),
    "bypass all": (SendOptions(bypass=("all",)), [row(kind) for kind in SuppressionKind], ""),
    "bypass its kind": (SendOptions(bypass=("bounces",)), [row(BOUNCE)], ""),
    "bypass another": (SendOptions(bypass=("bounces",)), [row(COMPLAINT)], "suppress-complaint"),
    "bypass one of two": (
        SendOptions(bypass=("bounces",)),
        [row(BOUNCE), row(UNSUBSCRIBE)],
        "suppress-unsubscribe",
    ),
    "bypass unsubscribes, not groups": (
        SendOptions(bypass=("unsubscribes",), unsubscribe_group=7),
        [row(UNSUBSCRIBE), row(UNSUBSCRIBE, "", "group:7")],
        "suppress-unsubscribe",
    ),
    "bypass unsubscribes": (SendOptions(bypass=("unsubscribes",)), [row(UNSUBSCRIBE)], ""),
    "bypass invalid": (SendOptions(bypass=("invalid",)), [row(INVALID)], ""),
}


@pytest.mark.parametrize(("options", "rows", "expected"), CASES.values(), ids=CASES.keys())
def test_lists(options: SendOptions, rows: list[Suppression], expected: str) -> None:
    """SG-04, SG-09 (bypass), MG: suppressions."""
    assert reason(options, *rows) == expected
