from collections.abc import Iterator
from typing import Any

import pytest

from caretide.programs.cases import answer, read_case, read_cases
from caretide.programs.evaluate import rule
from caretide.programs.ruling import Ruling
from tests.programs.build import CASES, examples, packs

EXAMPLES = examples()


def faults(expected: dict[str, Any], given: Ruling) -> Iterator[str]:
    """Yield what is wrong with an answer: codes exactly, exceptions included, no block added, seconds where given."""
    codes = [{"code": line.code, "units": line.units} for line in given.codes]
    if codes != expected["codes"]:
        yield f"codes {codes}"
    found = {(item.code.value, item.severity.value) for item in given.exceptions}
    wanted = {(item["code"], item["severity"]) for item in expected["exceptions"]}
    if missing := wanted - found:
        yield f"missing {missing}"
    if added := {pair for pair in found - wanted if pair[1] == "block"}:
        yield f"added {added}"
    if expected.get("countable_seconds", given.countable_seconds) != given.countable_seconds:
        yield f"countable {given.countable_seconds}"


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["id"] for example in EXAMPLES])
def test_example_gets_its_answer(example: dict[str, Any]) -> None:
    assert list(faults(example["expected"], rule(read_case(example).facts, packs()))) == []


def test_examples_are_read_as_one_list_in_order() -> None:
    cases, several = read_cases(CASES.read_bytes())
    assert several
    assert [case.id for case in cases] == [example["id"] for example in EXAMPLES]
    assert len(cases) == 57


def test_answer_has_the_promised_keys() -> None:
    case = read_case(EXAMPLES[0])
    given = answer(case, rule(case.facts, packs()))
    assert list(given) == ["id", "codes", "exceptions", "countable_seconds", "earliest_service_date"]
    assert set(given["exceptions"][0]) == {"code", "severity", "message"}


def test_every_message_is_one_line() -> None:
    for example in EXAMPLES:
        for item in rule(read_case(example).facts, packs()).exceptions:
            assert item.message
            assert "\n" not in item.message
