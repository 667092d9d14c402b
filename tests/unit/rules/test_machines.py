"""rules.machines, rules.user_agents, rules.privacy: who looked at a mail, and what is kept of it."""

from __future__ import annotations

import pytest

from posthouse.rules.machines import in_bursts, is_too_soon, judge_visit
from posthouse.rules.privacy import kept_address
from posthouse.rules.user_agents import read_agent

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
IPAD_CHROME = (
    "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1"
)
APPLE_MAIL = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
SAFARI = f"{APPLE_MAIL} Version/17.5 Safari/605.1.15"
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Mobile Safari/537.36"
)
ANDROID_TABLET = (
    "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) "
    "SamsungBrowser/25.0 Chrome/121.0.0.0 Safari/537.36"
)
EDGE = f"{CHROME} Edg/126.0.2592.68"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.12.0"
OUTLOOK = "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; ms-office; MSOffice 16)"
OUTLOOK_IOS = "Outlook-iOS/723.4034474.prod.iphone (4.2401.0)"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
BING = f"{CHROME} BingPreview/1.0b"
HEADLESS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "HeadlessChrome/126.0.0.0 Safari/537.36"
)
HOME = "203.0.113.9"

VISITS = {
    "a browser": (CHROME, HOME, ""),
    "a phone": (IPHONE, HOME, ""),
    "a mail program": (THUNDERBIRD, HOME, ""),
    "Outlook on a desk": (OUTLOOK, HOME, ""),
    "Outlook on a phone": (OUTLOOK_IOS, HOME, ""),
    "Apple Mail that fetches itself": (APPLE_MAIL, HOME, ""),
    "something new": ("SomeMailer/1.0", HOME, ""),
    "IPv6": (CHROME, "2001:db8::1", ""),
    "Apple's privacy protection": ("Mozilla/5.0", "104.28.1.1", "apple"),
    "Gmail": (GMAIL, "66.249.84.1", "gmail"),
    "Gmail's proxy from elsewhere": (GMAIL, HOME, "gmail"),
    "Yahoo": (YAHOO, HOME, "yahoo"),
    "Bing": (BING, HOME, "microsoft"),
    "Defender with a browser's field": (CHROME, "40.94.1.1", ""),
    "Exchange Online with a browser's field": (CHROME, "40.107.3.4", "microsoft"),
    "the same, mapped": (CHROME, "::ffff:40.107.3.4", "microsoft"),
    "Barracuda": ("Mozilla/5.0 (compatible; Barracuda Sentinel (EE))", HOME, "scanner"),
    "Barracuda's network": (CHROME, "64.235.150.7", "scanner"),
    "Proofpoint's network": (CHROME, "67.231.152.3", "scanner"),
    "Mimecast's network": (FIREFOX, "205.139.111.8", "scanner"),
    "Symantec's network": (FIREFOX, "67.219.246.1", "scanner"),
    "Trend Micro": ("Mozilla/5.0 (compatible; TrendMicro WTP)", HOME, "scanner"),
    "curl": ("curl/8.5.0", HOME, "generic"),
    "wget": ("Wget/1.21", HOME, "generic"),
    "Python": ("python-requests/2.32.3", HOME, "generic"),
    "Java": ("Java/17.0.1", HOME, "generic"),
    "Go": ("Go-http-client/2.0", HOME, "generic"),
    "no window": (HEADLESS, HOME, "generic"),
    "a robot": ("Mozilla/5.0 (compatible; SomeBot/2.1; +https://some.test/bot)", HOME, "generic"),
    "a robot in one word": ("Twitterbot", HOME, "generic"),
    "nothing said": ("", HOME, "generic"),
    "blanks": ("  ", HOME, "generic"),
    "not an address": (CHROME, "local", ""),
    "a phone of the maker Cubot": (ANDROID.replace("Pixel 8", "CUBOT_X30"), HOME, ""),
}


@pytest.mark.parametrize(("agent", "address", "machine"), VISITS.values(), ids=VISITS)
def test_who_looked(agent: str, address: str, machine: str) -> None:
    assert judge_visit(agent, address) == machine


@pytest.mark.parametrize(
    ("after_s", "soon"), [(-0.5, True), (0.0, True), (1.9, True), (2.0, False), (60, False)]
)
def test_nobody_reads_at_once(after_s: float, soon: bool) -> None:
    assert is_too_soon(100.0 + after_s, 100.0) == soon


BURSTS = {
    "one": ([(0.0, 1)], set()),
    "two": ([(0.0, 1), (0.1, 2)], set()),
    "three at once": ([(0.0, 1), (0.1, 2), (0.9, 3)], {0, 1, 2}),
    "one link thrice": ([(0.0, 1), (0.1, 1), (0.2, 1)], set()),
    "three in a while": ([(0.0, 1), (0.8, 2), (1.6, 3)], set()),
    "a person afterwards": ([(0.0, 1), (0.1, 2), (0.2, 3), (9.0, 4)], {0, 1, 2}),
    "sliding": ([(0.0, 1), (0.5, 2), (1.1, 3), (1.4, 4)], {1, 2, 3}),
    "none": ([], set()),
}


@pytest.mark.parametrize(("clicks", "found"), BURSTS.values(), ids=BURSTS)
def test_many_links_at_once_are_a_machine(clicks: list[tuple[float, int]], found: set[int]) -> None:
    assert in_bursts(clicks) == found


CLIENTS = {
    "Chrome": (CHROME, "browser", "Windows", "desktop", "Chrome"),
    "Edge": (EDGE, "browser", "Windows", "desktop", "Edge"),
    "Firefox": (FIREFOX, "browser", "Linux", "desktop", "Firefox"),
    "Safari": (SAFARI, "browser", "OS X", "desktop", "Safari"),
    "Mobile Safari": (IPHONE, "mobile browser", "iOS", "mobile", "Mobile Safari"),
    "Chrome on an iPad": (IPAD_CHROME, "mobile browser", "iOS", "tablet", "Chrome"),
    "Chrome on a phone": (ANDROID, "mobile browser", "Android", "mobile", "Chrome"),
    "a tablet": (ANDROID_TABLET, "mobile browser", "Android", "tablet", "Samsung Internet"),
    "Apple Mail": (APPLE_MAIL, "email client", "OS X", "desktop", "Apple Mail"),
    "Thunderbird": (THUNDERBIRD, "email client", "Linux", "desktop", "Thunderbird"),
    "Outlook": (OUTLOOK, "email client", "Windows", "desktop", "Outlook"),
    "Outlook on a phone": (OUTLOOK_IOS, "email client", "iOS", "mobile", "Outlook"),
    "Gmail": (GMAIL, "robot", "Windows", "unknown", "Gmail image proxy"),
    "curl": ("curl/8.5.0", "library", "unknown", "unknown", "curl"),
    "nothing": ("", "unknown", "unknown", "unknown", "unknown"),
    "Apple's proxy": ("Mozilla/5.0", "unknown", "unknown", "unknown", "unknown"),
}


@pytest.mark.parametrize(("agent", "kind", "os", "device", "name"), CLIENTS.values(), ids=CLIENTS)
def test_what_the_field_says(agent: str, kind: str, os: str, device: str, name: str) -> None:
    assert read_agent(agent).as_data() == {
        "client-type": kind,
        "client-os": os,
        "device-type": device,
        "client-name": name,
    }


@pytest.mark.parametrize(
    ("address", "privacy", "kept"),
    [
        ("203.0.113.9", "full", "203.0.113.9"),
        ("203.0.113.9", "masked", "203.0.113.0"),
        ("2001:db8:1:2::3", "masked", "2001:db8:1::"),
        ("::ffff:203.0.113.9", "masked", "203.0.113.0"),
        ("local", "masked", ""),
        ("local", "full", "local"),
        ("203.0.113.9", "none", ""),
        ("203.0.113.9", "a word of another version", ""),
    ],
)
def test_what_is_kept_of_an_address(address: str, privacy: str, kept: str) -> None:
    assert kept_address(address, privacy) == kept
