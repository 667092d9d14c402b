"""Wrong sign-ins: refusals come slower, per client and per login; nobody is locked out (AUT-11, S21)."""

from __future__ import annotations

from posthouse.doors.throttle import Throttle
from posthouse.model.clock import FakeClock
from posthouse.net.board import NOT_SHARED, Board

LOGIN = "joe@shop.test"


def throttle(clock: FakeClock | None = None, **more: int) -> Throttle:
    return Throttle(clock or FakeClock(), Board(1).row(0), **more)


def test_refusals_of_a_client_come_slower() -> None:
    wrong = throttle()
    delays = []
    for number in range(12):
        wrong.failed("192.0.2.1", f"user{number}@shop.test")
        delays.append(wrong.delay_s("192.0.2.1", "any@shop.test"))
    assert delays == [0.0, 0.0, 0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0]
    assert wrong.delay_s("192.0.2.2", "any@shop.test") == 0.0


def test_refusals_for_a_login_come_slower_wherever_they_come_from() -> None:
    wrong = throttle()
    delays = []
    for number in range(17):
        wrong.failed(f"192.0.2.{number}", " JOE@shop.test")
        delays.append(wrong.delay_s("198.51.100.1", LOGIN))
    assert delays == [0.0] * 10 + [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert wrong.delay_s("198.51.100.1", "ann@shop.test") == 0.0


def test_keys_and_tokens_count_for_the_client_only() -> None:
    wrong = throttle()
    for number in range(50):
        wrong.failed(f"192.0.2.{number}", "apikey")
    assert wrong.delay_s("198.51.100.1", "apikey") == 0.0


def test_all_workers_count_together() -> None:
    board, clock = Board(3), FakeClock()
    workers = [Throttle(clock, board.row(number)) for number in range(3)]
    for number in range(6):
        workers[number % 3].failed("192.0.2.1", f"u{number}@shop.test")
    assert [each.delay_s("192.0.2.1", "x@shop.test") for each in workers] == [2.0, 2.0, 2.0]
    board.clear(1)  # its worker died
    assert workers[0].delay_s("192.0.2.1", "x@shop.test") == 0.5


def test_a_worker_without_a_row_counts_for_itself() -> None:
    wrong = Throttle(FakeClock(), Board(1).row(NOT_SHARED))
    for _ in range(5):
        wrong.failed("192.0.2.1", LOGIN)
    assert wrong.delay_s("192.0.2.1", LOGIN) == 1.0


def test_a_network_of_ipv6_is_one_client_and_a_mapped_address_is_its_ipv4_address() -> None:
    wrong = throttle()
    for number in range(5):
        wrong.failed(f"2001:db8:0:1::{number:x}", f"u{number}@shop.test")
        wrong.failed("::ffff:192.0.2.1", f"u{number}@shop.test")
    assert wrong.delay_s("2001:db8:0:1:ffff::1", "") == 1.0
    assert wrong.delay_s("2001:db8:0:2::1", "") == 0.0
    assert wrong.delay_s("192.0.2.1", "") == 1.0


def test_a_success_is_forgiveness_for_the_client_and_not_for_the_login() -> None:
    wrong = throttle()
    for _ in range(20):
        wrong.failed("192.0.2.1", LOGIN)
        wrong.failed("192.0.2.2", "")
    wrong.succeeded("192.0.2.1")
    assert wrong.delay_s("192.0.2.1", "ann@shop.test") == 0.0
    assert wrong.delay_s("192.0.2.1", LOGIN) == 8.0
    assert wrong.delay_s("192.0.2.2", "") == 8.0


def test_two_windows_later_all_is_forgotten_on_the_board_too() -> None:
    clock, board = FakeClock(), Board(2)
    wrong, other = Throttle(clock, board.row(0)), Throttle(clock, board.row(1))
    for _ in range(5):
        wrong.failed("192.0.2.1", LOGIN)
    clock.advance(599)
    assert other.delay_s("192.0.2.1", "") == 1.0
    clock.advance(601)
    assert wrong.delay_s("192.0.2.1", "") == other.delay_s("192.0.2.1", "") == 0.0
    wrong.failed("192.0.2.9", "")
    assert len(wrong._own) == 1, "what counts no more is dropped"


def test_memory_is_bounded_and_the_latest_stay() -> None:
    wrong = throttle()
    row = wrong._counts
    for number in range(30_000):
        wrong.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "")
    assert len(wrong._own) <= 10_000
    assert len(row._own) == len(wrong._own)  # type: ignore[attr-defined]
    for _ in range(4):
        wrong.failed("10.0.117.47", "")  # the last of them
    assert wrong.delay_s("10.0.117.47", "") == 1.0


def test_only_so_many_refusals_wait_at_once() -> None:
    wrong = throttle(most_held=150)
    assert [wrong.hold("192.0.2.1") for _ in range(101)] == [True] * 100 + [False]
    assert [wrong.hold(f"192.0.2.{number}") for number in range(2, 53)] == [True] * 50 + [False]
    wrong.let_go("192.0.2.1")
    assert wrong.hold("198.51.100.1")
    for _ in range(99):
        wrong.let_go("192.0.2.1")
    assert "192.0.2.1" not in wrong._held
