"""What an event counts as, and under which names.

Every event counts under exactly one *own word*, so that the counters can be compared with the log; then,
where it has them, under words that say more. `docs/statistics.md` lists them all.

Opens and clicks by machines are not people's: they have words of their own. So have letters of ours (notices,
reports) and blind copies that the service made: they are counted, and distort nothing.

Public: own_word, metrics_of, is_by_people, names_of, sums_of, seen_names, renamed, Key, DIMS and its
words, HOUR, DAY, MOST_NAMES, OTHER_NAMES.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from typing import Any

from posthouse.model.event import Event, EventKind
from posthouse.rules.bounces import class_of
from posthouse.rules.delivery_times import LAST_BUCKET, TOOK, bucket_of

Key = tuple[str, str, str, str, int, str]
"""account id, dim, name, span, number of the span since the epoch, metric; a key of `store.tallies`."""

HOUR, DAY = "hour", "day"
ACCOUNT, DOMAIN, TAG, DOMAIN_TAG, SITE, IP, CREDENTIAL = (
    "account",
    "domain",
    "tag",
    "domain-tag",
    "site",
    "ip",
    "credential",
)
DIMS = (ACCOUNT, DOMAIN, TAG, DOMAIN_TAG, SITE, IP, CREDENTIAL)
"""What is counted by. ACCOUNT has the one name ""; a name of DOMAIN_TAG is a domain, a blank and a tag."""

MOST_NAMES = {DOMAIN: 20_000, TAG: 20_000, DOMAIN_TAG: 100_000, SITE: 20_000, IP: 5_000, CREDENTIAL: 20_000}
"""How many names of a dim an account can have; Mailgun's limit of tags is 20,000 too (mailgun.md 5.8)."""
OTHER_NAMES = "(other)"
"""The name for all that come when there is no more room."""
LONGEST_TAG, _LONGEST_NAME = 128, 400  # characters; an index of PostgreSQL takes about 2,700 octets

_ONCE = frozenset(
    {EventKind.OPENED, EventKind.CLICKED}
)  # of these the first one of a delivery is counted apart

_TOOK = [f"{TOOK}{number:02}" for number in range(LAST_BUCKET + 1)]
_TOOK_DAYS_ONLY = frozenset({DOMAIN, SITE})  # their hours would double what a busy hour writes
_TOOK_DIMS = frozenset({ACCOUNT, DOMAIN, SITE})

_DROPS = {
    "suppress-bounce": "bounce",
    "suppress-complaint": "complaint",
    "suppress-unsubscribe": "unsubscribe",
    "suppress-invalid": "invalid",
    "invalid-address": "invalid",
}
# replies to a letter that say that the receiving service holds something against it (Mailgun: espblock)
_BLOCKS = frozenset(
    {"policy-block", "spam-content", "content-rejected", "unauthenticated", "sender-rejected"}
)


def own_word(event: Event) -> str:
    """The one word under which the event itself is counted."""
    kind, data = event.kind.value, event.data
    if data.get("is_notice"):
        return f"notice.{kind}"
    if data.get("is_copy"):
        return f"copy.{kind}"
    return f"{kind}.machine" if event.kind in _ONCE and data.get("machine") else kind


def is_by_people(event: Event) -> bool:
    """An open or click of a person, which may be the first of its delivery."""
    return event.kind in _ONCE and bool(event.delivery_id) and own_word(event) == event.kind.value


def metrics_of(event: Event, *, is_first: bool = False) -> list[str]:
    """The words under which an event is counted, its own word first. `is_first`: of its kind and delivery, by
    people."""
    word = own_word(event)
    if word != event.kind.value:
        return [word]
    return [word, *(f"{word}.{more}" for more in _more(event, is_first)), *_took(event)]


def _more(event: Event, is_first: bool) -> Iterable[str]:
    data = event.data
    reason = data.get("reason", "")
    match event.kind:
        case EventKind.DELIVERED:
            return ("first",) if data.get("attempt") == 1 else ()
        case EventKind.DEFERRED:
            return _deferred(data, reason)
        case EventKind.FAILED:
            return (class_of(reason).value, "expired") if reason == "expired" else (class_of(reason).value,)
        case EventKind.BOUNCED:
            return (class_of(reason).value,)
        case EventKind.DROPPED:
            return (_DROPS.get(reason, "other"),)
        case EventKind.OPENED | EventKind.CLICKED:
            return ("unique",) if is_first else ()
    return ()


def _deferred(data: dict[str, Any], reason: str) -> list[str]:
    found = ["first"] if data.get("attempt") == 1 else []
    if reason == "rate-limited":
        found.append("rate")
    elif reason in _BLOCKS:
        found.append("block")
    return found


def _took(event: Event) -> Iterable[str]:
    took_s = event.data.get("took_s") if event.kind is EventKind.DELIVERED else None
    return () if took_s is None else (_TOOK[bucket_of(took_s)],)


def names_of(event: Event) -> list[tuple[str, str]]:
    """Dim and name for everything that the event is counted by."""
    data = event.data
    found = [(ACCOUNT, "")]
    if event.domain:
        found.append((DOMAIN, event.domain))
    if data.get("is_notice") or data.get("is_copy"):
        return found
    for tag in data.get("tags") or ():
        cut = tag[:LONGEST_TAG]
        found.append((TAG, cut))
        if event.domain:
            found.append((DOMAIN_TAG, f"{event.domain} {cut}"))
    for dim, key in ((SITE, "site"), (IP, "source"), (CREDENTIAL, "credential")):
        if name := data.get(key):
            found.append((dim, str(name)[:_LONGEST_NAME]))
    return list(dict.fromkeys(found))


def _kin(event: Event, is_first: bool) -> tuple[Any, ...]:
    """All that `metrics_of` and `names_of` look at: equals count alike, and most events have many equals."""
    get = event.data.get
    took_s, tags = get("took_s"), get("tags")
    return (
        event.account_id,
        int(event.at // 3600),
        event.kind,
        event.domain,
        is_first,
        get("attempt") == 1,
        get("reason"),
        get("site"),
        get("source"),
        get("credential"),
        get("is_notice"),
        get("is_copy"),
        get("machine"),
        None if took_s is None else bucket_of(took_s),
        tuple(tags) if tags else (),
    )


def sums_of(events: Iterable[Event], first_ids: Container[str]) -> Counter[Key]:
    """The counts of these events in all spans. `first_ids`: events that are the first of their kind and
    delivery by people."""
    alike: Counter[tuple[Any, ...]] = Counter()
    examples: dict[tuple[Any, ...], tuple[Event, bool]] = {}
    for event in events:
        is_first = event.id in first_ids
        kin = _kin(event, is_first)
        alike[kin] += 1
        examples.setdefault(kin, (event, is_first))
    hours: Counter[tuple[str, int, tuple[tuple[str, str], ...], tuple[str, ...]]] = Counter()
    for kin, count in alike.items():
        event, is_first = examples[kin]
        metrics = metrics_of(event, is_first=is_first)
        hours[event.account_id, int(event.at // 3600), tuple(names_of(event)), tuple(metrics)] += count
    sums: Counter[Key] = Counter()
    for (account_id, hour, names, words), count in hours.items():
        for dim, name in names:
            for word in words:
                is_took = word.startswith(TOOK)
                if is_took and dim not in _TOOK_DIMS:
                    continue
                sums[account_id, dim, name, DAY, hour // 24, word] += count
                if not (is_took and dim in _TOOK_DAYS_ONLY):
                    sums[account_id, dim, name, HOUR, hour, word] += count
    return sums


def seen_names(sums: Iterable[Key]) -> dict[tuple[str, str, str], float]:
    """Account, dim and name of these counters, and the beginning of the last hour that each was seen in."""
    seen: dict[tuple[str, str, str], float] = {}
    for account_id, dim, name, span, at, _ in sums:
        if span == HOUR:
            place = account_id, dim, name
            seen[place] = max(seen.get(place, 0.0), at * 3600.0)
    return seen


def renamed(sums: Mapping[Key, int], names: Mapping[tuple[str, str, str], str]) -> Counter[Key]:
    """The same counts under the names that there is room for."""
    found: Counter[Key] = Counter()
    for (account_id, dim, name, span, at, metric), count in sums.items():
        found[account_id, dim, names[account_id, dim, name], span, at, metric] += count
    return found
