"""Patient-months for the tests of the rules: one plain CCM month, changed by dotted names."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

from caretide.programs.cases import read_case
from caretide.programs.evaluate import rule
from caretide.programs.month_facts import PatientMonth
from caretide.programs.packs import Packs, load_packs
from caretide.programs.ruling import Ruling

CASES = Path(__file__).with_name("cases.json")

BASE: dict[str, Any] = {
    "month": "2026-05",
    "program": "CCM",
    "provider_type": "physician_practice",
    "billing_practitioner": "NPI-A (physician, TIN-1)",
    "election": "auto",
    "requested_codes": None,
    "patient": {
        "coverage": "original_medicare_part_b",
        "qmb": False,
        "chronic_conditions": 2,
        "condition_min_months": 12,
        "high_risk": True,
        "deceased_on": None,
        "facility_stays": [],
        "hospice_elected": False,
        "home_health_episode": False,
    },
    "consent": {
        "program": "CCM",
        "status": "documented",
        "mode": "verbal",
        "obtained_on": "prior_month",
        "elements_complete": True,
        "practitioner": "NPI-A",
        "revoked_on": None,
    },
    "initiating_visit": {"required": False, "satisfied": True, "note": "seen within the year"},
    "care_plan": {"exists": True, "type": "comprehensive", "copy_given": True},
    "mdm": "low",
    "mdm_by": "billing_practitioner",
    "cehrt": True,
    "time_log": [],
    "other_claims": [],
    "rpm": None,
}
PCM: dict[str, Any] = {
    "program": "PCM",
    "consent.program": "PCM",
    "patient.chronic_conditions": 1,
    "patient.condition_min_months": 3,
    "care_plan.type": "disease_specific",
}
APCM: dict[str, Any] = {"program": "APCM", "consent.program": "APCM"}


@cache
def packs() -> Packs:
    """Return the packs, read once."""
    return load_packs()


def entry(minutes: float, role: str = "clinical_staff", **more: Any) -> dict[str, Any]:
    """Return a time entry of so many minutes."""
    who = "NPI-A" if role == "billing_practitioner" else "RN-1"
    return {"who": who, "role": role, "seconds": round(minutes * 60), "kind": "non_face_to_face", **more}


def claim(code: str, practitioner: str = "NPI-X", **more: Any) -> dict[str, Any]:
    """Return another claim of the month, by default somebody else's."""
    return {"code": code, "units": 1, "practitioner": practitioner, **more}


def month(changes: dict[str, Any] | None = None, **plain: Any) -> dict[str, Any]:
    """Return an input, by default 25:00 of staff time, with changes by dotted name."""
    found = copy.deepcopy(BASE)
    found["time_log"] = [entry(25)]
    for name, value in {**(changes or {}), **plain}.items():
        *folders, last = name.split(".")
        place = found
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = value
    return found


def facts(changes: dict[str, Any] | None = None, **plain: Any) -> PatientMonth:
    """Return the facts of such an input."""
    return read_case({"id": "T", "input": month(changes, **plain)}).facts


def judge(changes: dict[str, Any] | None = None, **plain: Any) -> Ruling:
    """Return the ruling on such an input."""
    return rule(facts(changes, **plain), packs())


def billed(ruling: Ruling) -> str:
    """Return claim lines as `99490 99439x2`."""
    return " ".join(line.code if line.units == 1 else f"{line.code}x{line.units}" for line in ruling.codes)


def named(ruling: Ruling) -> set[tuple[str, str]]:
    """Return the exceptions as pairs of code and severity."""
    return {(item.code.value, item.severity.value) for item in ruling.exceptions}


def examples() -> list[dict[str, Any]]:
    """Return the worked examples with the answer that each must get."""
    return json.loads(CASES.read_text("utf-8"))


def monitored(days: int, seconds: int, *, interactive: bool = True) -> dict[str, Any]:
    """Return a month of remote monitoring."""
    return {"days_with_data": days, "mgmt_seconds": seconds, "interactive": interactive}


OURS = {"practitioner": "NPI-A", "same_group": True}
SNF = [{"type": "SNF_part_A", "from": "2026-05-01", "to": "2026-05-14"}]
RPM = {"program": "CCM+RPM", "rpm": {"days_with_data": 18, "mgmt_seconds": 1200, "interactive": True}}
COMPLEX = {"election": "complex", "mdm": "moderate", "time_log": [entry(65)]}
