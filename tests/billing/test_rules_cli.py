"""`caretide rules evaluate`: what it prints, and what it says to input that does not fit."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from caretide.billing.cli import rules
from tests.programs.build import examples, month


def evaluate(name: str | Path, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(rules, ["evaluate", str(name)], input=given)


def test_list_gives_a_list_in_the_same_order(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(examples()), "utf-8")
    result = evaluate(file)
    assert result.exit_code == 0
    assert [one["id"] for one in json.loads(result.stdout)] == [one["id"] for one in examples()]


def test_one_case_gives_an_object_and_a_dash_reads_standard_input() -> None:
    result = evaluate("-", json.dumps({"id": "mine", "input": month()}))
    assert result.exit_code == 0
    assert json.loads(result.stdout)["codes"] == [{"code": "99490", "units": 1}]


def test_empty_list_gives_an_empty_list() -> None:
    assert json.loads(evaluate("-", "[]").stdout) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (json.dumps({"input": month({"time_log": [{}]})}), "input.time_log[0].who: is missing"),
        ("{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        ("[" * 50_000, "nested too deeply"),
        ('{"id": NaN}', "NaN"),
        (json.dumps({"input": {"\ud800\n": 1}}), "is not a known key"),
    ],
)
def test_bad_input_is_refused_in_one_line(given: str | bytes, said: str) -> None:
    result = evaluate("-", given)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name in (tmp_path / "none.json", tmp_path):
        result = evaluate(name)
        assert result.exit_code == 2
        assert str(name) in result.stderr.replace("\n", "")
        assert result.stderr.count("\n") == 1
        assert result.stdout == ""
