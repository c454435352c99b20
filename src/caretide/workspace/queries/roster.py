"""My day: who is on the roster, and the one reason why each is on the list."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from caretide.billing.queries import evidence
from caretide.billing.rules.evidence import Judged
from caretide.enrollment import queries as enrollment
from caretide.enrollment.rules import Eligibility, chronic_conditions
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.patients import queries as patients
from caretide.patients.models import Patient
from caretide.patients.rules import age
from caretide.rosters import queries as rosters
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries import ClinicRow
from caretide.time_log import queries as time_log
from caretide.ui.charts import MonthBar
from caretide.workspace.queries.chart import sex_letter
from caretide.workspace.queries.months import bar_of
from caretide.workspace.rules.day import Band, Reason, reason, working_days_left
from caretide.workspace.schemas.roster import MyDay, RosterCount, RosterRow

ROWS: Final = 50
FOUND: Final = 200
"""A search ends here; whoever looks for more than two hundred people types another letter."""
PREVIEW: Final = 10
"""How many of those not enrolled stand below the list; their own list has all."""
SHOWN_CONDITIONS: Final = 4

_IDS = bindparam("ids", type_=ARRAY(Uuid, dimensions=1))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the roster is looked at: a list by its key, people by name or number, and which page."""

    show: str = "all"
    query: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class _Enrolled:
    """A patient whose month was judged."""

    patient_id: UUID
    name: str
    program: str
    bar: MonthBar
    reason: Reason
    conditions: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Free:
    """A patient in no program."""

    patient_id: UUID
    eligible: bool
    reason: str


@dataclass(frozen=True, slots=True)
class _Roster:
    """Everybody, most urgent first, and those who are in no program, with the time zone of each patient's clinic."""

    enrolled: list[_Enrolled]
    free: list[_Free]
    zones: dict[UUID, ZoneInfo]


@requires(Permission.PATIENT_READ)
async def my_day(tx: Tx, wanted: Wanted) -> MyDay:
    """Return the roster: that of a coordinator, whom the wall shows no other, and else the whole tenant's."""
    clinics = await tenants.clinics(tx)
    query = wanted.query.strip()
    found = [line.id for line in await patients.search(tx, query, limit=FOUND)] if query else None
    roster = await _roster(tx, clinics, found)
    today = tx.now.astimezone(clinics[0].zone).date() if clinics else tx.now.date()
    show = wanted.show if wanted.show in _LISTS else "all"
    paged, preview = _lists(roster, show, searched=bool(query))
    pages = max(1, -(-len(paged) // ROWS))
    page = min(max(1, wanted.page), pages)
    part = paged[(page - 1) * ROWS : page * ROWS]
    rows = await _rows(tx, [*part, *(preview if page == 1 else ())], roster.zones)
    only_free = show == "candidates" and not query
    return MyDay(
        month=Month.of(today),
        today=today,
        working_days_left=working_days_left(today),
        counts=() if query else _counts(roster),
        show=show,
        query=query,
        rows=() if only_free else tuple(rows[: len(part)]),
        candidates=tuple(rows) if only_free else tuple(rows[len(part) :]),
        total=len(paged),
        free=len(roster.free),
        page=page,
        pages=pages,
        whole_tenant=not tx.actor.walled,
        may_import=Permission.PATIENT_IMPORT in tx.actor.permissions,
    )


_LISTS: Final = frozenset({"all", "consent", "held", "under", "candidates"})


def _lists(roster: _Roster, show: str, *, searched: bool) -> tuple[list[_Enrolled | _Free], list[_Free]]:
    """Return the list that is paged, and the beginning of another that stands below its first page."""
    if searched:
        return [*roster.enrolled, *roster.free], []
    if show == "candidates":
        return [*roster.free], []
    chosen = [one for one in roster.enrolled if show == "all" or _is_in(one, show)]
    return [*chosen], roster.free[:PREVIEW] if show == "all" else []


def _is_in(one: _Enrolled, show: str) -> bool:
    if show == "under":
        return not one.bar.reached
    return one.reason.band is (Band.CONSENT if show == "consent" else Band.HELD)


def _counts(roster: _Roster) -> tuple[RosterCount, ...]:
    def count(key: str) -> int:
        return sum(_is_in(one, key) for one in roster.enrolled)

    return (
        RosterCount(key="all", label="Enrolled", count=len(roster.enrolled)),
        RosterCount(key="consent", label="Consent", count=count("consent"), tone="bad"),
        RosterCount(key="held", label="Held", count=count("held"), tone="bad"),
        RosterCount(key="under", label="Under threshold", count=count("under"), tone="warn"),
        RosterCount(key="candidates", label="Not enrolled", count=len(roster.free)),
    )


async def _roster(tx: Tx, clinics: Sequence[ClinicRow], ids: Sequence[UUID] | None) -> _Roster:
    """Return everybody, or those of the patients named; each clinic by the calendar of its own place."""
    roster = _Roster([], [], {})
    for clinic in clinics:
        month = Month.of(tx.now.astimezone(clinic.zone).date())
        judged: dict[UUID, _Enrolled] = {}
        for one in await evidence.judged(tx, clinic, month, ids):
            row = _enrolled(one)
            known = judged.get(row.patient_id)
            # Two practitioners can each have a month of the same patient: the more urgent one speaks.
            judged[row.patient_id] = row if known is None else min(known, row, key=_urgency)
        free = await _free(tx, clinic, ids, judged.keys())
        roster.enrolled.extend(judged.values())
        roster.free.extend(free)
        roster.zones.update(dict.fromkeys([*judged, *(one.patient_id for one in free)], clinic.zone))
    roster.enrolled.sort(key=_urgency)
    roster.free.sort(key=lambda one: (not one.eligible, one.reason, one.patient_id))
    return roster


def _urgency(one: _Enrolled) -> tuple[Band, int, str, UUID]:
    """What is nearest to done comes first within its band: a short call finishes it."""
    return one.reason.band, one.reason.missing, one.name, one.patient_id


def _enrolled(judged: Judged) -> _Enrolled:
    chart, ruling, bar = judged.evidence.chart, judged.ruling, bar_of(judged)
    deceased = chart.is_deceased or chart.deceased_on is not None
    return _Enrolled(
        patient_id=chart.patient_id,
        name=f"{chart.family} {chart.given}",
        program=ruling.program,
        bar=bar,
        reason=reason(ruling.exceptions, bar.seconds, bar.thresholds, deceased=deceased),
        conditions=_conditions(one.icd10 for one in chart.diagnoses),
    )


def _conditions(icd10: Iterable[str]) -> str:
    lists = enrollment.chronic_lists()
    names = [lists.names[name] for name in chronic_conditions(list(icd10), lists)]
    more = f" +{len(names) - SHOWN_CONDITIONS}" if len(names) > SHOWN_CONDITIONS else ""
    return ", ".join(names[:SHOWN_CONDITIONS]) + more


async def _free(tx: Tx, clinic: ClinicRow, ids: Sequence[UUID] | None, enrolled: Container[UUID]) -> list[_Free]:
    """Return those in no program: whoever may be enrolled, and for a coordinator or a search everybody else too."""
    if ids is None and not tx.actor.walled:
        answers = await enrollment.candidates(tx, clinic.id)
    else:
        here = select(Patient.id).where(Patient.clinic_id == clinic.id)
        if ids is not None:
            here = here.where(Patient.id.in_(ids))
        answers = await enrollment.eligibility(tx, clinic.id, list((await tx.db.execute(here)).scalars()))
    return [_candidate(one, answer) for one, answer in answers.items() if one not in enrolled]


def _candidate(patient_id: UUID, answer: Eligibility) -> _Free:
    programs = [program for program in ("CCM", "PCM") if answer.of(program)]
    if programs:
        return _Free(patient_id=patient_id, eligible=True, reason=f"Eligible for {programs[0]}")
    against = [found for found in answer.reasons if found.ok is False] or [
        found for found in answer.reasons if found.ok is None
    ]
    text = against[0].text if against else "Not enrolled"
    return _Free(patient_id=patient_id, eligible=False, reason=text)


async def _rows(tx: Tx, shown: Sequence[_Enrolled | _Free], zones: dict[UUID, ZoneInfo]) -> list[RosterRow]:
    """Return the rows of one page: four statements, however many."""
    ids = [one.patient_id for one in shown]
    wanted = select(Patient.id, Patient.given, Patient.family, Patient.birth_date, Patient.sex)
    people = {row.id: row for row in (await tx.db.execute(wanted.where(Patient.id == any_(_IDS)), {"ids": ids})).all()}
    contacts = await time_log.last_contact(tx, ids)
    designated = await rosters.designated_as_of(tx, ids, tx.now)
    charts = await patients.diagnoses(tx, [one.patient_id for one in shown if isinstance(one, _Free)])
    rows: list[RosterRow] = []
    for one in shown:
        who, zone = people[one.patient_id], zones[one.patient_id]
        reached, coordinator = contacts.get(one.patient_id), designated.get(one.patient_id)
        rows.append(
            RosterRow(
                patient_id=one.patient_id,
                name=f"{who.given} {who.family}".strip(),
                age=_age(who.birth_date, tx, zone),
                sex=sex_letter(who.sex),
                conditions=_conditions(found.icd10 for found in charts.get(one.patient_id, ()))
                if isinstance(one, _Free)
                else one.conditions,
                last_contact=reached.astimezone(zone).date() if reached else None,
                coordinator=coordinator.name if coordinator else "",
                **_standing(one),
            )
        )
    return rows


def _age(birth_date: date, tx: Tx, zone: ZoneInfo) -> int:
    return age(birth_date, tx.now.astimezone(zone).date())


def _standing(one: _Enrolled | _Free) -> dict[str, Any]:
    """Return what differs between somebody enrolled and somebody who is not."""
    if isinstance(one, _Free):
        return {"reason": one.reason, "tone": "neutral"}
    return {"reason": one.reason.text, "tone": one.reason.tone, "program": one.program, "bar": one.bar}
