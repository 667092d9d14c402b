"""The world's bounces: the sample set of flufl.bounce, and how many of them we read right."""

from __future__ import annotations

import json
from pathlib import Path

from posthouse.mail.returned import read_returned
from posthouse.model.returned import BounceClass, Returned, ReturnedKind
from posthouse.rules.bounce_verdict import judged

CORPUS = Path(__file__).parents[2] / "corpora" / "flufl-bounce"
EXPECTED = json.loads((CORPUS / "expected.json").read_text())
# flufl.bounce finds nobody here, we do: the attached letter names its one recipient.
FOUND_BY_US_ONLY = {"simple_43.txt"}
# What these say, read by a person: class by file.
CLASSES = {
    "aol_01.txt": BounceClass.BLOCK,  # the user does not take mail from this sender
    "bounce_03.txt": BounceClass.SOFT,  # not collected in time
    "dsn_01.txt": BounceClass.SOFT,  # disk quota
    "dsn_02.txt": BounceClass.SOFT,  # 4.4.7
    "dsn_03.txt": BounceClass.SOFT,  # too large
    "exim_01.txt": BounceClass.HARD,
    "postfix_02.txt": BounceClass.SOFT,  # the name server's trouble
    "qmail_03.txt": BounceClass.HARD,
    "sendmail_01.txt": BounceClass.BLOCK,  # a loop
    "simple_01.txt": BounceClass.SOFT,
    "yahoo_01.txt": BounceClass.SOFT,  # no connection
    "yahoo_11.txt": BounceClass.HARD,
}


def returned(name: str) -> Returned:
    return judged(read_returned((CORPUS / name).read_bytes()))


def test_the_failing_recipient_is_found_in_95_of_100_samples() -> None:
    missed = []
    for name, expected in EXPECTED.items():
        found = {
            each.lower() for one in returned(name).recipients for each in (one.address, one.original) if each
        }
        wanted = {each.lower() for each in expected["addresses"]}
        if not wanted <= found or (not wanted and found and name not in FOUND_BY_US_ONLY):
            missed.append(f"{name}: {sorted(wanted)} but {sorted(found)}")
    print(f"found {len(EXPECTED) - len(missed)} of {len(EXPECTED)}")
    assert len(missed) <= len(EXPECTED) * 0.05, "\n".join(missed)


def test_final_and_temporary_are_told_apart_in_95_of_100_samples() -> None:
    wrong = []
    for name, expected in EXPECTED.items():
        if expected["addresses"]:
            is_temporary = returned(name).kind is ReturnedKind.DELAY
            if is_temporary != expected["temporary"]:
                wrong.append(f"{name}: {returned(name)}")
    print(f"right {len(EXPECTED) - len(wrong)} of {len(EXPECTED)}")
    assert len(wrong) <= len(EXPECTED) * 0.05, "\n".join(wrong)


def test_classes_are_those_a_person_reads() -> None:
    found = {name: returned(name).recipients[0].bounce_class for name in CLASSES}
    assert found == CLASSES
