"""What a letter says about TLS on its way: REQUIRETLS, and TLS-Required: No (RFC 8689)."""

from __future__ import annotations

import pytest

from posthouse.doors.submission import _with_tls_wishes
from posthouse.mail.letter import parse
from posthouse.model.options import PLAIN
from posthouse.smtp.events import MailFrom
from posthouse.smtp.grammar import MailParams


@pytest.mark.parametrize(
    ("parameter", "field", "promises", "optional"),
    [
        pytest.param(False, "", False, False, id="nothing said"),
        pytest.param(True, "", True, False, id="REQUIRETLS"),
        pytest.param(False, "TLS-Required: No\r\n", False, True, id="TLS-Required: No"),
        pytest.param(False, "tls-required:  NO \r\n", False, True, id="in any case"),
        pytest.param(False, "TLS-Required: Yes\r\n", False, False, id="only No means something"),
        pytest.param(True, "TLS-Required: No\r\n", True, False, id="REQUIRETLS goes first"),
    ],
)
def test_the_wish(parameter: bool, field: str, promises: bool, optional: bool) -> None:
    letter = parse(f"From: a@b.test\r\n{field}\r\nhello\r\n".encode())
    options = _with_tls_wishes(PLAIN, MailFrom(None, MailParams(promises_tls=parameter)), letter)
    assert (options.promises_tls, options.tls_optional) == (promises, optional)
    assert promises or optional or options is PLAIN
