"""Two keys while receivers change over (WH-1): which of them signs, until when, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blank_store import make_store
from posthouse.desk import domains, hook_keys, hook_rotation
from posthouse.desk.hook_rotation import MOST_OLDER, Standing, news_of, read_keep
from posthouse.desk.installation import Installation
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.model.hook import HookKey
from posthouse.store import hook_keys as stored
from posthouse.store import identity
from posthouse.store.engine import Connection, connect

CLOCK = FakeClock()
IDS = Ids(CLOCK)
NOW = CLOCK.now()
INSTALLATION = Installation(b"k" * 32)
DAY = 86400.0
PLACES = {"native": "", "mailgun": "", "sendgrid": "", "mailpace": "shop.test"}
ALONE = ["mailgun", "sendgrid", "mailpace"]


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    new = domains.draft(INSTALLATION, IDS, NOW, name="shop.test", region="us", algorithms=("ed25519-sha256",))
    with connect(url) as opened:
        with opened.transaction():
            for number in (1, 2):
                identity.ensure_account(opened, f"account{number}", id=f"a{number}", now=0.0)
            domains.create(opened, IDS, new, "account1")
        yield opened


def first(conn: Connection, dialect: str) -> HookKey:
    made = hook_keys.make(dialect)
    place = {"account_id": "a1", "dialect": dialect, "domain": PLACES[dialect]}
    with conn.transaction():
        hook_keys.store(conn, INSTALLATION, IDS, NOW, made, **place)
    return made.key


def rotate(conn: Connection, dialect: str, keep_s: float = DAY, at: float = NOW) -> tuple[HookKey, Standing]:
    made = hook_keys.make(dialect)
    place = {"account_id": "a1", "dialect": dialect, "domain": PLACES[dialect]}
    with conn.transaction():
        found = hook_rotation.rotate(conn, INSTALLATION, IDS, at, made, **place, keep_s=keep_s)
    return made.key, found


def signing(conn: Connection, dialect: str, now: float) -> tuple[bytes, ...]:
    """The secrets that sign a post, the newest first."""
    key = hook_rotation.find_signing_key(conn, INSTALLATION, "a1", dialect, PLACES[dialect], now)
    assert key is not None
    return key.secret, *key.older


def test_WH_1_both_secrets_sign_until_the_old_ones_time_is_over(conn: Connection) -> None:
    old = first(conn, "native")
    new, found = rotate(conn, "native")
    assert (found.signs_from, [each.ends_at for each in found.older]) == (NOW, [NOW + DAY])
    assert signing(conn, "native", NOW) == (new.secret, old.secret)
    assert signing(conn, "native", NOW + DAY - 1) == (new.secret, old.secret)
    assert signing(conn, "native", NOW + DAY) == (new.secret,), "also before it is removed"
    assert news_of(found).startswith("Posts carry a signature of the old key too until ")


@pytest.mark.parametrize("dialect", ALONE)
def test_WH_1_one_signature_is_the_old_keys_until_then_and_the_new_ones_from_then(
    conn: Connection, dialect: str
) -> None:
    old = first(conn, dialect)
    new, found = rotate(conn, dialect)
    assert (found.signing, found.signs_from) == (found.older[0], NOW + DAY)
    assert signing(conn, dialect, NOW + DAY - 1) == (old.secret,)
    assert signing(conn, dialect, NOW + DAY) == (new.secret,)
    assert "carries one signature: the old key signs until" in news_of(found)


@pytest.mark.parametrize("dialect", PLACES)
def test_WH_1_now_means_that_nothing_old_is_kept(conn: Connection, dialect: str) -> None:
    first(conn, dialect)
    rotate(conn, dialect)
    new, found = rotate(conn, dialect, 0.0)
    assert (signing(conn, dialect, NOW), found.older, found.signs_from) == ((new.secret,), (), NOW)
    assert len(stored.list_hook_keys(conn, "a1")) == 1
    assert news_of(found) == "The new key signs from now on, alone."


@pytest.mark.parametrize("dialect", PLACES)
def test_WH_1_the_older_keys_end_when_somebody_says_so(conn: Connection, dialect: str) -> None:
    first(conn, dialect)
    new, _ = rotate(conn, dialect)
    with conn.transaction():
        found = hook_rotation.end_older(conn, "a1", dialect, PLACES[dialect], NOW)
    assert (signing(conn, dialect, NOW), found.older, found.signs_from) == ((new.secret,), (), NOW)
    assert len(stored.list_hook_keys(conn, "a1")) == 1


def test_a_third_secret_signs_beside_the_others_and_a_fourth_is_refused(conn: Connection) -> None:
    secrets = [first(conn, "native").secret]
    for number in range(MOST_OLDER):
        new, found = rotate(conn, "native", DAY, NOW + number)
        secrets.insert(0, new.secret)
    assert signing(conn, "native", NOW + 5) == tuple(secrets)
    assert [each.ends_at for each in found.older] == [NOW + DAY, NOW + DAY + 1]
    with pytest.raises(Refused, match="3 native hook keys sign already, the first until "):
        rotate(conn, "native", DAY, NOW + 9)
    rotate(conn, "native", DAY, NOW + DAY)  # the first one's time is over


def test_an_end_that_was_said_is_never_put_off(conn: Connection) -> None:
    old = first(conn, "native")
    rotate(conn, "native", 3600.0)
    _, found = rotate(conn, "native", 7 * DAY, NOW + 60)
    assert [each.ends_at for each in found.older] == [NOW + 3600, NOW + 60 + 7 * DAY]
    assert old.secret not in signing(conn, "native", NOW + 3600)
    _, found = rotate(conn, "native", 600.0, NOW + 3600)
    assert [each.ends_at for each in found.older] == [NOW + 4200, NOW + 4200], "but it may come earlier"


@pytest.mark.parametrize("dialect", ALONE)
def test_a_key_that_waited_for_its_turn_goes_when_another_is_made(conn: Connection, dialect: str) -> None:
    old = first(conn, dialect)
    rotate(conn, dialect)
    new, found = rotate(conn, dialect, 7 * DAY, NOW + 60)
    assert [each.ends_at for each in found.older] == [NOW + DAY]
    assert signing(conn, dialect, NOW + DAY - 1) == (old.secret,)
    assert signing(conn, dialect, NOW + DAY) == (new.secret,)
    assert len(stored.list_hook_keys(conn, "a1")) == 2


@pytest.mark.parametrize("keep_s", [-1.0, 30 * DAY + 1, float("nan"), float("inf")])
def test_how_long_an_old_key_goes_on_has_a_bound(conn: Connection, keep_s: float) -> None:
    first(conn, "native")
    with pytest.raises(Refused, match="may go on for up to 30 days"):
        rotate(conn, "native", keep_s)


@pytest.mark.parametrize(("text", "seconds"), [("now", 0), (" NOW ", 0), ("24h", 86400), ("7d", 604800)])
def test_spans_are_read(text: str, seconds: float) -> None:
    assert read_keep(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "31d", "soon", "-1h"])
def test_what_is_no_span_is_told(text: str) -> None:
    with pytest.raises(Refused, match="is not a span"):
        read_keep(text)


def test_S20_keys_of_another_account_are_not_there(conn: Connection) -> None:
    first(conn, "native")
    rotate(conn, "native")
    for work in (
        lambda: hook_rotation.standing(conn, "a2", "native", "", NOW),
        lambda: hook_rotation.end_older(conn, "a2", "native", "", NOW),
        lambda: hook_rotation.rotate(
            conn, INSTALLATION, IDS, NOW, hook_keys.make("native"), account_id="a2", dialect="native"
        ),
    ):
        with pytest.raises(Refused, match="There is no native hook key here"):
            work()
    assert hook_rotation.find_signing_key(conn, INSTALLATION, "a2", "native", "", NOW) is None
    assert len(stored.list_hook_keys(conn, "a1")) == 2


def test_nothing_of_a_secret_is_in_the_clear(conn: Connection) -> None:
    old = first(conn, "native")
    new, found = rotate(conn, "native")
    rows = stored.list_hook_keys(conn, "a1")
    for secret in (old.secret, new.secret):
        assert all(secret not in row.private for row in rows)
        assert secret.hex() not in repr(found) and str(secret) not in repr((found, new))
    assert {row.id for row in rows} == {found.newest.id, found.older[0].id}
