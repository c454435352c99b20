"""The last full month in figures, read back through the features' own questions, and whether they agree."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Final

from caretide.billing.queries import closes, lists
from caretide.enrollment import queries as enrollment
from caretide.kernel.actor import Actor
from caretide.kernel.month import Month
from caretide.patients import queries as patients
from caretide.runtime.tx import Database, Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries import ClinicRow
from caretide.time_log import queries as time_log


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A code, with units and cents of all patients together."""

    code: str
    units: int
    cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A tenant's closed month. `checks` says which sums agree.

    Entries and seconds are those that can count: neither voided nor awaiting approval.
    """

    tenant: str
    name: str
    clinics: tuple[str, ...]
    members: int
    patients: int
    enrolled: int
    month: str
    entries: int
    seconds: int
    voided: int
    awaiting: int
    refused_attempts: int
    ruled: int
    ready: int
    blocked: int
    blocked_by: dict[str, int]
    lines: tuple[Line, ...]
    total_cents: int
    records: int
    checks: dict[str, bool]

    @property
    def adds_up(self) -> bool:
        """Whether all checks hold."""
        return all(self.checks.values())

    def as_json(self) -> dict[str, Any]:
        """Return everything in JSON's types."""
        return asdict(self) | {"adds_up": self.adds_up}


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """The closed month of all tenants together. `people` counts accounts: some of them work in several tenants."""

    company: str
    people: int
    tenants: tuple[Summary, ...]

    @property
    def month(self) -> str:
        """The month that every tenant closed."""
        return self.tenants[0].month

    @property
    def adds_up(self) -> bool:
        """Whether every tenant's checks hold."""
        return bool(self.tenants) and all(one.adds_up for one in self.tenants)

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every code with units and cents."""
        units, cents = Counter[str](), Counter[str]()
        for line in (line for one in self.tenants for line in one.lines):
            units[line.code] += line.units
            cents[line.code] += line.cents
        return tuple(Line(code=code, units=units[code], cents=cents[code]) for code in sorted(units))

    def sum(self, figure: str) -> int:
        """Return a figure of all tenants together."""
        return sum(getattr(one, figure) for one in self.tenants)

    def as_json(self) -> dict[str, Any]:
        """Return everything in JSON's types."""
        blocked = Counter[str]()
        for one in self.tenants:
            blocked.update(one.blocked_by)
        return {
            "company": self.company,
            "month": self.month,
            "people": self.people,
            "clinics": [f"{one.tenant}/{clinic}" for one in self.tenants for clinic in one.clinics],
            **{figure: self.sum(figure) for figure in FIGURES},
            "blocked_by": dict(sorted(blocked.items())),
            "lines": [asdict(line) for line in self.lines],
            "checks": {f"{one.tenant}/{name}": holds for one in self.tenants for name, holds in one.checks.items()},
            "adds_up": self.adds_up,
            "tenants": [one.as_json() for one in self.tenants],
        }


FIGURES: Final = (
    "members", "patients", "enrolled", "entries", "seconds", "voided", "awaiting", "refused_attempts", "ruled", "ready",
    "blocked", "total_cents", "records",
)  # fmt: skip
"""What is added up over tenants."""


@dataclass(slots=True)
class _Sums:
    """What is added up clinic by clinic. The second of a pair is the same figure by another way."""

    patients: int = 0
    enrolled: int = 0
    patient_months: int = 0
    entries: int = 0
    seconds: int = 0
    listed: int = 0
    listed_seconds: int = 0
    voided: int = 0
    awaiting: int = 0


async def summarize(database: Database, actor: Actor, month: Month, *, refused_attempts: int) -> Summary:
    """Return the month of the actor's tenant as it stands closed."""
    async with database.tx(actor) as tx:
        mine = await tenants.my_tenant(tx)
        members = await tenants.members(tx)
        clinics = await tenants.clinics(tx)
        sums, blocked, units, cents = _Sums(), Counter[str](), Counter[str](), Counter[str]()
        for clinic in clinics:
            await _count(tx, clinic, month, sums)
            for ruled in await lists.closed_months(tx, clinic.id, month):
                if ruled.status == "blocked":
                    blocked.update({code for code, severity, *_ in ruled.exceptions if severity == "block"})
                for code, count, amount in ruled.lines:
                    units[code] += count
                    cents[code] += amount or 0
        status = await closes.status(tx, month)
        aggregate = await time_log.month_seconds(tx, None, month)
    ready, held = sum(one.ready for one in status), sum(one.blocked for one in status)
    total, records = sum(one.amount for one in status), sum(one.records for one in status)
    return Summary(
        tenant=mine.slug,
        name=mine.name,
        clinics=tuple(clinic.slug for clinic in clinics),
        members=len(members),
        patients=sums.patients,
        enrolled=sums.enrolled,
        month=str(month),
        entries=sums.entries,
        seconds=sums.seconds,
        voided=sums.voided,
        awaiting=sums.awaiting,
        refused_attempts=refused_attempts,
        ruled=ready + held,
        ready=ready,
        blocked=held,
        blocked_by=dict(sorted(blocked.items())),
        lines=tuple(Line(code=code, units=units[code], cents=cents[code]) for code in sorted(units)),
        total_cents=total,
        records=records,
        checks={
            "every_clinic_is_closed": all(one.state == "closed" for one in status),
            "ready_and_blocked_are_all_patient_months": ready + held == sums.patient_months,
            "lines_add_up_to_total": sum(cents.values()) == total,
            "each_ready_month_has_its_record": records == ready,
            "entries_add_up_by_patient": (sums.entries, sums.seconds) == (sums.listed, sums.listed_seconds),
            "seconds_agree_with_the_aggregate": sums.seconds == sum(one.total for one in aggregate.values()),
        },
    )


async def _count(tx: Tx, clinic: ClinicRow, month: Month, sums: _Sums) -> None:
    """Add a clinic's patients, enrollments and time, the time in two ways: as the close reads it, and as people do."""
    charts = await patients.ruling_facts(tx, None, clinic.id, month)
    enrolled = await enrollment.enrolled_in(tx, clinic.id, month)
    live = await time_log.entries_for_close(tx, clinic.id, month)
    sums.patients += len(charts)
    sums.enrolled += len({one.enrollment.patient_id for one in enrolled})
    sums.patient_months += len({(one.enrollment.patient_id, one.enrollment.practitioner_id) for one in enrolled})
    sums.entries += len(live)
    sums.seconds += sum(row.duration_secs for row in live)
    for patient_id in charts:
        for row in await time_log.entries(tx, patient_id, month):
            sums.voided += row.is_void
            sums.awaiting += row.awaits
            if not row.is_void and not row.awaits:
                sums.listed += 1
                sums.listed_seconds += row.duration_secs
