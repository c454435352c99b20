"""What a coverage record proves: Part B is never guessed."""

from datetime import date

import pytest

from tests.tidegate.conftest import Json, Mapped
from tidegate.contract import When

SOPT = "https://nahdo.org/sopt"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
X12 = "urn:oid:2.16.840.1.113883.6.255.1336"


def coverage(code: tuple[str, str] | None, payor: str | None, plan: str | None = None) -> Json:
    return {
        "resourceType": "Coverage",
        "id": "v1",
        "status": "active",
        "beneficiary": {"reference": "Patient/ada"},
        "type": {"coding": [{"system": code[0], "code": code[1]}]} if code else {},
        "payor": [{"display": payor}] if payor else [],
        "class": [{"name": plan}] if plan else [],
    }


@pytest.mark.parametrize(
    ("code", "payor", "plan", "kind"),
    [
        ((SOPT, "1"), "Medicare Part B", None, "original_medicare_part_b"),
        (None, "Medicare Parts A and B", None, "original_medicare_part_b"),
        (None, "MEDICARE A&B", None, "original_medicare_part_b"),
        (None, "Medicare (Non-managed Care)", "Medicare Part A and Part B", "original_medicare_part_b"),
        (None, "Medicare (Managed Care)", None, "medicare_advantage"),
        (None, "Medicare Part A/B", None, "original_medicare_part_b"),
        (None, "Medicare", "Part A, B and D", "original_medicare_part_b"),
        ((X12, "MB"), "Noridian", None, "original_medicare_part_b"),
        (None, "Railroad Medicare Part B", None, "original_medicare_part_b"),
        ((SOPT, "1"), "Medicare Part A", None, "medicare_part_a_only"),
        (None, "Medicare Part A only, no Part B", None, "medicare_part_a_only"),
        ((X12, "MA"), None, None, "medicare_part_a_only"),
        ((SOPT, "111"), "Humana", None, "medicare_advantage"),
        ((ACT, "HMO"), "Aetna Medicare", None, "medicare_advantage"),
        (None, "UnitedHealthcare", "Medicare Advantage PPO", "medicare_advantage"),
        (None, "Medicare Part C", None, "medicare_advantage"),
        ((SOPT, "2"), "MassHealth", None, "medicaid"),
        ((ACT, "PUBLICPOL"), "Medicaid", "Medicaid Plan", "medicaid"),
        ((ACT, "HIP"), "Anthem", "Gold", "commercial"),
        ((SOPT, "5"), "Aetna", None, "commercial"),
        ((ACT, "HIP"), "Blue Cross Blue Shield", "Supplemental Medicare - BCBS", "commercial"),
        (None, "Mutual of Omaha", "Medigap Plan G", "commercial"),
        ((SOPT, "122"), "Silverscript", None, "other"),
        (None, "Medicare Part D", None, "other"),
        ((ACT, "WCBPOL"), "State fund", None, "other"),
        ((SOPT, "81"), None, None, "other"),
        # Not proven, or contradicting itself.
        ((ACT, "PUBLICPOL"), "Medicare", "Medicare Plan", "unknown"),
        ((SOPT, "1"), None, None, "unknown"),
        ((SOPT, "121"), "CMS", None, "unknown"),
        ((ACT, "PUBLICPOL"), None, None, "unknown"),
        ((SOPT, "14"), "Dual plan", None, "unknown"),
        (None, "Medicare and Medicaid", None, "unknown"),
        ((SOPT, "111"), "Medicare Part B", None, "unknown"),
        ((SOPT, "5"), "Medicare Part B", None, "unknown"),
        (None, "Medicare A and B, no Part B", None, "unknown"),
        (None, "Medicare, declined Part B", None, "unknown"),
        ((SOPT, "1"), "BCBS Medicare Supplement", None, "unknown"),
        ((SOPT, "99"), "Part B Insurance Company", None, "unknown"),
        (None, "Aetna", None, "unknown"),
        (None, None, None, "unknown"),
    ],
)
def test_kind_is_what_the_record_proves(
    mapped: Mapped, ada: Json, code: tuple[str, str] | None, payor: str | None, plan: str | None, kind: str
) -> None:
    (found,) = mapped({"a.ndjson": [ada, coverage(code, payor, plan)]}).patient.coverages
    assert found.kind == kind
    assert (found.payor_text, found.plan_text) == (payor, plan)


def test_payor_is_named_by_its_organization(mapped: Mapped, ada: Json) -> None:
    row = coverage((SOPT, "1"), None) | {"payor": [{"reference": "Organization/cms"}]}
    payor = {"resourceType": "Organization", "id": "cms", "name": "Medicare Part B"}
    (found,) = mapped({"a.ndjson": [ada, row], "b.ndjson": [payor]}).patient.coverages
    assert (found.kind, found.payor_text) == ("original_medicare_part_b", "Medicare Part B")


def test_patient_who_pays_is_other_and_not_named(mapped: Mapped, ada: Json) -> None:
    row = coverage(None, None) | {"payor": [{"reference": "Patient/ada", "display": "Ada King"}]}
    (found,) = mapped({"a.ndjson": [ada, row]}).patient.coverages
    assert (found.kind, found.payor_text) == ("other", None)


def test_period_status_and_subscriber_are_kept(mapped: Mapped, ada: Json) -> None:
    row = coverage(None, "Medicare Part B") | {
        "status": "cancelled",
        "order": 1,
        "period": {"start": "2015-12-01", "end": "9999-12-31"},
        "subscriberId": "1EG4TE5MK73",
    }
    (found,) = mapped({"a.ndjson": [ada, row]}).patient.coverages
    assert (found.status, found.order, found.subscriber_id) == ("cancelled", 1, "1EG4TE5MK73")
    assert (found.start, found.end) == (When(day=date(2015, 12, 1)), None)
