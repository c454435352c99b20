"""Input that does not fit the public format: one line, the path, the fault."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caretide.kernel.errors import Invalid
from caretide.programs.cases import read_cases
from tests.programs.build import claim, entry, examples, month

STAY = {"type": "SNF_part_A", "from": "2026-05-09", "to": "2026-05-01"}


def fault(changes: dict[str, Any], *dropped: str) -> str:
    found = month(changes)
    for name in dropped:
        found.pop(name)
    with pytest.raises(Invalid) as refused:
        read_cases(json.dumps({"id": "T", "input": found}).encode())
    assert "\n" not in refused.value.message
    return refused.value.message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"time_log": [entry(1), entry(1), entry(-1)]}, "input.time_log[2].seconds: must be >= 0"),
        ({"time_log": [{**entry(1), "seconds": 1200.0}]}, "input.time_log[0].seconds: must be a whole number"),
        ({"time_log": [{**entry(1), "seconds": True}]}, "input.time_log[0].seconds: must be a whole number"),
        ({"time_log": [{**entry(1), "seconds": 10**12}]}, "input.time_log[0].seconds: must be <= 2678400"),
        ({"time_log": [{**entry(1), "minutes": 3}]}, "input.time_log[0].minutes: is not a known key"),
        ({"time_log": [entry(1, "nurse")]}, "input.time_log[0].role: must be one of clinical_staff"),
        ({"time_log": [entry(1, date="2026-5-1")]}, "input.time_log[0].date: must be a date written YYYY-MM-DD"),
        ({"time_log": [entry(1, date="2026-02-30")]}, "input.time_log[0].date: 2026-02-30 is not a day"),
        ({"time_log": [entry(1, date="20260501")]}, "input.time_log[0].date: must be a date"),
        ({"time_log": [entry(1, start="10:00")]}, "input.time_log[0].end: is missing"),
        ({"time_log": [entry(1, start="10:00", end="09:59")]}, "input.time_log[0].end: must not lie before start"),
        ({"time_log": [entry(1, start="24:00", end="24:01")]}, "input.time_log[0].start: must be HH:MM"),
        ({"time_log": [entry(20, start="10:00", end="10:10")]}, "input.time_log[0].seconds: 1200 seconds do not fit"),
        (
            {"time_log": [entry(1, date="2026-05-02", start="2026-05-01T10:00", end="2026-05-01T10:05")]},
            "input.time_log[0].date: does not agree with start",
        ),
        ({"time_log": {}}, "input.time_log: must be a list"),
        ({"time_log": [7]}, "input.time_log[0]: must be an object"),
        ({"month": "2026-13"}, "input.month: must be a month written YYYY-MM"),
        ({"month": "0000-01"}, "input.month: must lie in the years"),
        ({"month": 202605}, "input.month: must be a text"),
        ({"program": "XYZ"}, "input.program: must be CCM, PCM or APCM"),
        ({"program": "CCM+CCM"}, "input.program: must be"),
        ({"program": "RPM"}, "input.program: must be"),
        ({"election": "best"}, "input.election: must be one of auto"),
        ({"provider_type": None}, "input.provider_type: must be one of"),
        ({"billing_practitioner": "NPI-A"}, "input.billing_practitioner: must be an id with type and group"),
        ({"requested_codes": ["9949"]}, "input.requested_codes[0]: must be a CPT or HCPCS code"),
        ({"requested_codes": "99490"}, "input.requested_codes: must be a list"),
        ({"submitted_on": "9999-01-01"}, "input.submitted_on: must lie in the years"),
        ({"patient.coverage": "medicaid"}, "input.patient.coverage: must be one of"),
        ({"patient.qmb": "no"}, "input.patient.qmb: must be true or false"),
        ({"patient.age": 80}, "input.patient.age: is not a known key"),
        ({"patient.facility_stays": [STAY]}, "input.patient.facility_stays[0].to: must not lie before from"),
        ({"consent.obtained_on": "last month"}, "input.consent.obtained_on: must be a date written YYYY-MM-DD, prior"),
        ({"consent.status": "yes"}, "input.consent.status: must be one of"),
        ({"care_plan": {"exists": True}}, "input.care_plan.copy_given: is missing"),
        ({"practice": {"open": True}}, "input.practice.open: is not a known key"),
        ({"mdm": "extreme"}, "input.mdm: must be one of low, moderate, high"),
        ({"other_claims": [claim("99490", units=-1)]}, "input.other_claims[0].units: must be >= 0"),
        ({"other_claims": [claim("99490", dos="2026-99-01")]}, "input.other_claims[0].dos: 2026-99-01 is not a day"),
        ({"rpm": {"days_with_data": 40, "mgmt_seconds": 0, "interactive": True}}, "input.rpm.days_with_data: must be"),
        ({"a\nb": 1}, "input.['a\\nb']: is not a known key"),
        ({"mdm_by": "x" * 501}, "input.mdm_by: must be at most 500"),
    ],
)
def test_fault_is_named_with_its_path(changes: dict[str, Any], message: str) -> None:
    assert fault(changes).startswith(message)


@pytest.mark.parametrize("name", ["month", "program", "patient", "consent", "time_log", "cehrt"])
def test_missing_key_is_named(name: str) -> None:
    assert fault({}, name) == f"input.{name}: is missing"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not JSON: line 1, column 1"),
        (b"[1, 2", "not JSON: line 1"),
        (b"7", "cases: must be a case (an object) or a list"),
        (b"null", "cases: must be"),
        (b"[7]", "[0]: must be an object with an input"),
        (b"{}", "input: is missing"),
        (b'{"input": []}', "input: must be an object"),
        (b'{"id": [], "input": {}}', "id: must be a text"),
        (b'[{"input": {}}]', "[0].input.month: is missing"),
        (b'{"input": NaN}', "not JSON: NaN"),
        (b'{"id": -Infinity}', "not JSON: -Infinity"),
        (b'{"id": 1, "id": 2}', "not a case: key 'id' stands twice"),
        (b'{"id": ' + b"9" * 5000 + b"}", "not a case: a number has too many digits"),
        (b"[" * 100_000, "not a case: nested too deeply"),
        (b'{"id": "\xff"}', "not UTF-8 text: byte 8"),
        ("[]".encode("utf-16"), "not UTF-8 text"),
    ],
)
def test_text_that_is_no_case_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_cases(raw)
    assert refused.value.message.startswith(message)


def test_byte_order_mark_is_read_over() -> None:
    cases, several = read_cases(b"\xef\xbb\xbf" + json.dumps([{"id": 7, "input": month()}]).encode())
    assert several
    assert cases[0].id == 7


def test_lists_may_be_left_out_and_elements_are_then_present() -> None:
    found = month()
    for name in ("other_claims", "requested_codes", "rpm", "election", "mdm", "mdm_by"):
        del found[name]
    del found["patient"]["facility_stays"]
    [case], _ = read_cases(json.dumps([{"input": found}]).encode())
    assert case.id is None
    assert (case.facts.access_24_7, case.facts.other_claims) == (True, ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [before, *(path for key, one in inner for path in paths(one, (*before, key)))]


@given(st.data())
def test_any_change_of_any_value_is_read_or_refused(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(examples()))["input"]
    path = data.draw(st.sampled_from([path for path in paths(case) if path]))
    place: Any = case
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = data.draw(JSON)
    with contextlib.suppress(Invalid):
        read_cases(json.dumps({"input": case}).encode("utf-8", "surrogatepass"))
