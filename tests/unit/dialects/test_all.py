"""The rules of all dialects, for each that is in the table; and the table itself."""

from __future__ import annotations

import pytest

from posthouse.dialects.dialect import Dialect, SessionLimits
from posthouse.dialects.table import DIALECTS, session_limits, speaker, speaker_for
from posthouse.model.errors import SettingsError
from unit.dialects.dialect_rules import DialectRules


class TestDialects(DialectRules):
    @pytest.fixture(params=DIALECTS.values(), ids=DIALECTS.keys())
    def dialect(self, request: pytest.FixtureRequest) -> Dialect:
        return request.param  # type: ignore[no-any-return]


def test_the_table_holds_all_services_under_their_names() -> None:
    assert set(DIALECTS) == {"mailgun", "sendgrid", "mailpace", "native"}
    assert all(dialect.name == name for name, dialect in DIALECTS.items())


@pytest.mark.parametrize(
    ("name", "wanted"), [("sendgrid", "sendgrid"), ("native", "native"), ("pigeon", "native"), ("", "native")]
)
def test_who_speaks(name: str, wanted: str) -> None:
    assert speaker(name).name == wanted


@pytest.mark.parametrize(
    ("user", "password", "wanted"),
    [
        ("apikey", "SG.a.b", "sendgrid"),
        (" APIKEY ", "apikey", "sendgrid"),
        ("2f9a", "2f9a", "mailpace"),
        ("2f9a ", "2f9a\r\n", "mailpace"),
        ("app@shop.test", "secret", "mailgun"),
        ("", "", "mailgun"),
    ],
)
def test_who_answers_a_failed_sign_in(user: str, password: str, wanted: str) -> None:
    assert speaker_for(user, password).name == wanted


def test_c09_settings_over_the_dialects_own_limits() -> None:
    limits = session_limits([("sendgrid", 5000), ("native", 7)], [("sendgrid", 0)])
    assert limits["sendgrid"] == SessionLimits(5000, 0)
    assert limits["native"] == SessionLimits(7, 0)
    assert limits["mailpace"] == DIALECTS["mailpace"].words.limits
    assert session_limits([], [])["sendgrid"] == SessionLimits(100, 10)


def test_c09_a_dialect_that_is_not_there() -> None:
    with pytest.raises(SettingsError, match=r"limits\.address_connections: pigeon is not a dialect"):
        session_limits([], [("pigeon", 1)])
