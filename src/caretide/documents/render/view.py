"""What the monthly record says: the facts in words, section by section. The template only lays them out.

A fact is a pair of label and value; a value of None is printed as not recorded, never left out.
"""

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from caretide.documents.render.text import Tree
from caretide.documents.render.words import day, duration, moment, month, plural
from caretide.documents.schemas import Attestation, Consent, MonthlyRecord, Ruling, TimeEntry
from caretide.kernel.money import dollars

_NO_DATE: Final = "–"

Pair = tuple[str, str | None]
"""A fact: its label and its value."""


def record_view(record: MonthlyRecord) -> Tree:
    """Return everything the template prints, as JSON."""
    zone = ZoneInfo(record.clinic.time_zone)
    return {
        "title": f"Monthly record: {record.program_name}, {month(record.month)}",
        "month": month(record.month),
        "program": record.program_name,
        "clinic": {"name": record.clinic.name, "lines": [record.clinic.address, record.clinic.phone]},
        "patient": record.patient.name,
        "footer": _footer(record),
        "generated": record.generated,
        "provisional": _provisional(record),
        "who": _who(record),
        "answer": _answer(record.ruling),
        "codes": _codes(record.ruling),
        "terms": _terms(record),
        "findings": [
            {"severity": finding.severity, "code": finding.code, "message": finding.message}
            for finding in record.findings
        ],
        "eligibility": _eligibility(record),
        "consent": _consent(record.consent, zone),
        "requirements": _requirements(record),
        "entries": _entries(record, zone),
        "totals": _totals(record),
        "concurrency": [
            [check.service, check.source, day(check.checked_on), check.result, check.clear]
            for check in record.concurrency
        ],
        "stays": [[stay.kind, day(stay.start), day(stay.end) if stay.end else "Ongoing"] for stay in record.stays],
        "review": f"{record.review.by}, {moment(record.review.at.astimezone(zone))}" if record.review else None,
        "amendments": [[moment(item.at.astimezone(zone)), item.by, item.change] for item in record.amendments],
        "basis": _basis(record, zone),
        "citations": [*record.citations],
    }


def _footer(record: MonthlyRecord) -> str:
    number = f"MRN {record.patient.mrn}" if record.patient.mrn else f"born {day(record.patient.birth_date)}"
    return f"{record.patient.name} · {number} · {record.program} {month(record.month)}"


def _provisional(record: MonthlyRecord) -> str | None:
    if not record.provisional:
        return None
    return f"No rule pack covers this month yet. It was ruled by {record.rule_pack} and cannot be released."


def _who(record: MonthlyRecord) -> list[list[Pair]]:
    """Two columns: the patient, and the practitioner."""
    return [
        [
            ("Patient", record.patient.name),
            ("Date of birth", day(record.patient.birth_date)),
            ("Medicare number (MBI)", record.patient.mbi),
            ("Medical record number", record.patient.mrn),
        ],
        [
            ("Billing practitioner", record.practitioner.name),
            ("NPI", record.practitioner.npi),
            ("Type", record.practitioner.kind),
            ("Billing group", record.clinic.billing_group),
        ],
    ]


def _answer(ruling: Ruling) -> Tree:
    """The headline: counted time, the month bar, and what it comes to."""
    short = [f"{line.code} × {line.units}" for line in ruling.codes]
    return {
        "time": duration(ruling.countable_seconds),
        "codes": short,
        "family": ruling.family,
        "bar": _bar(ruling),
    }


def _bar(ruling: Ruling) -> Tree:
    """The month bar in thousandths of its width, with the same in words for those who cannot see it."""
    if not ruling.thresholds:
        return None
    ends = sorted(ruling.thresholds, key=lambda threshold: threshold.seconds)
    whole = ends[-1].seconds
    reached = [threshold.label for threshold in ends if threshold.seconds <= ruling.countable_seconds]
    said = f"reached: {', '.join(reached)}" if reached else "no threshold reached"
    return {
        "filled": min(1000, ruling.countable_seconds * 1000 // whole),
        "ticks": [{"at": end.seconds * 1000 // whole, "label": end.label} for end in ends],
        "alt": f"Counted time {duration(ruling.countable_seconds)}; {said}.",
    }


def _codes(ruling: Ruling) -> Tree:
    amounts = [None if line.unit_cents is None else line.units * line.unit_cents for line in ruling.codes]
    known = [amount for amount in amounts if amount is not None]
    return {
        "rows": [
            [
                line.code,
                line.name,
                str(line.units),
                "Not known" if line.unit_cents is None else dollars(line.unit_cents),
                "Not known" if amount is None else dollars(amount),
            ]
            for line, amount in zip(ruling.codes, amounts, strict=True)
        ],
        "total": dollars(sum(known)) if known and len(known) == len(amounts) else "Not known",
        "note": ruling.amount_note,
    }


def _terms(record: MonthlyRecord) -> list[Pair]:
    ruling = record.ruling
    terms: list[Pair] = [("Code family", ruling.family or "None"), ("Election", ruling.election)]
    if ruling.codes:
        terms += [
            ("Service date", _day(ruling.service_date)),
            ("Place of service", ruling.place_of_service),
            ("Diagnoses", ", ".join(ruling.diagnoses) or None),
        ]
    if record.decision_making is not None:
        decision = record.decision_making
        terms.append(("Decision making", f"{decision.level}, {day(decision.on)}, by {decision.by}"))
    terms.append(("Supervision", record.supervision))
    return terms


def _eligibility(record: MonthlyRecord) -> Tree:
    if record.eligibility is None:
        return {"statement": None, "conditions": []}
    return {
        "statement": record.eligibility.statement,
        "conditions": [[condition.icd10, condition.name] for condition in record.eligibility.conditions],
    }


def _consent(consent: Consent | None, zone: ZoneInfo) -> Tree:
    if consent is None:
        return None
    revoked = f"Revoked {day(consent.revoked_on)}" if consent.revoked_on else "In force"
    facts: list[Pair] = [
        ("Given", moment(consent.given_at.astimezone(zone))),
        ("How", consent.mode),
        ("Obtained by", consent.obtained_by),
        *_recorded(consent, zone),
        ("For practitioner", consent.practitioner),
        ("Script", consent.script_version),
        ("Status", revoked),
    ]
    return {"facts": facts, "disclosures": [*consent.disclosures]}


def _recorded(consent: Consent, zone: ZoneInfo) -> list[Pair]:
    """When and by whom the consent was entered: an auditor sees what was dated back."""
    if consent.recorded_at is None:
        return []
    by = f", {consent.recorded_by}" if consent.recorded_by else ""
    return [("Entered", f"{moment(consent.recorded_at.astimezone(zone))}{by}")]


def _requirements(record: MonthlyRecord) -> list[list[str | None]]:
    """Rows of requirement, what is recorded, and since when or on what day."""
    visit, plan = record.initiating_visit, record.care_plan
    given = plan is not None and plan.copy_given_on is not None
    return [
        ["Initiating visit", visit.kind, day(visit.on)] if visit else ["Initiating visit", None, _NO_DATE],
        ["Care plan", f"{plan.kind}, version {plan.version}", day(plan.dated)]
        if plan
        else ["Care plan", None, _NO_DATE],
        ["Copy of the plan given", plan.copy_given_how, _day(plan.copy_given_on)]
        if plan and given
        else ["Copy of the plan given", None, _NO_DATE],
        _attested("Access around the clock", record.access_24_7),
        _attested("Designated contact", record.designated_contact),
        _attested("Certified EHR", record.certified_ehr),
    ]


def _attested(requirement: str, attestation: Attestation | None) -> list[str | None]:
    if attestation is None:
        return [requirement, None, _NO_DATE]
    dates = [
        f"{word} {day(value)}"
        for word, value in (("since", attestation.effective_on), ("checked", attestation.checked_on))
        if value is not None
    ]
    statement = attestation.statement if attestation.met else f"Not met: {attestation.statement}"
    return [requirement, statement, ", ".join(dates) or None]


def _entries(record: MonthlyRecord, zone: ZoneInfo) -> Tree:
    ordered = sorted(record.entries, key=lambda entry: (entry.started_at, entry.ended_at))
    counted = sum(1 for entry in ordered if entry.counted_seconds)
    return {
        "summary": f"{plural(len(ordered), 'entry', 'entries')}, {counted} counted. Times are in {zone.key}.",
        "rows": [_entry(entry, zone) for entry in ordered],
    }


def _entry(entry: TimeEntry, zone: ZoneInfo) -> Tree:
    start, end = entry.started_at.astimezone(zone), entry.ended_at.astimezone(zone)
    if entry.counted_seconds == entry.seconds:
        counts = "Yes"
    elif entry.counted_seconds:
        counts = f"{duration(entry.counted_seconds)} of it"
    else:
        counts = "No"
    return {
        "day": _short_day(start),
        "start": f"{start:%H:%M:%S}",
        "end": f"{end:%H:%M:%S}",
        "time": duration(entry.seconds),
        "person": f"{entry.person}, {entry.credential}",
        "employer": entry.employer,
        "activity": entry.activity,
        "late": entry.late,
        "program": entry.program,
        "counts": counts,
        "reason": entry.reason,
        "uncounted": entry.counted_seconds == 0,
    }


def _totals(record: MonthlyRecord) -> Tree:
    before = sum(total.before for total in record.totals)
    after = sum(total.after for total in record.totals)
    return {
        "rows": [
            [total.role, duration(total.before), duration(total.before - total.after), duration(total.after)]
            for total in record.totals
        ],
        "sum": ["All roles", duration(before), duration(before - after), duration(after)],
    }


def _basis(record: MonthlyRecord, zone: ZoneInfo) -> list[Pair]:
    basis: list[Pair] = [
        ("Rules", record.rule_pack),
        ("Service month ends", f"{moment(record.as_of.astimezone(zone))} {zone}"),
    ]
    if record.supersedes:
        basis.append(("Supersedes", record.supersedes))
    return basis


def _day(value: date | datetime | None) -> str | None:
    return None if value is None else day(value)


def _short_day(value: datetime) -> str:
    return day(value).rpartition(",")[0]
