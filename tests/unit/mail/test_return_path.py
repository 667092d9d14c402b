"""Return paths: what they look like, that they come back as they went, and that nobody else can write one."""

from __future__ import annotations

import pytest

from posthouse.mail.return_path import (
    BOUNCE,
    UNSUBSCRIBE,
    read_return_path,
    return_address,
    write_return_path,
)
from posthouse.model.address import parse_address

KEY = b"k" * 32
ID = "01HF7YAT0003EVCX9NF0G70ART"  # not a fresh one: names of tests must be the same in every process
DELIVERY = f"{ID}.0001"
LOCAL = write_return_path(KEY, BOUNCE, DELIVERY)


@pytest.mark.parametrize("kind", [BOUNCE, UNSUBSCRIBE])
@pytest.mark.parametrize("number", [0, 1, 31, 32, 999, 1000, 1023, 1024, 9999, 10_000, 32**4, 999_999_999])
def test_what_was_written_is_read(kind: str, number: int) -> None:
    delivery_id = f"{ID}.{number:04d}"
    local = write_return_path(KEY, kind, delivery_id)
    assert read_return_path(KEY, local) == (kind, delivery_id)
    assert read_return_path(KEY, local.upper()) == (kind, delivery_id), "servers fold local parts"
    assert len(local) <= 64 and local == local.lower()
    assert str(parse_address(f"{local}@return.shop.test")) == f"{local}@return.shop.test"


def test_its_form() -> None:
    assert LOCAL[0] == BOUNCE
    assert LOCAL[1:27] == ID.lower()
    assert LOCAL[53:] == "1"


@pytest.mark.parametrize("at", range(len(LOCAL)))
def test_another_character_anywhere_is_no_return_path(at: int) -> None:
    for other in "ubz0l-":
        altered = LOCAL[:at] + other + LOCAL[at + 1 :]
        if altered != LOCAL:
            assert read_return_path(KEY, altered) is None


@pytest.mark.parametrize(
    "local",
    [
        "",
        "b",
        "postmaster",
        LOCAL[:-1],
        LOCAL + "0",
        "0" + LOCAL,
        LOCAL[:53] + "0" + LOCAL[53:],
        LOCAL + "\n",
        LOCAL.replace("b", "\u212a", 1),
        "b" + "\u0661" * 53,
        "b" + "z" * 60_000,
        "x" + LOCAL[1:],
    ],
)
def test_what_is_none(local: str) -> None:
    assert read_return_path(KEY, local) is None


def test_a_kelvin_sign_is_no_k() -> None:
    local = next(
        written
        for number in range(1, 500)
        if "k" in (written := write_return_path(KEY, BOUNCE, f"{ID}.{number:04d}"))
    )
    assert read_return_path(KEY, local.replace("k", "\u212a")) is None


def test_another_installation_cannot_read_it() -> None:
    assert read_return_path(b"o" * 32, LOCAL) is None


@pytest.mark.parametrize(
    "delivery_id",
    [
        "",
        ID,
        f"{ID}.1",
        f"{ID}.00001",
        f"{ID}.1234567890",
        f"{ID[:-1]}.0001",
        f"{ID.lower()}.0001",
        "m1.0001",
    ],
)
def test_an_id_of_another_form_has_none(delivery_id: str) -> None:
    assert write_return_path(KEY, BOUNCE, delivery_id) == ""
    assert return_address(KEY, BOUNCE, delivery_id, "return.shop.test") == ""


def test_no_address_without_a_host_or_with_too_long_a_one() -> None:
    assert return_address(KEY, BOUNCE, DELIVERY, "return.shop.test") == f"{LOCAL}@return.shop.test"
    assert return_address(KEY, BOUNCE, DELIVERY, "") == ""
    longest = "a." * 97 + "test"
    assert return_address(KEY, BOUNCE, DELIVERY, longest) == f"{LOCAL}@{longest}"
    assert return_address(KEY, BOUNCE, DELIVERY, f"a.{longest}") == ""
