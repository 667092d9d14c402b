"""Did a person open this mail or follow this link, or a machine that looks at mail before people do?

Providers fetch pictures for all their users (Apple's Mail Privacy Protection, Gmail's and Yahoo's proxies),
gateways follow every link to see where it leads. What they do is recorded with one word and counts for no
person. A proxy that fetches when its user opens the mail (Gmail, Yahoo) is marked all the same: it hides who
opened where, so nothing about a person can be learnt from it; who counts its opens may (`SEEN_BY_PEOPLE`).

The tables are what the operators publish, or what the fields of their programs say. Microsoft's and
Proofpoint's scanners come with a browser's field: networks, speed and the number of links give them away.

Public: judge_visit, is_too_soon, in_bursts, MACHINES, SEEN_BY_PEOPLE, SCANNER, SOON_S, MANY_LINKS,
MANY_WITHIN_S.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network

from posthouse.rules.ranges import plain_address
from posthouse.rules.user_agents import LONGEST

APPLE, GMAIL, YAHOO, MICROSOFT, SCANNER, GENERIC = (
    "apple",
    "gmail",
    "yahoo",
    "microsoft",
    "scanner",
    "generic",
)
MACHINES = (APPLE, GMAIL, YAHOO, MICROSOFT, SCANNER, GENERIC)
SEEN_BY_PEOPLE = frozenset({GMAIL, YAHOO})
"""Words of proxies that fetch a picture when their user looks at the mail."""

SOON_S = 2.0  # nobody reads so soon after the final dot was answered
MANY_LINKS, MANY_WITHIN_S = 3, 1.0  # nobody follows so many links of one mail so fast

# Words of the User-Agent field in lower case, the first that is found decides.
_AGENTS: tuple[tuple[str, str], ...] = (
    ("googleimageproxy", GMAIL),
    ("yahoomailproxy", YAHOO),
    ("yahoocachesystem", YAHOO),
    ("bingpreview", MICROSOFT),
    ("skypeuripreview", MICROSOFT),
    ("microsoft office existence discovery", MICROSOFT),
    ("safelinks", MICROSOFT),
    ("safe links", MICROSOFT),
    ("microsoft defender", MICROSOFT),
    ("microsoft-atp", MICROSOFT),
    ("barracuda", SCANNER),
    ("proofpoint", SCANNER),
    ("urldefense", SCANNER),
    ("mimecast", SCANNER),
    ("trendmicro", SCANNER),
    ("trend micro", SCANNER),
    ("symantec", SCANNER),
    ("messagelabs", SCANNER),
    ("fireeye", SCANNER),
    ("trellix", SCANNER),
    ("ironport", SCANNER),
    ("cisco-", SCANNER),
    ("forcepoint", SCANNER),
    ("websense", SCANNER),
    ("fortiguard", SCANNER),
    ("fortinet", SCANNER),
    ("sophos", SCANNER),
    ("kaspersky", SCANNER),
    ("bitdefender", SCANNER),
    ("avast", SCANNER),
    ("eset ", SCANNER),
    ("hornetsecurity", SCANNER),
    ("vade", SCANNER),
    ("zscaler", SCANNER),
    ("paloalto", SCANNER),
    ("palo alto", SCANNER),
    ("cloudmark", SCANNER),
    ("spamassassin", SCANNER),
    ("rspamd", SCANNER),
    ("virustotal", SCANNER),
    ("phishtank", SCANNER),
    ("urlscan", SCANNER),
    ("safebrowsing", SCANNER),
    ("google-safety", SCANNER),
    ("linkscanner", SCANNER),
    ("link-check", SCANNER),
    ("linkcheck", SCANNER),
    ("scanner", SCANNER),
    ("headless", GENERIC),
    ("phantomjs", GENERIC),
    ("slimerjs", GENERIC),
    ("puppeteer", GENERIC),
    ("playwright", GENERIC),
    ("selenium", GENERIC),
    ("webdriver", GENERIC),
    ("electron/", GENERIC),
    ("curl/", GENERIC),
    ("wget", GENERIC),
    ("libcurl", GENERIC),
    ("pycurl", GENERIC),
    ("python", GENERIC),
    ("aiohttp", GENERIC),
    ("httpx", GENERIC),
    ("scrapy", GENERIC),
    ("go-http-client", GENERIC),
    ("java/", GENERIC),
    ("apache-httpclient", GENERIC),
    ("httpclient", GENERIC),
    ("okhttp", GENERIC),
    ("jakarta", GENERIC),
    ("libwww", GENERIC),
    ("lwp::", GENERIC),
    ("guzzle", GENERIC),
    ("php/", GENERIC),
    ("node-fetch", GENERIC),
    ("node.js", GENERIC),
    ("undici", GENERIC),
    ("axios", GENERIC),
    ("got (", GENERIC),
    ("ruby", GENERIC),
    ("faraday", GENERIC),
    ("reqwest", GENERIC),
    ("hyper/", GENERIC),
    ("winhttp", GENERIC),
    ("powershell", GENERIC),
    ("postman", GENERIC),
    ("insomnia", GENERIC),
    ("facebookexternalhit", GENERIC),
    ("whatsapp", GENERIC),
    ("preview", GENERIC),
    ("crawl", GENERIC),
    ("spider", GENERIC),
    ("slurp", GENERIC),
    ("bot/", GENERIC),
    ("bot;", GENERIC),
    ("bot ", GENERIC),
    ("bot)", GENERIC),
    ("bot-", GENERIC),
    ("+http", GENERIC),  # only robots give the address of their page
)
# The whole field: Apple's proxies say no more than this, whatever program is behind them.
_APPLE_AGENTS = frozenset({"mozilla/5.0"})

# Networks from which nobody reads mail: where gateways fetch what they check.
_NETWORKS: Mapping[str, Sequence[str]] = {
    # Microsoft 365's mail hosts: "Office 365 URLs and IP address ranges", Exchange Online, ports 25
    MICROSOFT: ("40.92.0.0/15", "40.107.0.0/16", "52.100.0.0/14", "104.47.0.0/17"),
    GMAIL: ("66.249.80.0/20", "66.102.0.0/20"),  # Google's special-case fetchers
    SCANNER: (
        "64.235.144.0/20",  # Barracuda Email Gateway Defense
        "209.222.80.0/21",
        "67.231.144.0/20",  # Proofpoint
        "148.163.128.0/19",
        "205.220.160.0/19",
        "205.139.110.0/23",  # Mimecast
        "207.211.30.0/23",
        "63.128.21.0/24",
        "91.220.42.0/24",
        "146.101.78.0/24",
        "195.130.217.0/24",
        "170.10.128.0/20",
        "67.219.240.0/20",  # Symantec Email Security.cloud
        "85.158.136.0/21",
        "193.109.254.0/23",
        "195.245.230.0/23",
        "216.82.240.0/20",
        "46.226.48.0/21",
        "150.70.0.0/16",  # Trend Micro
        "216.104.0.0/19",
        "68.232.128.0/19",  # Cisco Secure Email Cloud
        "216.71.128.0/19",
    ),
}


def _by_prefix() -> dict[int, dict[int, str]]:
    """Length of a prefix -> network as a number -> word: a look-up for each length, not for each network."""
    tables: dict[int, dict[int, str]] = {}
    for machine, texts in _NETWORKS.items():
        for text in texts:
            network = IPv4Network(text)
            tables.setdefault(network.prefixlen, {})[int(network.network_address)] = machine
    return tables


_PREFIXES = _by_prefix()


def judge_visit(agent: str, address: str) -> str:
    """One of `MACHINES`, "" for a person as far as field and client address tell."""
    text = agent[:LONGEST].strip().lower()
    if not text or text == "-":
        return GENERIC
    if text in _APPLE_AGENTS:
        return APPLE
    found = next((machine for word, machine in _AGENTS if word in text), "")
    if not found and text.endswith("bot"):
        return GENERIC
    return found or _network(address)


def is_too_soon(at: float, delivered_at: float) -> bool:
    """Did it happen so soon after the delivery that nobody can have read the mail? Also just before: our
    record of the delivery is written after the other side has the mail."""
    return at - delivered_at < SOON_S


def in_bursts(clicks: Sequence[tuple[float, int]]) -> set[int]:
    """Which of one delivery's clicks, (instant, number of the link) in the order of time, are part of
    `MANY_LINKS` different links within `MANY_WITHIN_S`: their places."""
    found: set[int] = set()
    start = 0
    for end in range(len(clicks)):
        while clicks[end][0] - clicks[start][0] > MANY_WITHIN_S:
            start += 1
        if len({link for _, link in clicks[start : end + 1]}) >= MANY_LINKS:
            found.update(range(start, end + 1))
    return found


def _network(address: str) -> str:
    try:
        client = plain_address(address)
    except ValueError:
        return ""
    if not isinstance(client, IPv4Address):
        return ""
    number = int(client)
    for length, table in _PREFIXES.items():
        if found := table.get(number >> (32 - length) << (32 - length)):
            return found
    return ""
