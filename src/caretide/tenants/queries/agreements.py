"""Which agreements stand, and which are lacking."""

import asyncio
from uuid import UUID

from sqlalchemy import and_, select

from caretide.kernel.errors import NotFound
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, exports, reads
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants.models import Agreement, AgreementNotice, Member
from caretide.tenants.queries.places import serving_company
from caretide.tenants.rules.agreements import AgreementRow, Ending, Missing, endings, lacking, overlapping, today_of

_RECORDER = and_(Member.tenant_id == Agreement.tenant_id, Member.id == Agreement.recorded_by)


_WANTED = select(
    Agreement.id,
    Agreement.kind,
    Agreement.party,
    Agreement.company_id,
    Agreement.file_sha256,
    Agreement.file_octets,
    Agreement.effective_on,
    Agreement.ends_on,
    Agreement.breach_notice_hours,
    Agreement.subcontractors,
    Agreement.at_end,
    Member.display_name,
    Agreement.recorded_at,
    Agreement.ended_on,
    Agreement.ended_because,
).outerjoin(Member, _RECORDER)


@requires(Permission.TENANT_READ, reads(Data.SETTINGS))
async def agreements(tx: Tx) -> list[AgreementRow]:
    """Return every agreement that was ever recorded, the latest to take effect first."""
    wanted = _WANTED.order_by(Agreement.effective_on.desc(), Agreement.recorded_at.desc(), Agreement.id)
    return [AgreementRow(*row) for row in (await tx.db.execute(wanted)).all()]


@requires(Permission.TENANT_READ, reads(Data.SETTINGS))
async def agreement(tx: Tx, agreement_id: UUID) -> AgreementRow:
    """Return one agreement."""
    row = (await tx.db.execute(_WANTED.where(Agreement.id == agreement_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such agreement")
    return AgreementRow(*row)


@requires(Permission.TENANT_READ, reads(Data.SETTINGS))
async def agreements_beside(tx: Tx, agreement_id: UUID) -> list[AgreementRow]:
    """Return those of the same kind and party that bind on days on which an agreement does too."""
    return overlapping(await agreement(tx, agreement_id), await agreements(tx), today_of(tx.now))


@requires(Permission.TENANT_READ, exports(Data.SETTINGS))
async def agreement_file(tx: Tx, agreement_id: UUID) -> bytes:
    """Return the signed file, checked against its SHA-256 by the vault."""
    found = await agreement(tx, agreement_id)
    return await asyncio.to_thread(tx.stores.vault.get, tx.tenant_id, found.file_sha256)


@requires(Permission.TENANT_READ, reads(Data.SETTINGS))
async def ending_agreements(tx: Tx) -> list[Ending]:
    """Return the agreements whose end is due to be told of today, and was not yet."""
    told = {(row.agreement_id, row.days) for row in (await tx.db.execute(_TOLD)).all()}
    return endings(await agreements(tx), told, today_of(tx.now))


_TOLD = select(AgreementNotice.agreement_id, AgreementNotice.days)


@requires(Permission.TENANT_READ, reads(Data.SETTINGS))
async def lacking_agreements(tx: Tx) -> tuple[Missing, ...]:
    """Return which agreements must stand before there may be patients, and do not stand today."""
    company = await serving_company(tx)
    return lacking(await agreements(tx), company.id if company else None, today_of(tx.now))
