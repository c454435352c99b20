"""My day: who is on the roster, and the one reason why each is on the list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import any_, bindparam, select

from caretide.billing.queries import candidates, freshness, standings
from caretide.billing.queries.freshness import Overlay
from caretide.billing.queries.scopes import Scope
from caretide.billing.queries.standings import Listed
from caretide.billing.rules.standing import Band, Kind, Standing, Sums, condition_names
from caretide.enrollment import queries as enrollment
from caretide.enrollment.rules import PROGRAMS, Eligibility
from caretide.kernel.errors import NotFound
from caretide.kernel.ids import parse_id
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.outreach.queries import call_backs, month_attempts
from caretide.outreach.rules import progress
from caretide.outreach.schemas import MonthAttempts
from caretide.patients import queries as patients
from caretide.patients.models import Patient
from caretide.patients.rules import age
from caretide.rosters import queries as rosters
from caretide.rosters.rules import CoverRow, DutyRow
from caretide.runtime.access import requires
from caretide.runtime.db import Ids
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries import ClinicRow
from caretide.time_log import queries as time_log
from caretide.ui.charts import MonthBar
from caretide.ui.filters import moment, time_of_day
from caretide.ui.forms import Option
from caretide.workspace.queries.chart import sex_letter
from caretide.workspace.rules.day import working_days_left
from caretide.workspace.schemas.roster import SORTS, CallDue, Choice, MyDay, RosterCount, RosterRow

ROWS: Final = 50
FOUND: Final = 200
"""A search ends here; whoever looks for more than two hundred people types another letter."""
PREVIEW: Final = 10
"""How many of those not enrolled stand below the list; their own list has all."""
LISTS: Final[Mapping[str, Listed]] = {
    "all": Listed(leads=True),
    "consent": Listed(leads=True, bands=frozenset({Band.CONSENT})),
    "held": Listed(leads=True, bands=frozenset({Band.HELD})),
    "under": Listed(leads=True, under=True),
}
"""The lists of the enrolled, by key."""

_IDS = bindparam("ids", type_=Ids())
_FREE = select(Patient.id, Patient.clinic_id, Patient.name_key).where(Patient.id == any_(_IDS))
_PEOPLE = select(Patient.id, Patient.given, Patient.family, Patient.birth_date, Patient.sex).where(
    Patient.id == any_(_IDS)
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the roster is looked at: a choice, and people by name or number."""

    choice: Choice = field(default_factory=Choice)
    query: str = ""


@dataclass(frozen=True, slots=True)
class _Free:
    """Somebody in no program: the program that the chart allows, or none."""

    patient_id: UUID
    clinic_id: UUID
    program: str = ""


@dataclass(frozen=True, slots=True)
class _View:
    """What is looked at: the clinics, whose standings, what changed since, and for named patients who is free."""

    clinics: tuple[ClinicRow, ...]
    scope: Scope
    over: Overlay
    live: tuple[candidates.CandidateRow, ...]
    named: tuple[_Free, ...] | None
    choice: Choice

    @property
    def clinic_id(self) -> UUID | None:
        """The one clinic that is looked at; None for all."""
        return parse_id(self.choice.clinic) if self.choice.clinic else None


@requires(Permission.PATIENT_READ, reads(Data.DEMOGRAPHICS, Data.MONTH, Data.TIME, Data.ATTEMPTS))
async def my_day(tx: Tx, wanted: Wanted) -> MyDay:
    """Return the roster: that of a coordinator, whom the wall shows no other, and else the whole tenant's."""
    everywhere = await tenants.clinics(tx)
    query = wanted.query.strip()
    theirs = await _theirs(tx)
    view = await _look(tx, everywhere, theirs.narrowed(_known(wanted.choice)), query)
    choice = view.choice
    today = tx.now.astimezone(everywhere[0].zone).date() if everywhere else tx.now.date()
    counted = await standings.counts(tx, view.scope, view.over)
    numbers = {key: _number(key, counted, choice.program) for key in LISTS}
    free = (
        await candidates.count(tx, view.over, view.live, clinic_id=view.clinic_id)
        if view.named is None
        else len(view.named)
    )
    total = numbers["all"] + free if query else free if choice.show == "candidates" else numbers[choice.show]
    pages = max(1, -(-total // ROWS))
    page = min(max(1, choice.page), pages)
    shown, loose = await _part(tx, view, page, searched=bool(query), enrolled=numbers["all"])
    rows = await _rows(tx, view.clinics, shown, loose)
    only_free = choice.show == "candidates" and not query
    cut = len(rows) if query else len(shown)
    return MyDay(
        month=Month.of(today),
        today=today,
        working_days_left=working_days_left(today),
        counts=() if query else _counts(numbers, free),
        choice=replace(choice, page=page),
        query=query,
        rows=() if only_free else tuple(rows[:cut]),
        candidates=tuple(rows) if only_free else tuple(rows[cut:]),
        total=total,
        free=free,
        page=page,
        pages=pages,
        whole_tenant=not tx.actor.walled,
        may_import=Permission.PATIENT_IMPORT in tx.actor.permissions,
        waiting=view.over.waiting,
        clinics=tuple(Option(str(one.id), one.name) for one in everywhere) if len(everywhere) > 1 else (),
        programs=tuple(Option(one, one) for one in PROGRAMS),
        coordinators=theirs.options if tx.actor.walled else await _coordinators(tx, choice.coordinator),
        covering=theirs.covering,
        on_duty=theirs.on_duty,
        away=theirs.away,
        may_break_glass=await rosters.may_break_glass(tx),
        calls=() if query else await _calls(tx, theirs, everywhere),
    )


async def _calls(tx: Tx, theirs: "_Theirs", clinics: Sequence[ClinicRow]) -> tuple[CallDue, ...]:
    """Return the calls that are due by today to patients of the acting member, and of those whom they cover for."""
    if theirs.member_id is None:
        return ()
    zones = {one.id: one.zone for one in clinics}
    whose = (theirs.member_id, *(one.absent_id for one in theirs.covering))
    asked = [one for member_id in whose for one in await call_backs(tx, member_id, tx.now + timedelta(days=1))]
    found: list[CallDue] = []
    for one in sorted(asked, key=lambda one: one.due_at):
        zone = zones[one.clinic_id]
        due, today = one.due_at.astimezone(zone).date(), tx.now.astimezone(zone).date()
        if due <= today:
            when = time_of_day(one.due_at, zone) if due == today else moment(one.due_at, zone)
            found.append(CallDue(patient_id=one.patient_id, name=one.name, when=when, late=one.due_at <= tx.now))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Theirs:
    """Whose patients somebody behind the wall sees: their own, those of rosters they cover, of clinics on duty."""

    member_id: UUID | None = None
    covering: tuple[CoverRow, ...] = ()
    on_duty: tuple[DutyRow, ...] = ()
    away: CoverRow | None = None

    @property
    def options(self) -> tuple[Option, ...]:
        """What their list can be narrowed to; nothing where there is but one roster."""
        covered = {str(one.absent_id): one.absent for one in self.covering}
        clinics = {str(one.clinic_id): f"On duty: {one.clinic}" for one in self.on_duty}
        if not covered and not clinics:
            return ()
        return tuple(Option(*one) for one in ((str(self.member_id), "My own"), *covered.items(), *clinics.items()))

    def narrowed(self, choice: Choice) -> Choice:
        """Return a choice by what there is: who is on duty may look at all patients of the clinic."""
        if self.member_id is None:
            return choice
        if choice.coordinator not in {one.value for one in self.options}:
            return replace(choice, coordinator="")
        is_clinic = any(str(one.clinic_id) == choice.coordinator for one in self.on_duty)
        return replace(choice, clinic=choice.coordinator) if is_clinic else choice


async def _theirs(tx: Tx) -> _Theirs:
    """Return whose patients the acting member sees beside their own; of nobody for those who see everybody."""
    if not tx.actor.walled:
        return _Theirs()
    covering, on_duty = await rosters.covering(tx), await rosters.my_duties(tx)
    clinics = {one.clinic_id: one for one in on_duty}
    return _Theirs(tx.member_id, tuple(covering), tuple(clinics.values()), await rosters.my_cover(tx))


def _known(choice: Choice) -> Choice:
    """Return a choice without what there is not."""
    show = choice.show if choice.show in {*LISTS, "candidates"} else "all"
    return replace(choice, show=show, sort=choice.sort if choice.sort in SORTS else "urgency")


async def _look(tx: Tx, everywhere: Sequence[ClinicRow], choice: Choice, query: str) -> _View:
    clinics = tuple(one for one in everywhere if choice.clinic in {"", str(one.id)})
    if choice.clinic and not clinics:
        raise NotFound
    months = await freshness.present(tx, clinics)
    scope = Scope(months, await _named(tx, choice, query), is_whole=not choice.clinic)
    over = await freshness.overlay(tx, scope)
    live = tuple(await candidates.judged(tx, clinics, over.stale)) if over.stale else ()
    free = None if scope.patients is None else await _free(tx, scope, over, live)
    return _View(clinics, scope, over, live, free, choice)


async def _named(tx: Tx, choice: Choice, query: str) -> tuple[UUID, ...] | None:
    """Return the patients that a search or a roster names; None for the whole tenant."""
    if query:
        return tuple(line.id for line in await patients.search(tx, query, limit=FOUND))
    if not tx.actor.walled:
        return tuple(await rosters.panel(tx, parse_id(choice.coordinator))) if choice.coordinator else None
    if choice.coordinator and choice.coordinator == choice.clinic:
        # On duty for a clinic they see all of it.
        return None
    return tuple(await rosters.my_roster(tx, [parse_id(choice.coordinator)] if choice.coordinator else []))


def _number(key: str, counted: Mapping[Kind, Sums], program: str) -> int:
    """Return how long a list is."""
    listed = LISTS[key]
    return sum(
        sums.under if listed.under else sums.patients
        for kind, sums in counted.items()
        if program in {"", kind.program} and (not listed.bands or kind.band in listed.bands)
    )


def _counts(numbers: Mapping[str, int], free: int) -> tuple[RosterCount, ...]:
    return (
        RosterCount(key="all", label="Enrolled", count=numbers["all"]),
        RosterCount(key="consent", label="No consent", count=numbers["consent"], tone="bad"),
        RosterCount(key="held", label="Held", count=numbers["held"], tone="bad"),
        RosterCount(key="under", label="Under threshold", count=numbers["under"], tone="warn"),
        RosterCount(key="candidates", label="Not enrolled", count=free),
    )


async def _coordinators(tx: Tx, chosen: str) -> tuple[Option, ...]:
    found = await rosters.designees(tx, parse_id(chosen) if chosen else None)
    return tuple(Option(str(member_id), name) for member_id, name in found)


async def _part(tx: Tx, view: _View, page: int, *, searched: bool, enrolled: int) -> tuple[list[Standing], list[_Free]]:
    """Return a page of the enrolled, and of those who are not: after them in a search, a few below the first page."""
    start, choice = (page - 1) * ROWS, view.choice
    if choice.show == "candidates" and not searched:
        return [], await _loose(tx, view, start, ROWS)
    listed = LISTS["all" if searched else choice.show]
    order = next(name for name in SORTS if name == choice.sort)
    wanted = replace(listed, order=order, program=choice.program, start=start, size=ROWS)
    shown = await standings.page(tx, view.scope, view.over, wanted)
    if searched:
        return shown, await _loose(tx, view, max(0, start - enrolled), ROWS - len(shown))
    preview = choice.show == "all" and page == 1
    return shown, await _loose(tx, view, 0, PREVIEW) if preview else []


async def _loose(tx: Tx, view: _View, start: int, size: int) -> list[_Free]:
    if view.named is not None:
        return list(view.named[start : start + size])
    found = await candidates.page(tx, view.over, view.live, start, size, clinic_id=view.clinic_id)
    return [_Free(one.patient_id, one.clinic_id, one.program) for one in found]


async def _free(tx: Tx, scope: Scope, over: Overlay, live: Sequence[candidates.CandidateRow]) -> tuple[_Free, ...]:
    """Return those of the patients named who are in no program: who could be enrolled first, then by name."""
    enrolled = await freshness.enrolled(tx, scope)
    others = [one for one in scope.patients or () if one not in enrolled]
    here = {one.clinic.id for one in scope.months}
    people = (await tx.db.execute(_FREE, {"ids": others})).all() if others else ()
    loose = [row for row in people if row.clinic_id in here]
    stored = await candidates.of(tx, [row.id for row in loose], over) if loose else []
    programs = {one.patient_id: one.program for one in (*stored, *live)}
    ordered = sorted(loose, key=lambda row: (row.id not in programs, programs.get(row.id, ""), row.name_key, row.id))
    return tuple(_Free(row.id, row.clinic_id, programs.get(row.id, "")) for row in ordered)


async def _rows(
    tx: Tx, clinics: Sequence[ClinicRow], shown: Sequence[Standing], loose: Sequence[_Free]
) -> list[RosterRow]:
    """Return the rows of one page: three statements, and a few more where somebody is not enrolled."""
    ids = [one.patient_id for one in (*shown, *loose)]
    tx.touch(*ids)
    people = {row.id: row for row in (await tx.db.execute(_PEOPLE, {"ids": ids})).all()}
    designated = await rosters.designated_as_of(tx, ids, tx.now)
    zones = {clinic.id: clinic.zone for clinic in clinics}
    told = await _told(tx, clinics, loose)
    tried = await month_attempts(tx, ids, Month.of(tx.now.astimezone(clinics[0].zone).date())) if clinics else {}
    rows: list[RosterRow] = []
    for one in (*shown, *loose):
        who, zone, coordinator = people[one.patient_id], zones[one.clinic_id], designated.get(one.patient_id)
        rows.append(
            RosterRow(
                patient_id=one.patient_id,
                name=f"{who.given} {who.family}".strip(),
                age=_age(who.birth_date, tx, zone),
                sex=sex_letter(who.sex),
                coordinator=coordinator.name if coordinator else "",
                **_tried(tried.get(one.patient_id), tx, zone),
                **(_standing(one, zone, tx) if isinstance(one, Standing) else told[one.patient_id]),
            )
        )
    return rows


def _tried(month: MonthAttempts | None, tx: Tx, zone: ZoneInfo) -> dict[str, Any]:
    """Return what a row says of attempts: how many, and the call back that is still to be made."""
    if month is None:
        return {}
    due = month.call_back_at
    return {
        "tried": f"{progress(month.attempts)} tries" if month.attempts else "",
        "call_back": f"Call back {moment(due, zone)}" if due else "",
        "call_back_late": due is not None and due <= tx.now,
    }


def _age(birth_date: date, tx: Tx, zone: ZoneInfo) -> int:
    return age(birth_date, tx.now.astimezone(zone).date())


def _standing(one: Standing, zone: ZoneInfo, tx: Tx) -> dict[str, Any]:
    """Return what a row says of somebody enrolled."""
    uncounted = max(0, one.recorded_secs - one.countable_secs)
    return {
        # A list names no diagnosis to somebody whose role does not need the chart.
        "conditions": one.conditions if Permission.CHART_READ in tx.actor.permissions else "",
        "reason": one.reason,
        "tone": one.tone,
        "program": one.ruled_program,
        "bar": MonthBar(one.countable_secs, tuple(one.thresholds), uncounted=uncounted),
        "last_contact": one.last_contact_at.astimezone(zone).date() if one.last_contact_at else None,
    }


async def _told(tx: Tx, clinics: Sequence[ClinicRow], loose: Sequence[_Free]) -> dict[UUID, dict[str, Any]]:
    """Return what rows say of people who are not enrolled: for what they are eligible, or why not."""
    if not loose:
        return {}
    ids = [one.patient_id for one in loose]
    has_chart = Permission.CHART_READ in tx.actor.permissions
    charts = await patients.diagnoses(tx, ids) if has_chart else {}
    contacts = await time_log.last_contact(tx, ids)
    lists = enrollment.chronic_lists()
    found: dict[UUID, dict[str, Any]] = {}
    for clinic in clinics:
        here = [one for one in loose if one.clinic_id == clinic.id]
        barred = [one.patient_id for one in here if not one.program]
        answers = await enrollment.eligibility(tx, clinic.id, barred) if barred else {}
        for one in here:
            reached = contacts.get(one.patient_id)
            found[one.patient_id] = {
                "conditions": condition_names((code.icd10 for code in charts.get(one.patient_id, ())), lists),
                "reason": f"Eligible for {one.program}" if one.program else _against(answers[one.patient_id]),
                "tone": "neutral",
                "last_contact": reached.astimezone(clinic.zone).date() if reached else None,
            }
    return found


def _against(answer: Eligibility) -> str:
    """Return the first thing that stands against enrolling somebody."""
    against = [found for found in answer.reasons if found.ok is False]
    unknown = [found for found in answer.reasons if found.ok is None]
    return next((found.text for found in (*against, *unknown)), "Not enrolled")
