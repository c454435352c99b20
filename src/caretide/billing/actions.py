"""The close: each clinic's month turned into frozen lines and records, by jobs that may be killed anywhere.

A clinic closes in one transaction under a lock that dies with it; a record is rendered from the frozen facts alone. Run
again, both find what is done and do the rest, and the same facts give the same bytes.
"""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, text, update

from caretide.billing.models import ClaimLine, MonthClose, MonthException, PatientMonth, RuleLimits
from caretide.billing.queries import closes, evidence
from caretide.billing.rules.calendar import require_over
from caretide.billing.rules.freeze import Frozen, freeze, limits_as_json
from caretide.documents import actions as documents
from caretide.documents.render.record import render_record
from caretide.documents.schemas import MonthlyRecord
from caretide.enrollment import queries as enrollment
from caretide.kernel.errors import Conflict, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.programs.limits import LimitSet
from caretide.runtime.access import requires
from caretide.runtime.bulk import insert_many
from caretide.runtime.jobs import job, later, later_each
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries import ClinicRow
from caretide.time_log import actions as time_log

PATIENTS_AT_ONCE: Final = 1_000
"""How many patients' months are read, ruled and written together; all of a clinic's are in one transaction."""

# Held until the transaction ends: a close that is killed leaves no lock behind.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


@requires(Permission.MONTH_CLOSE)
async def request_close(tx: Tx, month: Month, clinic_ids: Sequence[UUID] | None = None) -> int:
    """Ask for the close of a month, at some clinics or all; return how many have something left to do.

    Asked again, it queues what a killed close left undone and nothing else.
    """
    if (await evidence.packs(tx)).at(month) is None:
        raise Conflict(f"No rule pack covers {month}; it can be looked at, but not closed")
    chosen = [c for c in await tenants.clinics(tx) if clinic_ids is None or c.id in clinic_ids]
    if not chosen:
        raise NotFound("This tenant has no such clinic; see `caretide clinics list`")
    for clinic in chosen:
        require_over(month, clinic.zone, tx.now, clinic.name)
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
@requires(Permission.MONTH_CLOSE)
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
        await _close_patients(tx, clinic, service_month, some)
    await tx.db.execute(
        update(MonthClose)
        .where(MonthClose.clinic_id == clinic_id, MonthClose.service_month == service_month.first)
        .values(state="closed", closed_at=tx.now)
    )


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
@requires(Permission.DOCUMENT_WRITE)
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


@requires(Permission.RULES_WRITE)
async def load_limits(tx: Tx, limits: LimitSet) -> None:
    """Put an operator's unit limits in the place of assumed ones, for every month from their quarter on."""
    table: dict[str, Any] = limits_as_json(limits)
    await tx.db.execute(
        insert(RuleLimits).values(id=new_id(), quarter=limits.quarter, source=limits.source, limits=table)
    )
