"""What replies lead to: the built-in automations by the texts that receivers really send, times that grow,
what slows and what is refused in a file (D-05, BR-5, F36)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.model.errors import SettingsError
from posthouse.model.message import Phase, SmtpResult
from posthouse.model.site import AVOID, SLOW, SUSPEND, Rest
from posthouse.rules.automations import (
    FORGET_S,
    Automation,
    Tally,
    find_automation,
    next_rest,
    parse_automation,
    slowed,
)
from posthouse.rules.matching import Condition
from posthouse.rules.shaping import BUILT_IN, load_shaping
from posthouse.rules.site_limits import Limits
from posthouse.rules.verdict import judge_result

GMAIL, YAHOO, OUTLOOK = "gmail-smtp-in.l.google.com", "mta5.am0.yahoodns.net", "x.mail.protection.outlook.com"


def reply(
    code: int, enhanced: str, text: str, mx: str = "mx.example.net", phase: Phase = Phase.RCPT
) -> SmtpResult:
    return SmtpResult(phase, code, enhanced, text, mx=mx)


# (host, code, enhanced, text) -> the automation, "" for none. Texts as the services send them.
KNOWN = {
    "gmail rate": (
        GMAIL,
        421,
        "4.7.28",
        "Gmail has detected an unusual rate of unsolicited mail originating from your IP address.",
        "gmail-rate",
    ),
    "gmail suspicious": (
        GMAIL,
        421,
        "4.7.0",
        "This message is suspicious due to the very low reputation of the sending IP",
        "gmail-volume",
    ),
    "gmail over quota is one mailbox's matter": (
        GMAIL,
        452,
        "4.2.2",
        "The recipient's inbox is out of storage space.",
        "",
    ),
    "gmail unauthenticated is one letter's matter": (
        GMAIL,
        550,
        "5.7.26",
        "This mail has been blocked because the sender is unauthenticated.",
        "",
    ),
    "yahoo TSS04": (
        YAHOO,
        421,
        "4.7.0",
        "[TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints",
        "yahoo-deferred",
    ),
    "yahoo TSS09": (
        YAHOO,
        421,
        "4.7.1",
        "[TSS09] All messages from 192.0.2.1 will be permanently deferred",
        "yahoo-permanent",
    ),
    "yahoo TS03": (
        YAHOO,
        421,
        "4.7.1",
        "[TS03] All messages from 192.0.2.1 permanently deferred",
        "yahoo-permanent",
    ),
    "microsoft S3150": (
        OUTLOOK,
        550,
        "5.7.1",
        "messages from [192.0.2.1] weren't sent. part of their network is on our block list (S3150).",
        "microsoft-block",
    ),
    "microsoft S3140": (
        OUTLOOK,
        550,
        "5.7.1",
        "messages from [192.0.2.1] weren't sent (S3140)",
        "microsoft-block",
    ),
    "microsoft banned": (
        OUTLOOK,
        550,
        "5.7.606",
        "Access denied, banned sending IP [192.0.2.1]",
        "microsoft-block",
    ),
    "microsoft RP-001": (
        OUTLOOK,
        421,
        "",
        "RP-001 The mail server IP has exceeded the rate limit allowed.",
        "microsoft-throttled",
    ),
    "microsoft 4.7.650": (
        OUTLOOK,
        451,
        "4.7.650",
        "The mail server [192.0.2.1] has been temporarily rate limited",
        "microsoft-throttled",
    ),
    "microsoft 4.7.500": (OUTLOOK, 451, "4.7.500", "Please come again", "microsoft-limit"),
    "icloud": (
        "mx01.mail.icloud.com",
        421,
        "4.7.0",
        "[CS01] Message rejected due to local policy.",
        "icloud-deferred",
    ),
    "orange": ("smtp-in.orange.fr", 421, "", "smtp.orange.fr Service refuse. OFR_104 [104]", "orange-limit"),
    "free": ("mx1.free.fr", 421, "", "Too many spams from your IP", "french-limit"),
    "t-online": (
        "mx00.t-online.de",
        554,
        "",
        "IP=192.0.2.1 - None/bad reputation. Ask for a new reputation",
        "t-online-unknown",
    ),
    "gmx": ("mx00.gmx.net", 421, "", "Too many connections from your host", "gmx-limit"),
    "mail.ru": ("mxs.mail.ru", 421, "", "Ratelimit exceeded for IP", "mail.ru-limit"),
    "qq": ("mx1.qq.com", 550, "", "Connection frequency limited", "chinese-limit"),
    "netease": ("163mx01.mxmail.netease.com", 421, "", "HL:REP 163 mx1,abc 1234567", "chinese-limit"),
    "comcast": (
        "mx1.comcast.net",
        421,
        "4.1.0",
        "192.0.2.1 Throttled - try again later RL000010",
        "comcast-limit",
    ),
    "spamhaus": (
        "mx.example.net",
        554,
        "5.7.1",
        "Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        "blocklist",
    ),
    "proofpoint": (
        "mx1.pphosted.com",
        554,
        "5.7.0",
        "Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1",
        "blocklist",
    ),
    "ironport": (
        "esa1.iphmx.com",
        421,
        "4.4.5",
        "Too many connections to this host.",
        "too-many-connections",
    ),
    "any rate": ("mx.example.net", 451, "4.7.1", "Sending too fast, slow down", "rate-limited"),
    "greylisting": ("mx.example.net", 451, "4.7.1", "Greylisted, please try again in 300 seconds", ""),
    "a full connection": ("mx.example.net", 421, "4.7.0", "Too many messages on this connection", ""),
    "a full mailbox": ("mx.example.net", 452, "4.2.2", "Mailbox full", ""),
    "no such user": ("mx.example.net", 550, "5.1.1", "User unknown", ""),
}


@pytest.mark.parametrize(("mx", "code", "enhanced", "text", "name"), KNOWN.values(), ids=KNOWN.keys())
def test_what_known_replies_lead_to(mx: str, code: int, enhanced: str, text: str, name: str) -> None:
    result = reply(code, enhanced, text, mx)
    found = find_automation(BUILT_IN.automations, result, judge_result(result).reason)
    assert (found.name if found else "") == name


def test_every_built_in_automation_is_shown_by_a_text() -> None:
    idle = {"greylisting", "connection-full"}  # they lead to nothing
    unused = {each.name for each in BUILT_IN.automations} - {row[-1] for row in KNOWN.values()} - idle
    assert unused == {"microsoft-banned"}  # the same reply names S3140 or the ban in words, mostly


@given(st.text(max_size=3000), st.sampled_from([GMAIL, YAHOO, OUTLOOK, ""]), st.integers(0, 599))
def test_any_text_is_judged(text: str, mx: str, code: int) -> None:
    find_automation(BUILT_IN.automations, reply(code, "", text, mx), "temporary")


# -- times -------------------------------------------------------------------------------------------------

STOP = Automation("stop", SUSPEND, Condition(), for_s=600, longest_s=3000)
HEARD = reply(421, "4.7.0", "slow down")


def test_it_doubles_when_the_same_comes_again_within_a_day_up_to_the_longest() -> None:
    held, now, spans = None, 1000.0, []
    for _ in range(5):
        held = next_rest(STOP, "s", "", held, HEARD, now)
        assert held
        spans.append(held.until - now)
        now = held.until + FORGET_S - 1
    assert spans == [600, 1200, 2400, 3000, 3000]
    held = next_rest(STOP, "s", "", held, HEARD, held.until + FORGET_S)
    assert held and (held.times, held.until - held.set_at) == (1, 600)


def test_ten_conversations_that_hear_the_same_are_one_reason() -> None:
    held = next_rest(STOP, "s", "", None, HEARD, 0.0)
    assert held and next_rest(STOP, "s", "", held, HEARD, 599.0) is None
    assert next_rest(STOP, "s", "", held, HEARD, 600.0)


def test_after_an_operators_own_decision_counting_begins_anew() -> None:
    own = Rest("s", SUSPEND, "", 100.0, 0.0, "ticket 4711", times=3)
    following = next_rest(STOP, "s", "", own, HEARD, 200.0)
    assert following and following.times == 1


def test_the_reply_is_kept_as_the_reason_and_bounded() -> None:
    rest = next_rest(STOP, "s", "192.0.2.1", None, reply(421, "4.7.0", "x" * 5000), 0.0)
    assert rest and rest.reason.startswith("421 4.7.0 xxx") and len(rest.reason) == 200
    assert rest.source == "", "a suspension is about the site, whatever the address"


def test_what_steers_a_terminal_or_chokes_a_store_is_not_kept() -> None:
    rest = next_rest(STOP, "s", "", None, reply(421, "4.7.0", "a\0b\x1b[31m\ud800\u2028c"), 0.0)
    assert rest and rest.reason == "421 4.7.0 a?b?[31m??c"


def test_avoiding_is_about_one_address() -> None:
    rest = next_rest(Automation("a", AVOID, Condition()), "s", "192.0.2.1", None, HEARD, 0.0)
    assert rest and rest.key == ("s", AVOID, "192.0.2.1")


def test_it_acts_when_it_was_met_often_enough_within_its_time() -> None:
    tally, rule = Tally(), Automation("x", SLOW, Condition(), after=3, within_s=60, connections=1)
    at = [0, 10, 100, 110, 120, 125, 130, 131]
    assert [tally.is_reached(rule, "s", "", now) for now in at] == [
        False,
        False,
        False,
        False,
        True,
        False,
        False,
        True,
    ]


def test_sites_are_counted_apart_and_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posthouse.rules.automations._MOST_KEYS", 2)
    tally, rule = Tally(), Automation("x", SUSPEND, Condition(), after=2)
    assert not any(tally.is_reached(rule, f"s{number}", "", 0.0) for number in range(3))
    assert len(tally._met) == 2
    assert tally.is_reached(rule, "s2", "", 1.0)
    assert not tally.is_reached(rule, "s0", "", 1.0), "forgotten: it begins anew"


# -- slow --------------------------------------------------------------------------------------------------


def slow(connections: int = 0, rate: float = 0.0) -> Rest:
    return Rest("s", SLOW, "", 1.0, 0.0, "", "x", 1, connections, rate)


SLOWED = {
    "fewer connections": (Limits(), [slow(2)], (2, 2, 0.0)),
    "a rate": (Limits(), [slow(rate=0.5)], (10, 5, 0.5)),
    "never more": (Limits(connections=1, messages_per_second=0.1), [slow(5, 2.0)], (1, 1, 0.1)),
    "two of them": (Limits(), [slow(3), slow(rate=2.0)], (3, 3, 2.0)),
    "another kind": (Limits(), [Rest("s", SUSPEND, "", 1.0, 0.0, "")], (10, 5, 0.0)),
}


@pytest.mark.parametrize(("limits", "rests", "expected"), SLOWED.values(), ids=SLOWED.keys())
def test_slowed(limits: Limits, rests: list[Rest], expected: tuple[int, int, float]) -> None:
    now = slowed(limits, rests)
    assert (now.connections, min(now.first_connections, now.connections), now.messages_per_second) == expected


# -- files -------------------------------------------------------------------------------------------------

GOOD = {"name": "x", "action": "suspend", "text": ["too much"]}
WRONG = {
    "no name": ({"name": ""}, "name must be"),
    "an unknown action": ({"action": "explode"}, "action must be one of"),
    "an unknown key": ({"regex": "a+"}, "unknown key 'regex'"),
    "no condition": ({"text": []}, "names no condition"),
    "no number": ({"after": "3"}, "after must be a number"),
    "a flag": ({"after": True}, "after must be a number"),
    "half a time": ({"after": 1.5}, "after must be a number"),
    "no time": ({"for_s": 0}, "for_s must be a number from 1"),
    "too long": ({"for_s": 1e9}, "for_s must be a number"),
    "not a number": ({"for_s": float("nan")}, "for_s must be a number"),
    "slow how": ({"action": "slow"}, "slow needs connections or messages_per_second"),
    "fewer connections while none are": ({"connections": 1}, "belong to slow"),
    "a star in a word": ({"text": ["too* much"]}, "a star stands alone"),
    "one text": ({"text": "too much"}, "text must be a list"),
    "an unknown phase": ({"phase": ["lunch"]}, "lunch"),
}


@pytest.mark.parametrize(("change", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_automation_says_what_is_wrong(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_automation({**GOOD, **change})


def test_the_longest_time_is_never_shorter_than_the_first() -> None:
    assert parse_automation({**GOOD, "for_s": 86400}).longest_s == 86400


def test_an_operators_automation_comes_first_and_replaces_its_namesake(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        '[[automation]]\nname = "blocklist"\naction = "none"\n'
        '[[automation]]\nname = "mine"\naction = "suspend"\ntext = ["spamhaus"]\nfor_s = 60\n'
    )
    table = load_shaping(file)
    names = [automation.name for automation in table.automations]
    assert names[:2] == ["blocklist", "mine"] and names.count("blocklist") == 1
    file.write_text('[[automation]]\nname = "mine"\naction = "suspend"\n')
    with pytest.raises(SettingsError, match=r"own\.toml: \[\[automation\]\] 'mine': it names no condition"):
        load_shaping(file)
