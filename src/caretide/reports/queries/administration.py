"""The tenant's health, one figure after the other."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from caretide.billing.queries import closes
from caretide.ehr.models import ImportRun
from caretide.identity import queries as identity
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission, Role
from caretide.kernel.records import Data, reads
from caretide.patients.models import Patient
from caretide.reports.queries.people import open_invitations
from caretide.reports.rules import administration as rules
from caretide.reports.schemas.administration import (
    AdministrationPage,
    ClinicHealth,
    Figure,
    JobLine,
    Renewal,
    RoleCounts,
    Step,
)
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries import ClinicRow
from caretide.tenants.queries.people import MemberRow
from caretide.tenants.rules import ROLES
from caretide.tenants.rules.agreements import today_of
from caretide.tenants.schemas import CLINIC_FACTS
from caretide.ui.filters import plural
from caretide.ui.shell import Tone

_JOBS = text("SELECT verb, waiting, failed FROM jobs.standing() ORDER BY failed DESC, verb")
_LAST_RUNS = (
    select(ImportRun.clinic_id, ImportRun.started_at, ImportRun.finished_at, ImportRun.counts)
    .ext(distinct_on(ImportRun.clinic_id))
    .order_by(ImportRun.clinic_id, ImportRun.started_at.desc())
)


@requires(Permission.TENANT_WRITE, reads(Data.SETTINGS, Data.STAFF))
async def administration(tx: Tx) -> AdministrationPage:
    """Return the tenant at a glance: who is here, what waits, what lacks, what fails."""
    people, clinics = await tenants.members(tx), await tenants.clinics(tx)
    health = [await _clinic(tx, clinic, run) for clinic, run in await _with_runs(tx, clinics)]
    renewals = _renewals(tx, people)
    jobs = await _jobs(tx)
    company = await tenants.serving_company(tx)
    return AdministrationPage(
        company=company.name if company else "",
        steps=await _steps(tx, people, health),
        figures=await _figures(tx, people, health, renewals, jobs),
        roles=_roles(people),
        renewals=renewals,
        clinics=tuple(health),
        jobs=jobs,
    )


async def _with_runs(tx: Tx, clinics: Sequence[ClinicRow]) -> list[tuple[ClinicRow, Any]]:
    runs = {row.clinic_id: row for row in (await tx.db.execute(_LAST_RUNS)).all()}
    return [(clinic, runs.get(clinic.id)) for clinic in clinics]


async def _clinic(tx: Tx, clinic: ClinicRow, run: Any) -> ClinicHealth:
    today = tx.now.astimezone(clinic.zone).date()
    facts = await tenants.clinic_facts(tx, clinic.id, today)
    month = Month.of(today).previous()
    # An administrator whom a setting keeps from health data sees no month either.
    states = await closes.close_states(tx, month) if Permission.MONTH_READ in tx.actor.permissions else {}
    close, close_tone = rules.close_words(states.get(clinic.id))
    imported, import_text, import_tone = _import(tx, run)
    return ClinicHealth(
        clinic_id=str(clinic.id),
        name=clinic.name,
        # That a clinic does not have something holds its months as much as that nobody knows.
        missing=tuple(
            title for kind, title in CLINIC_FACTS.items() if kind not in facts or not facts[kind].value["value"]
        ),
        imported=imported,
        import_text=import_text,
        import_tone=import_tone,
        month=str(month),
        month_title=month.title,
        close=close,
        close_tone=close_tone,
    )


def _import(tx: Tx, run: Any) -> tuple[str, str, Tone]:
    """Return when the last import was, what it brought, and whether that is in order."""
    if run is None:
        return "Never", "no patients were imported", "warn"
    when = rules.ago(run.finished_at or run.started_at, tx.now)
    if run.finished_at is None:
        return when, "began and did not finish", "bad"
    told = rules.import_words(run.counts)
    refused = run.counts.get("refused", 0)
    is_stale = (tx.now - run.finished_at).days > rules.STALE_IMPORT_DAYS
    return when, told, "warn" if refused or is_stale else "good"


def _renewals(tx: Tx, people: Sequence[MemberRow]) -> tuple[Renewal, ...]:
    """Return the licenses of people at work that run out soon or have, the most pressing first."""
    today = tx.now.date()
    found = [
        Renewal(
            member_id=str(person.id),
            name=person.display_name,
            license=f"{one.kind}, {one.state}",
            ends=rules.license_ends(rules.days_left(one.expires_on, today)),
            days=rules.days_left(one.expires_on, today),
        )
        for person in people
        for one in person.licenses
        if person.status != "suspended" and rules.days_left(one.expires_on, today) <= rules.RENEW_WITHIN_DAYS
    ]
    return tuple(sorted(found, key=lambda one: (one.days, one.name)))


async def _jobs(tx: Tx) -> tuple[JobLine, ...]:
    rows: Sequence[Any] = (await tx.db.execute(_JOBS)).all()
    return tuple(JobLine(label=rules.VERBS.get(verb) or verb, waiting=w, failed=f) for verb, w, f in rows)


def _roles(people: Sequence[MemberRow]) -> tuple[RoleCounts, ...]:
    counted = Counter((person.role, person.status) for person in people)
    return tuple(
        RoleCounts(
            role=role,
            label=ROLES[role],
            active=counted[role, "active"],
            invited=counted[role, "invited"],
            suspended=counted[role, "suspended"],
        )
        for role in Role
    )


async def _steps(tx: Tx, people: Sequence[MemberRow], health: Sequence[ClinicHealth]) -> tuple[Step, ...]:
    """Return the first steps with which of them are done; none once all are."""
    done: dict[rules.StepKey, bool] = {
        "agreements": not await tenants.lacking_agreements(tx),
        "clinic": bool(health),
        "facts": bool(health) and not any(one.missing for one in health),
        "practitioner": bool(await tenants.practitioners(tx)),
        "people": any(person.role != Role.ADMINISTRATOR for person in people),
        "settings": bool((await tenants.settings(tx)).privacy_contact),
        # Whom a setting keeps from health data cannot see whether there are any: nothing is asked of them.
        "patients": Permission.PATIENT_READ not in tx.actor.permissions or await _has_patients(tx),
    }
    if rules.is_settled([key for key, is_done in done.items() if is_done]):
        return ()
    lacking = next((f"/clinics/{one.clinic_id}" for one in health if one.missing), "/clinics")
    return tuple(
        Step(title=title, text=told, href=lacking if key == "facts" else href, is_done=done[key])
        for key, title, told, href in rules.STEPS
    )


async def _has_patients(tx: Tx) -> bool:
    return bool((await tx.db.execute(select(exists().where(Patient.id.is_not(None))))).scalar_one())


async def _figures(
    tx: Tx,
    people: Sequence[MemberRow],
    health: Sequence[ClinicHealth],
    renewals: Sequence[Renewal],
    jobs: Sequence[JobLine],
) -> tuple[Figure, ...]:
    """Return the numbers at the top; each leads to its list."""
    seen = await identity.seen_here(tx)
    here = sum(1 for one in people if (was := seen.get(_account(one))) and was.sessions)
    expired = sum(1 for ends in (await open_invitations(tx)).values() if ends <= tx.now)
    waiting = sum(person.status == "invited" for person in people)
    active = sum(person.status == "active" for person in people)
    lacking = sum(1 for one in health if one.missing)
    open_ = [one for one in health if one.close != "Closed"]
    failed, queued = sum(job.failed for job in jobs), sum(job.waiting for job in jobs)
    return (
        Figure(label="Signed in now", figure=here, href="/admin/people?status=here", note=f"of {active}"),
        _figure("Invitations open", waiting, "/admin/people?status=invited", f"{expired} expired" if expired else ""),
        _figure("Licenses to renew", len(renewals), "/admin/people?license=due", "within 60 days"),
        _figure("Clinics lacking facts", lacking, "/clinics", f"of {len(health)}"),
        _figure("Agreements to renew", *await _agreements(tx)),
        _figure("Months to close", len(open_), f"/months/{open_[0].month}" if open_ else "/months", ""),
        _figure("Failed jobs", failed, "#jobs", f"{queued:,} waiting", "bad"),
    )


async def _agreements(tx: Tx) -> tuple[int, str, str]:
    """Return how many agreements lack or end soon, where they are, and what is the matter."""
    today = today_of(tx.now)
    ending = sorted(one.days_left(today) or 0 for one in await tenants.agreements(tx) if one.alarms(today))
    lacking = await tenants.lacking_agreements(tx)
    note = f"{len(lacking)} lacking" if lacking else f"first in {plural(ending[0], 'day')}" if ending else ""
    return len(ending) + len(lacking), "/admin/agreements", note


def _figure(label: str, count: int, href: str, note: str, tone: Tone = "warn") -> Figure:
    return Figure(label=label, figure=count, href=href, tone=tone if count else "neutral", note=note)


def _account(person: MemberRow) -> UUID:
    """Return a member's account; the member's own id, which no account has, for those who have none yet."""
    return person.account_id or person.id
