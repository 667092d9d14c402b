"""Limits of accounts: bursts, days, months; refused or waiting; exact over workers to within a block."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
import time
from collections import Counter
from typing import Any

import pytest

from house import books
from house.conftest import Stores
from house.house import Auth, House, Houses, letter, unique, until

pytestmark = pytest.mark.long


def account(house: House, *pairs: str, domains: int = 1) -> tuple[str, list[str], Auth]:
    """A new account with these settings, its domains, and a key that sends for all of them."""
    name = unique("acc")
    house.cli("account", "add", name)
    if pairs:
        house.cli("account", "set", name, *pairs)
    names = [f"{unique('d')}.test" for _ in range(domains)]
    for domain in names:
        house.cli("domain", "add", domain, "--assume-verified", "--account", name)
    return name, names, house.key("--native", "--account", name)


def sends(house: House, auth: Auth, domain: str, *recipients: str) -> tuple[int, str]:
    """One letter; code and text of the last answer."""
    with house.wire() as wire:
        signed_in = wire.sign_in(*auth)
        assert signed_in.code == 235, signed_in
        wire.envelope(f"me@{domain}", recipients)
        wire.send(letter(recipients[0], sender=f"me@{domain}").raw + b".\r\n")
        answer = wire.read()
        return answer.code, answer


def codes(house: House, auth: Auth, domain: str, times: int) -> list[int]:
    return [sends(house, auth, domain, f"{unique()}@good.test")[0] for _ in range(times)]


def limits(house: House, name: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["domain"], row["window"]): row for row in house.cli_rows("limits", "--account", name)}


def early_in_a_minute() -> None:
    """The test's minute must not end before it does."""
    until(lambda: time.time() % 60 < 40, 25, "the next minute")


@pytest.mark.parametrize("window", ["daily_messages", "monthly_messages"])
def test_C_13_D_10_an_account_has_a_limit_a_day_and_a_month_over_all_its_domains(
    house: House, window: str
) -> None:
    name, domains, auth = account(house, f"{window}=3", domains=2)
    answers = [sends(house, auth, domains[n % 2], f"{unique()}@good.test") for n in range(5)]
    assert [code for code, _ in answers] == [250, 250, 250, 452, 452]
    form = r"452 4\.5\.3 Too many recipients: this account .+ try again after .+ (\d{4}) 00:00:00 \+0000"
    assert re.fullmatch(form, answers[3][1]), answers[3]
    (row,) = limits(house, name).values()
    assert (row["most"], row["used"], row["domain"]) == (3, 3, "")
    house.cli("account", "set", name, f"{window}=4")
    until(lambda: codes(house, auth, domains[0], 1) == [250], 2.5, "the new limit")


def test_C_13_D_10_a_burst_is_refused_until_the_next_minute(house: House) -> None:
    early_in_a_minute()
    name, (domain,), auth = account(house, "minute_messages=2")
    minute = time.time() // 60
    assert codes(house, auth, domain, 4) == [250, 250, 452, 452]
    row = limits(house, name)["", "minute"]
    assert (row["used"], row["ends_at"]) == (2, (minute + 1) * 60)
    until(lambda: time.time() // 60 > minute, 65, "the next minute")
    assert codes(house, auth, domain, 1) == [250]


def test_C_13_D_10_a_burst_waits_and_leaves_at_an_even_pace_where_the_account_says_so(house: House) -> None:
    early_in_a_minute()
    name, (domain,), auth = account(house, "minute_messages=6", "over_limit=queue")
    tag = unique()
    names = [f"{n}+{tag}@good.test" for n in range(10)]
    minute = time.time() // 60 * 60
    assert sends(house, auth, domain, *names[:8])[0] == 250
    assert [sends(house, auth, domain, each)[0] for each in names[8:]] == [250, 250]
    for each in names[:6]:
        house.internet.copy(each)
    rows = books.rows(house.store, f"select due_at from delivery where recipient like '%+{tag}@good.test'")
    late = sorted(row["due_at"] for row in rows if row["due_at"] >= minute + 60)
    assert late == [minute + 60 + 10 * n for n in range(4)]
    house.cli("queue", "drop", "--all", "--account", name)


@pytest.mark.parametrize("give_up", ["batch cancel", "queue drop"])
def test_C_13_D_10_mail_that_waits_and_is_given_up_leaves_its_room_to_new_mail(
    house: House, give_up: str
) -> None:
    until(lambda: time.time() % 86400 < 86400 - 30, 35, "the next day")
    name, (domain,), _ = account(house, "daily_messages=2", "over_limit=queue")
    auth = house.key("--account", name)
    tag, batch = unique(), unique("batch")
    names = [f"{n}+{tag}@good.test" for n in range(12)]
    content = letter(names[0], sender=f"me@{domain}", fields=[f'X-SMTPAPI: {{"batch_id": "{batch}"}}'])
    house.submit(names, content, auth=auth, sender=f"me@{domain}")
    today = time.time() // 86400 * 86400
    assert _due(house, names[11]) == today + 5 * 86400
    assert sends(house, auth, domain, f"last+{tag}@good.test")[0] == 250  # the worker knows that all is full
    assert _due(house, f"last+{tag}@good.test") == today + 6 * 86400
    why = {row["text"] for row in house.cli_rows("queue", "--account", name)}
    assert why == {"waits for room in its limits: account day"}
    house.cli(*give_up.split(), batch if give_up == "batch cancel" else "--all", "--account", name)

    def is_due_tomorrow() -> bool:
        recipient = f"{unique()}@good.test"
        assert sends(house, auth, domain, recipient)[0] == 250
        return _due(house, recipient) == today + 86400

    until(is_due_tomorrow, 3, "new mail to have the first room")
    house.cli("account", "set", name, "daily_messages=50")
    until(lambda: _goes_now(house, auth, domain), 3, "new mail to go at once")
    house.cli("queue", "drop", "--all", "--account", name)


def _due(house: House, recipient: str) -> float:
    (row,) = books.rows(house.store, f"select due_at from delivery where recipient = '{recipient}'")
    return float(row["due_at"])


def _goes_now(house: House, auth: Auth, domain: str) -> bool:
    recipient = f"{unique()}@good.test"
    assert sends(house, auth, domain, recipient)[0] == 250
    return _due(house, recipient) <= time.time()


def test_C_13_D_10_limits_of_a_domain_and_of_its_account_both_hold(house: House) -> None:
    name, (small, large), auth = account(house, "daily_messages=4", domains=2)
    house.cli("domain", "set", small, "hourly_messages=1", "--account", name)
    until(lambda: ("hour", 1) in _most(house, name), 2, "the limit")
    until(lambda: codes(house, auth, small, 2)[-1] == 452, 3, "the worker to know")
    used = limits(house, name)["", "day"]["used"]
    assert codes(house, auth, large, 5) == [250] * (4 - used) + [452] * (1 + used)


def _most(house: House, name: str) -> set[tuple[str, int]]:
    return {(row["window"], row["most"]) for row in limits(house, name).values()}


def test_D_10_a_new_account_begins_small(house: House) -> None:
    name, (domain,), auth = account(house, "starts_at=2", "daily_messages=1000")
    assert codes(house, auth, domain, 3) == [250, 250, 452]
    assert limits(house, name)["", "day"]["most"] == 2


def test_D_10_another_account_is_not_hurt(house: House) -> None:
    _, (full,), auth = account(house, "daily_messages=1")
    _, (free,), other = account(house, "daily_messages=5")
    assert codes(house, auth, full, 3) == [250, 452, 452]
    assert codes(house, other, free, 3) == [250, 250, 250]


# -- two workers on one store ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(shared_houses: Houses, stores: Stores) -> House:
    return shared_houses.new(store=stores.fresh("postgresql"), settings={"": {"workers": 2}})


def poured(house: House, auth: Auth, domain: str, letters: int, connections: int = 6) -> Counter[int]:
    """Letters over several connections at once, as fast as they go; the codes of their answers."""
    found: Counter[int] = Counter()
    lock = threading.Lock()

    def pour(count: int) -> None:
        mine: Counter[int] = Counter()
        with house.wire() as wire:
            assert wire.sign_in(*auth).code == 235
            for _ in range(count):
                recipient = f"{unique()}@good.test"
                wire.envelope(f"me@{domain}", [recipient])
                wire.send(letter(recipient, sender=f"me@{domain}").raw + b".\r\n")
                mine[wire.read().code] += 1
        with lock:
            found.update(mine)

    threads = [threading.Thread(target=pour, args=(letters // connections,)) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.total() == letters // connections * connections
    return found


def test_D_10_limits_are_exact_over_all_workers(both: House) -> None:
    name, (domain,), auth = account(both, "daily_messages=200")
    found = poured(both, auth, domain, 240)
    assert found[250] <= 200
    assert found[250] >= 200 - 2 * 200 // 16
    assert found[452] == 240 - found[250]
    left = 200 - found[250]
    until(lambda: limits(both, name)["", "day"]["used"] == found[250], 10, "unused blocks to come back")
    assert codes(both, auth, domain, left + 1) == [250] * left + [452]


def test_D_10_a_killed_worker_loses_at_most_its_block(both: House) -> None:
    name, (domain,), auth = account(both, "daily_messages=400")
    before = poured(both, auth, domain, 120)
    assert before[250] == 120
    both.kills += 1
    with contextlib.suppress(ProcessLookupError):
        os.kill(both.workers()[0], signal.SIGKILL)
    until(lambda: len(both.workers()) == 2, 20, "a new worker")
    until(lambda: _serves(both), 20, "it to serve")
    # what the killed one held stays used; the other gives its own back
    until(lambda: 120 <= limits(both, name)["", "day"]["used"] <= 120 + 400 // 16, 10, "idle blocks")
    after = poured(both, auth, domain, 300)
    total = before[250] + after[250]
    assert 400 - 3 * 400 // 16 <= total <= 400


def _serves(house: House) -> bool:
    with contextlib.suppress(OSError), house.wire() as wire:
        return wire.greeting.code == 220
    return False


def test_D_10_draining_gives_blocks_back(houses: Houses) -> None:
    house = houses.new()
    name, (domain,), auth = account(house, "monthly_messages=10000")
    assert poured(house, auth, domain, 60)[250] == 60
    house.stop()
    assert limits(house, name)["", "month"]["used"] == 60
