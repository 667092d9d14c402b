"""`X-Mailgun-Template-…`: a stored template as the body.

Documented: name, version and variables; these variables beat those of `X-Mailgun-Variables`. Names and
versions are stored in lower case (observed); the store compares names so, ids as they are.
`X-Mailgun-Template-Text` is `t:text` of the HTTP interface, which has no documented header.

Public: read_template.
"""

from __future__ import annotations

from posthouse.dialects.dialect import TemplateUse
from posthouse.dialects.mailgun.headers import Found, Reading, bad_parameter, refusal
from posthouse.dialects.mailgun.json_header import object_of
from posthouse.dialects.mailgun.table import flag
from posthouse.dialects.mailgun.times import BadValue
from posthouse.model.errors import Refused

NAME = "X-Mailgun-Template-Name"
VERSION = "X-Mailgun-Template-Version"
TEXT = "X-Mailgun-Template-Text"
VARIABLES = "X-Mailgun-Template-Variables"
_NAMES = frozenset({each.lower() for each in (NAME, VERSION, TEXT, VARIABLES)})


def read_template(reading: Reading) -> None:
    """The template is looked up later; whatever is wrong with it then refuses the letter."""
    if _NAMES.isdisjoint(reading.names):
        reading.set("template_vars", {}, "")
        return
    name = reading.last_with_text(NAME)
    version, text, variables = [reading.last_with_text(each) for each in (VERSION, TEXT, VARIABLES)]
    given = object_of(variables.header.raw) if variables else {}
    if given is None:
        raise refusal("'t:variables' parameter is not a valid JSON")
    if name is None:
        for found in (version, text, variables):
            if found:
                reading.tell(found, f"not used: there is no {NAME}", is_warning=True)
        reading.set("template_vars", {}, "")
        return
    reading.tell(name, "the body is made from this template")
    if version:
        reading.tell(version, "this version of the template")
    if variables:
        known = reading.wishes.values.get("template_vars", {})
        reading.set("template_vars", known | given, variables.header.title)
        reading.tell(variables, "values of the template")
    reading.wishes.template = TemplateUse(
        name.text, trouble, version.text.lower() if version else "", _wants_text(text, reading)
    )


def trouble(sentence: str) -> Refused:
    """No such template, or one that cannot be rendered: the letter would have the wrong body."""
    return Refused(554, "5.6.0", sentence, reason="template")


def _wants_text(found: Found | None, reading: Reading) -> bool:
    if found is None:
        return False
    try:
        wants_text = bool(flag(found.text, reading.context))
    except BadValue as error:
        if found.header.is_parameter:
            raise bad_parameter(found, error) from error
        reading.tell(found, f"ignored: {error}", is_warning=True)
        return False
    reading.tell(found, "a plain part is made too" if wants_text else "no plain part is made")
    return wants_text
