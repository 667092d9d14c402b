"""Who appears in the demonstration: a shop, the people it writes to, where they have their mailboxes.

Public: SHOP, NEWS, BRAND, SENDERS, SITES, BUSY, KINDS, NEWSLETTER, FIRST_NAMES, LAST_NAMES, AGENTS, Kind,
Site.
"""

from __future__ import annotations

from typing import NamedTuple

SHOP, NEWS, BRAND = "shop.example", "news.shop.example", "new-brand.example"
SENDERS = (SHOP, NEWS)


class Site(NamedTuple):
    """A receiving domain: how its host behaves (`internet.scripts`), and its share of all recipients."""

    domain: str
    script: str
    weight: int


SITES = (
    Site("bluemail.example", "accept", 40),
    Site("northpost.example", "accept", 22),
    Site("campus-uni.example", "greylist", 12),
    Site("openmail.example", "slow", 10),
    Site("smallisp.example", "accept", 8),
    Site("oldfirm.example", "bounce", 3),
    Site("strictbank.example", "spam", 2),
    Site("overloaded.example", "defer", 3),
)
BUSY = "smallisp.example"  # it takes no more mail in the last hours


class Kind(NamedTuple):
    """A kind of mail: how often in a hundred, its sender, subjects, tags, and how much people like it."""

    name: str
    weight: int
    sender: str
    subjects: tuple[str, ...]
    tags: tuple[str, ...]
    opens: float
    clicks: float


KINDS = (
    Kind("order", 34, f"orders@{SHOP}", ("Your order {number}", "Order {number} is confirmed"), ("orders",),
         0.72, 0.3),
    Kind("parcel", 22, f"orders@{SHOP}", ("Your parcel is on its way", "Parcel {number} arrives today"),
         ("orders", "parcels"), 0.68, 0.41),
    Kind("sign-in", 20, f"account@{SHOP}", ("Your sign-in code", "New sign-in from Firefox on Linux"),
         ("account",), 0.8, 0.1),
    Kind("password", 9, f"account@{SHOP}", ("Reset your password",), ("account",), 0.85, 0.7),
    Kind("review", 15, f"hello@{SHOP}", ("How do you like your lamp?", "A question about order {number}"),
         ("reviews",), 0.35, 0.08),
)  # fmt: skip
NEWS_SUBJECTS = ("Lamps for dark evenings", "What is new in November")
NEWSLETTER = Kind("newsletter", 0, f"news@{NEWS}", NEWS_SUBJECTS, ("newsletter",), 0.31, 0.06)

_FIRST = """Ada Amira Ben Chiara Dilek Elif Emil Farah Gita Hugo Ines Jonas Kaya Lena Malik Noor Olga Pablo
Quentin Rosa Samir Tove Ugo Vera Wim Yara Zoë"""
_LAST = """Abebe Bianchi Costa Dubois Eriksen Fischer García Haddad Ito Jansen Kowalski Lindt Moreau Nowak
Okafor Petrov Rossi Schmidt Tanaka Weber Yilmaz"""
FIRST_NAMES, LAST_NAMES = tuple(_FIRST.split()), tuple(_LAST.split())
AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36",
)
