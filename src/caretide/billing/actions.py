"""The close: each clinic's month turned into frozen lines and records, by jobs that may be killed anywhere.

A clinic closes in one transaction under a lock that dies with it; a record is rendered from the frozen facts alone. Run
again, both find what is done and do the rest, and the same facts give the same bytes.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from itertools import islice
from typing import Any, Final
from uuid import UUID

from sqlalchemy import any_, bindparam, delete, insert, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from caretide.billing.models import (
    Candidate,
    ClaimLine,
    MonthClose,
    MonthException,
    MonthStanding,
    PatientMonth,
    RuleLimits,
    StandingCount,
    StandingMark,
    StandingMonth,
)
from caretide.billing.queries import candidates, closes, evidence, freshness
from caretide.billing.queries.scopes import Kept, Scope, within
from caretide.billing.rules.calendar import require_over
from caretide.billing.rules.freeze import Frozen, freeze, limits_as_json
from caretide.billing.rules.standing import Kind, Standing, Sums, tally
from caretide.documents import actions as documents
from caretide.documents.render.record import render_record
from caretide.documents.schemas import MonthlyRecord
from caretide.enrollment import queries as enrollment
from caretide.kernel.errors import Conflict, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, creates, decides
from caretide.programs.limits import LimitSet
from caretide.rosters import queries as rosters
from caretide.runtime.access import requires
from caretide.runtime.bulk import execute_many, insert_many, insertion
from caretide.runtime.collector import uncollected
from caretide.runtime.db import Ids
from caretide.runtime.jobs import job, later, later_each
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries import ClinicRow
from caretide.time_log import actions as time_log

PATIENTS_AT_ONCE: Final = 1_000
"""How many patients' months are read, ruled and written together; all of a clinic's are in one transaction."""

_IDS = bindparam("ids", type_=Ids())
# Held until the transaction ends: a close that is killed leaves no lock behind.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


@requires(Permission.MONTH_CLOSE, decides(Data.MONTH, Data.DOCUMENT))
async def request_close(tx: Tx, month: Month, clinic_ids: Sequence[UUID] | None = None) -> int:
    """Ask for the close of a month, at some clinics or all; return how many have something left to do.

    Asked again, it queues what a killed close left undone and nothing else.
    """
    if (await evidence.packs(tx)).at(month) is None:
        raise Conflict(f"No rule pack covers {month}; it can be looked at, but not closed")
    chosen = [c for c in await tenants.clinics(tx) if clinic_ids is None or c.id in clinic_ids]
    if not chosen:
        raise NotFound("This tenant has no such clinic; see `caretide clinics list --tenant SLUG`")
    for clinic in chosen:
        require_over(month, clinic.zone, tx.now, clinic.name)
    # Whoever opened a record that was not theirs answers for it before the month that it fell into is done with.
    if (due := await rosters.due_reviews(tx, {clinic.id for clinic in chosen}, month)).overdue:
        raise Conflict(f"Emergency access was not reviewed within two working days ({due.overdue}); review it first")
    tx.note(month=str(month), clinics=[str(clinic.id) for clinic in chosen])
    states = await closes.close_states(tx, month)
    unfinished = 0
    for clinic in chosen:
        unfinished += await _request_clinic(tx, clinic, month, states.get(clinic.id))
    return unfinished


async def _request_clinic(tx: Tx, clinic: ClinicRow, month: Month, state: str | None) -> bool:
    if state == "closed":
        missing = await closes.unrendered(tx, clinic.id, month)
        await _render_later(tx, missing)
        return bool(missing)
    if state is None:
        # Locked before anything is promised: a timer that still runs in the month refuses here, where somebody sees it.
        await time_log.lock_month(tx, clinic.id, month)
        row = {"clinic_id": clinic.id, "service_month": month.first, "state": "closing"}
        who = {"requested_by": tx.actor.member_id, "requested_at": tx.now}
        await tx.db.execute(insert(MonthClose).values(id=new_id(), **row, **who))
    await later(tx, close_clinic, once=f"{clinic.id} {month}", clinic_id=clinic.id, month=str(month))
    return True


@job
@requires(
    Permission.MONTH_CLOSE,
    decides(
        Data.MONTH,
        Data.TIME,
        Data.CONDITIONS,
        Data.COVERAGE,
        Data.CONSENT,
        Data.ENROLLMENT,
        Data.FACTS,
        Data.DEMOGRAPHICS,
    ),
)
async def close_clinic(tx: Tx, clinic_id: UUID, month: str) -> None:
    """Rule every patient-month of a clinic, freeze lines, exceptions and facts, and queue the records."""
    service_month = Month.parse(month)
    clinic = await tenants.clinic(tx, clinic_id)
    # Entries take the same lock shared before they look for the month's lock: none can slip in beside the close.
    await tx.db.execute(_ONE_AT_A_TIME, {"key": f"{tx.tenant_id}{clinic_id}{service_month.first}"})
    tx.note(month=month, clinic=str(clinic_id))
    if (await closes.close_states(tx, service_month)).get(clinic_id) == "closed":
        await _render_later(tx, await closes.unrendered(tx, clinic_id, service_month))
        return
    await time_log.lock_month(tx, clinic_id, service_month)
    everybody = iter(await enrollment.patients_in(tx, clinic_id, service_month))
    while some := list(islice(everybody, PATIENTS_AT_ONCE)):
        with uncollected():
            await _close_patients(tx, clinic, service_month, some)
    await tx.db.execute(
        update(MonthClose)
        .where(MonthClose.clinic_id == clinic_id, MonthClose.service_month == service_month.first)
        .values(state="closed", closed_at=tx.now)
    )
    # The month's lists become what was frozen.
    await later(tx, rule_patients, once="standings")


async def _close_patients(tx: Tx, clinic: ClinicRow, month: Month, patient_ids: Sequence[UUID]) -> None:
    """Rule and freeze the months of some of a clinic's patients: as many as fit into little memory."""
    packs = await evidence.packs(tx)
    judged = await evidence.judged(tx, clinic, month, patient_ids)
    frozen = {new_id(): freeze(item, packs) for item in judged}
    await insert_many(tx, PatientMonth, [{"id": month_id, **item.month} for month_id, item in frozen.items()])
    lines = [_part(month_id, item, row) for month_id, item in frozen.items() for row in item.lines]
    await insert_many(tx, ClaimLine, lines)
    exceptions = [_part(month_id, item, row) for month_id, item in frozen.items() for row in item.exceptions]
    await insert_many(tx, MonthException, exceptions)
    tx.touch(*(item.month["patient_id"] for item in frozen.values()))
    await _render_later(tx, [month_id for month_id, item in frozen.items() if item.month["status"] == "ready"])


def _part(month_id: UUID, whose: Frozen, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line or exception as a row of its patient-month."""
    return {"id": new_id(), "patient_month_id": month_id, "patient_id": whose.month["patient_id"], **row}


async def _render_later(tx: Tx, patient_month_ids: Sequence[UUID]) -> None:
    await later_each(tx, render_month, [(str(i), {"patient_month_id": i}) for i in patient_month_ids])


@job
@requires(
    Permission.DOCUMENT_WRITE,
    creates(
        Data.DOCUMENT,
        Data.MONTH,
        Data.TIME,
        Data.DEMOGRAPHICS,
        Data.CONDITIONS,
        Data.CONSENT,
        Data.COVERAGE,
        Data.ENROLLMENT,
    ),
)
async def render_month(tx: Tx, patient_month_id: UUID) -> None:
    """Render the monthly record of a frozen patient-month and keep it, unless that was done."""
    await tx.db.execute(_ONE_AT_A_TIME, {"key": f"{tx.tenant_id}{patient_month_id}"})
    found = await closes.frozen_facts(tx, patient_month_id)
    if found.document_id is not None:
        return
    record = MonthlyRecord.model_validate_json(found.facts)
    rendered = await asyncio.to_thread(render_record, record)
    month = Month.of(found.service_month)
    document_id = await documents.keep(
        tx,
        documents.NewDocument(
            patient_id=found.patient_id,
            kind="monthly-record",
            month=month,
            title=f"Monthly record, {found.program}, {month.title}",
            pdf=rendered.pdf,
            warnings=rendered.warnings,
        ),
    )
    await tx.db.execute(update(PatientMonth).where(PatientMonth.id == patient_month_id).values(document_id=document_id))


@requires(Permission.RULES_WRITE, changes(Data.RULES))
async def load_limits(tx: Tx, limits: LimitSet) -> None:
    """Put an operator's unit limits in the place of assumed ones, for every month from their quarter on."""
    table: dict[str, Any] = limits_as_json(limits)
    await tx.db.execute(
        insert(RuleLimits).values(id=new_id(), quarter=limits.quarter, source=limits.source, limits=table)
    )


RULED_AT_ONCE = 500
"""How many patients one run rules: a second's work, after which others may have the database."""


@job
@requires(Permission.MONTH_READ, decides(Data.MONTH))
async def rule_patients(tx: Tx) -> None:
    """Rule patients anew who changed or were not ruled yet, and go on in another job while any are left."""
    if await rule_some(tx):
        await later(tx, rule_patients, once="standings")


@requires(Permission.MONTH_READ, decides(Data.MONTH))
async def rule_soon(tx: Tx, month: Month) -> None:
    """Have a month ruled that somebody looks at; an open one is kept from now on, however long ago it was."""
    kept = await freshness.kept(tx, [(clinic, month) for clinic in await tenants.clinics(tx)])
    unfilled = [one for one in kept if not one.is_closed and not one.is_complete and one.filled_to is None]
    if unfilled:
        await _keep(tx, *unfilled, filled_to=None, is_complete=False, is_frozen=False)
    await later(tx, rule_patients, once="standings")


@requires(Permission.MONTH_READ, decides(Data.MONTH))
async def rule_some(tx: Tx) -> bool:
    """Bring some standings up to date; return whether any are left that are not.

    First come months that were closed, a clinic's at once: somebody looks at what they froze. Then patients who are
    marked: their marks are read before anything else, and exactly these are deleted. Last come months that were never
    ruled, or by other rules, patient after patient.
    """
    await tx.db.execute(_ONE_AT_A_TIME, {"key": f"{tx.tenant_id} standings"})
    with tx.trail.unseen(), uncollected():
        kept = await freshness.to_keep(tx)
        marks = await freshness.marked(tx, RULED_AT_ONCE)
        unfilled = next((one for one in kept if not one.is_closed and not one.is_complete), None)
        unfrozen = next((one for one in kept if one.is_closed and not one.is_complete), None)
        if unfrozen is not None:
            await _freeze(tx, unfrozen)
        elif marks:
            await _rule(tx, [one for one in kept if not one.is_closed], sorted(marks))
            read = [mark for some in marks.values() for mark in some]
            await tx.db.execute(delete(StandingMark).where(StandingMark.id == any_(_IDS)), {"ids": read})
        elif unfilled is not None:
            await _fill(tx, unfilled)
        left = await freshness.is_due(tx)
    tx.note(marked=0 if unfrozen else len(marks))
    return left


async def _rule(tx: Tx, months: Sequence[Kept], patient_ids: Sequence[UUID]) -> None:
    """Put standings as they are now in the place of what stood, in the months given, and candidates with them."""
    come = await freshness.live(tx, months, patient_ids)
    scope = Scope(tuple(months), tuple(patient_ids), is_whole=False)
    names = [field.name for field in fields(Standing)]
    gone = delete(MonthStanding).where(within(scope.shape))
    gone = gone.returning(*(getattr(MonthStanding, name) for name in names))
    rows = (await tx.db.execute(gone, scope.given)).all()
    went = [Standing(**dict(zip(names, row, strict=True))) for row in rows]
    await insert_many(tx, MonthStanding, [{"id": new_id(), **asdict(one)} for one in come])
    await _count(tx, tally({}, went, come))
    clinics = list({one.clinic.id: one.clinic for one in months}.values())
    free = await candidates.judged(tx, clinics, patient_ids)
    await tx.db.execute(delete(Candidate).where(Candidate.patient_id == any_(_IDS)), {"ids": list(patient_ids)})
    await insert_many(tx, Candidate, [{"id": new_id(), **asdict(one)} for one in free])


async def _count(tx: Tx, changes: Mapping[Kind, Sums]) -> None:
    """Add to the counts what came, less what went; a kind of which nothing is left has no row."""
    rows = [{"id": new_id(), **kind._asdict(), **sums._asdict()} for kind, sums in changes.items() if any(sums)]
    if not rows:
        return
    save = insertion(StandingCount, tuple(rows[0]))
    summed = {name: StandingCount.__table__.c[name] + save.excluded[name] for name in Sums._fields}
    await execute_many(
        tx, save.on_conflict_do_update(constraint="standing_counts_key", set_=summed), StandingCount, rows
    )
    await tx.db.execute(delete(StandingCount).where(StandingCount.months == 0))


async def _fill(tx: Tx, one: Kept) -> None:
    """Rule the next patients of a clinic's month, by id, whether they changed or not."""
    ids = await freshness.after(tx, one, RULED_AT_ONCE)
    await _rule(tx, [one], ids)
    done = len(ids) < RULED_AT_ONCE
    await _keep(tx, one, filled_to=ids[-1] if ids else one.filled_to, is_complete=done, is_frozen=False)


async def _keep(tx: Tx, *months: Kept, **state: Any) -> None:
    save = upsert(StandingMonth).values(
        [
            {"id": new_id(), "clinic_id": one.clinic.id, "service_month": one.month.first, "rules": one.rules, **state}
            for one in months
        ]
    )
    known = save.on_conflict_do_update(
        index_elements=["tenant_id", "clinic_id", "service_month"],
        set_={name: save.excluded[name] for name in ("rules", *state)},
    )
    await tx.db.execute(known)


async def _freeze(tx: Tx, one: Kept) -> None:
    """Make a closed month's standings what was frozen, and count them once."""
    place = {"clinic": one.clinic.id, "month": one.month.first}
    for statement in FREEZE:
        await tx.db.execute(statement, place)
    await _keep(tx, one, filled_to=None, is_complete=True, is_frozen=True)


# What a closed month froze, as standings: at once in the database, for nothing is ruled here. What was known of a
# patient-month while it was open and is not frozen (who looked after the patient) stays.
FREEZE = tuple(
    text(statement)
    for statement in (
        """
        INSERT INTO month_standings (
            id, patient_id, clinic_id, practitioner_id, service_month, program, ruled_program, name_key, leads, status,
            band, reason, tone, missing_secs, countable_secs, recorded_secs, is_under, thresholds, codes, exceptions,
            conditions, lines, amount_cents, blocked_by, service_date, rules)
        SELECT uuidv7(), m.patient_id, m.clinic_id, m.practitioner_id, m.service_month, m.program, m.program,
            p.name_key, row_number() OVER (PARTITION BY m.patient_id ORDER BY m.status DESC, m.practitioner_id) = 1,
            m.status, CASE m.status WHEN 'ready' THEN 4 ELSE 1 END, '', 'neutral', 0, m.countable_seconds,
            m.countable_seconds, false, '[]', '[]', '[]', '', line.count, line.cents,
            CASE m.status WHEN 'blocked' THEN coalesce(block.code, 'PROVISIONAL_PACK') END, line.day, 0
        FROM patient_months AS m
        JOIN patients AS p ON p.tenant_id = m.tenant_id AND p.id = m.patient_id
        CROSS JOIN LATERAL (
            SELECT count(*) AS count, sum(c.amount_cents) AS cents, min(c.service_date) AS day FROM claim_lines AS c
            WHERE c.tenant_id = m.tenant_id AND c.patient_month_id = m.id
        ) AS line
        LEFT JOIN LATERAL (
            SELECT e.code FROM month_exceptions AS e
            WHERE e.tenant_id = m.tenant_id AND e.patient_month_id = m.id AND e.severity = 'block'
            ORDER BY e.position LIMIT 1
        ) AS block ON true
        WHERE m.clinic_id = :clinic AND m.service_month = :month
        ON CONFLICT (tenant_id, patient_id, practitioner_id, service_month) DO UPDATE SET
            program = excluded.program, leads = excluded.leads, status = excluded.status,
            countable_secs = excluded.countable_secs, codes = '[]', exceptions = '[]', lines = excluded.lines,
            amount_cents = excluded.amount_cents, blocked_by = excluded.blocked_by,
            service_date = excluded.service_date, rules = 0
        """,
        "DELETE FROM month_standings WHERE clinic_id = :clinic AND service_month = :month AND rules <> 0",
        "DELETE FROM standing_counts WHERE clinic_id = :clinic AND service_month = :month",
        """
        INSERT INTO standing_counts (
            id, clinic_id, service_month, coordinator_id, program, status, band, blocked_by, rules,
            months, patients, under, lines, countable_secs, amount_cents)
        SELECT uuidv7(), clinic_id, service_month, coordinator_id, program, status, band, blocked_by, rules,
            count(*), count(*) FILTER (WHERE leads), count(*) FILTER (WHERE leads AND is_under), sum(lines),
            sum(countable_secs), coalesce(sum(amount_cents), 0)
        FROM month_standings WHERE clinic_id = :clinic AND service_month = :month
        GROUP BY clinic_id, service_month, coordinator_id, program, status, band, blocked_by, rules
        """,
    )
)
