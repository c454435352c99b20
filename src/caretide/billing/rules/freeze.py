"""A judged month as the rows that are written and never changed."""

import hashlib
from dataclasses import dataclass
from typing import Any

from caretide.billing.rules.evidence import Judged
from caretide.billing.rules.record import FACILITY_PLACES, monthly_record
from caretide.documents.schemas import canonical
from caretide.programs.fees import amount
from caretide.programs.limits import LimitSet
from caretide.programs.packs import Packs
from caretide.programs.ruling import Ruling


@dataclass(frozen=True, slots=True)
class Frozen:
    """Column values of a patient-month, its claim lines and its exceptions; ids are given when they are written."""

    month: dict[str, Any]
    lines: list[dict[str, Any]]
    exceptions: list[dict[str, Any]]


def freeze(judged: Judged, packs: Packs) -> Frozen:
    """Return what is written of a patient-month."""
    evidence, ruling = judged.evidence, judged.ruling
    facts = canonical(monthly_record(judged, packs))
    month = {
        "patient_id": evidence.chart.patient_id,
        "clinic_id": evidence.clinic.id,
        "practitioner_id": evidence.practitioner.id,
        "program": evidence.program,
        "service_month": evidence.month.first,
        "status": "ready" if is_ready(ruling) else "blocked",
        "countable_seconds": ruling.countable_seconds,
        "facts": facts,
        "facts_hash": hashlib.sha256(facts).hexdigest(),
        "ruling": {"family": ruling.family, "pack": ruling.pack},
        "document_id": None,
    }
    exceptions = [
        {
            "position": place,
            "code": found.code,
            "severity": found.severity,
            "message": found.message,
            "fact": found.fact,
        }
        for place, found in enumerate(ruling.exceptions)
    ]
    return Frozen(month, _lines(judged, packs), exceptions)


def is_ready(ruling: Ruling) -> bool:
    """Whether the month bills: codes were earned, nothing blocks, and a rule pack of its own covers it."""
    return bool(ruling.codes) and not ruling.blocked and not ruling.provisional


def claim_lines(judged: Judged, packs: Packs) -> list[tuple[str, int, int | None]]:
    """Return code, units and national amount in cents of each line; none for a month that does not bill."""
    ruling, day = judged.ruling, judged.ruling.earliest_service_date
    if not is_ready(ruling) or day is None:
        return []
    facility = judged.evidence.clinic.place_of_service in FACILITY_PLACES
    lines: list[tuple[str, int, int | None]] = []
    for line in ruling.codes:
        one = amount(line.code, day, facility=facility, packs=packs)
        lines.append((line.code, line.units, None if one is None else one * line.units))
    return lines


def _lines(judged: Judged, packs: Packs) -> list[dict[str, Any]]:
    return [
        {
            "position": position,
            "code": code,
            "units": units,
            "service_date": judged.ruling.earliest_service_date,
            "place_of_service": judged.evidence.clinic.place_of_service,
            "amount_cents": cents,
        }
        for position, (code, units, cents) in enumerate(claim_lines(judged, packs))
    ]


def limits_as_json(limits: LimitSet) -> dict[str, Any]:
    """Return loaded limits in the form of the package's own data."""
    table = {code: [limit.units, limit.mai] for code, limit in sorted(limits.limits.items())}
    return {"quarter": limits.quarter, "source": limits.source, "limits": table}
