"""Packs, amounts, limits and conditions: what lies in the package, and that it is what CMS published."""

import importlib.util
import json
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from caretide.kernel.errors import Invalid
from caretide.kernel.month import Month
from caretide.programs.conditions import load_conditions
from caretide.programs.fees import amount, total
from caretide.programs.limits import parse_limits, quarter_of
from caretide.programs.ruling import CodeUnits
from tests.programs.build import packs

DATA = Path(__file__).parents[2] / "src" / "caretide" / "programs" / "data"


def derivation(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("derive_packs", root / "script" / "derive_packs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.shared
def test_package_data_is_what_the_files_of_cms_give(root: Path, shared_data: Path) -> None:
    for name, text in derivation(root).derive(shared_data).items():
        assert (DATA / name).read_text("utf-8") == text, name


@pytest.mark.parametrize(
    ("code", "day", "facility", "cents"),
    [
        ("99490", date(2024, 3, 8), False, 6156),
        ("99490", date(2024, 3, 9), False, 6258),
        ("99490", date(2026, 10, 31), False, 6613),
        ("99490", date(2026, 10, 31), True, 4376),
        ("G0511", date(2025, 9, 30), False, 5467),
        ("G0511", date(2025, 10, 1), False, None),
        ("G0557", date(2024, 12, 31), False, None),
        ("G0557", date(2025, 1, 1), False, 4884),
        ("99490", date(2027, 1, 1), False, None),
        ("12345", date(2026, 1, 1), False, None),
    ],
)
def test_amount_follows_period_and_place(code: str, day: date, facility: bool, cents: int | None) -> None:
    assert amount(code, day, facility=facility, packs=packs()) == cents


def test_total_is_unknown_as_soon_as_one_amount_is() -> None:
    lines = (CodeUnits("99490", 1), CodeUnits("99439", 2))
    assert total(lines, date(2026, 5, 31), facility=False, packs=packs()) == 16701
    assert total((*lines, CodeUnits("12345", 1)), date(2026, 5, 31), facility=False, packs=packs()) is None


def test_codes_are_payable_from_their_first_day() -> None:
    def active(code: str, month: str) -> bool:
        rules = packs().at(Month.parse(month))
        assert rules is not None
        return code in rules.active

    assert [active("G0557", month) for month in ("2024-12", "2025-01")] == [False, True]
    assert [active("G0570", month) for month in ("2025-12", "2026-01")] == [False, True]
    assert [active("G0511", month) for month in ("2025-09", "2025-10")] == [True, False]


def test_exclusions_agree_with_the_edits_of_ncci() -> None:
    rules = packs().at(Month(2026, 5))
    assert rules is not None
    for ours in ("99490", "99487", "99491"):
        assert all(rules.pair(ours, other) == 0 for other in ("90960", "99424", "99426"))
    assert rules.pair("99490", "99491") == rules.pair("99424", "99426") == rules.pair("99491", "99091") == 0
    assert rules.pair("99487", "99214") == rules.pair("99426", "99214") == 1
    assert rules.pair("99490", "99214") is rules.pair("99490", "99495") is None


def test_limits_of_a_later_month_are_carried_forward_as_assumed() -> None:
    then, now = packs().at(Month(2024, 5)), packs().at(Month(2026, 5))
    assert then is not None
    assert now is not None
    assert (then.ladders["ccm_complex"].limit_assumed, now.ladders["ccm_complex"].limit_assumed) == (False, True)
    assert now.ladders["ccm_staff"].limit_source == "CPT"
    assert not now.ladders["ccm_staff"].limit_assumed


def test_loaded_limits_hold_from_their_quarter_on() -> None:
    ours = packs().with_limits(parse_limits('{"quarter": "2026Q3", "limits": {"99437": 4, "99439": 1}}'))
    before, after = ours.at(Month(2026, 6)), ours.at(Month(2026, 7))
    assert before is not None
    assert after is not None
    assert (before.ladders["ccm_practitioner"].limit, after.ladders["ccm_practitioner"].limit) == (2, 4)
    assert (after.ladders["ccm_staff"].limit, after.ladders["ccm_staff"].limit_source) == (1, "MUE of 2026Q3")
    assert after.ladders["ccm_complex"].limit == 10
    assert packs().at(Month(2026, 7)).ladders["ccm_practitioner"].limit == 2  # type: ignore[union-attr] -- July is covered


def test_limits_are_read_from_the_table_of_cms() -> None:
    table = (
        '"Copyright of the codes, a line above the header"\n'
        "HCPCS/CPT Code,Practitioner Services MUE Values,MUE Adjudication Indicator,MUE Rationale\n"
        "99489,10,3 Date of Service Edit: Clinical,Clinical: Data\n"
    )
    found = parse_limits("\ufeff" + table, quarter="2026-Q4", source="MUE file")
    assert (found.quarter, found.source) == ("2026Q4", "MUE file")
    assert (found.limits["99489"].units, found.limits["99489"].mai) == (10, 3)
    assert quarter_of(Month(2026, 10)) == "2026Q4"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the file is empty"),
        ("{", "line 1: not JSON"),
        ('{"quarter": "2026", "limits": {"99439": 2}}', "quarter: name the quarter"),
        ('{"quarter": "2026Q4"}', "limits: must be an object"),
        ('{"quarter": "2026Q4", "limits": []}', "limits: must be an object"),
        ('{"quarter": "2026Q4", "limits": {"99439": -1}}', "limits.99439: units must be a whole number"),
        ('{"quarter": "2026Q4", "limits": {"99439": true}}', "limits.99439: units must be a whole number"),
        ('{"quarter": "2026Q4", "limits": {"99439": [2, 9]}}', "limits.99439: the adjudication indicator"),
        ('{"quarter": "2026Q4", "limits": {"99439": [1, 2, 3]}}', "limits.99439: a list must hold"),
        ('{"quarter": "2026Q4", "limits": {"99439": {"unit": 2}}}', "limits.99439.unit: is not a known key"),
        ('{"quarter": "2026Q4", "limits": {"9943": 2}}', "is not a CPT or HCPCS code"),
        ('{"quarter": "2026Q4", "x": 1, "limits": {"99439": 2}}', "x: is not a known key"),
        ('{"quarter": "2026Q1", "limits": {"99439": 2}}', "quarter: the file is for 2026Q1, not 2026Q4"),
        ("nothing\nlike it", "line 1: no header"),
        ("hcpcs,mue\n", "there is no row"),
        ("hcpcs,mue,mai\n99439,2,2\n99489,x,3\n", "line 3: units must be a whole number"),
        ("hcpcs,mue,mai\n99439,2,7\n", "line 2: the adjudication indicator"),
        ("hcpcs,mue,mai\n99439,2\n", "line 2: too few columns"),
        ("hcpcs,mue\n99439,2\n99439,3\n", "line 3: 99439 stands there twice"),
        ("hcpcs,mue\n" + "9" * 200_000 + ",2\n", "line 2: not CSV"),
    ],
)
def test_faulty_table_of_limits_names_its_fault(text: str, fault: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_limits(text, quarter="2026Q4")
    assert fault in refused.value.message


def test_table_without_a_quarter_is_refused() -> None:
    with pytest.raises(Invalid, match="name the quarter"):
        parse_limits("hcpcs,mue\n99439,2\n")


@pytest.mark.shared
def test_chronic_conditions_agree_with_the_cohort(shared_data: Path) -> None:
    known = load_conditions()
    cohort: list[dict[str, Any]] = json.loads((shared_data / "fhir/synthea/patients_summary.json").read_text("utf-8"))
    for one in cohort:
        assert sorted(known.warehouse_categories(one["chronic_icd10"])) == one["ccw"]
        assert all(known.is_chronic(code) for code in one["chronic_icd10"])


def test_chronic_conditions_know_codes_in_either_spelling() -> None:
    known = load_conditions()
    assert known.chronic_categories(["E11.9", "i10", "E1121"]) == {"DIABETES", "HYPERT", "CHRNKDN"}
    assert known.chronic_categories(["E66.9"]) == {"OBESITY"}
    assert not any(known.is_chronic(code) for code in ("J20.9", "N39.0", "Z00.00", "", "X"))
    assert known.names["CHF"] == "Heart Failure"
