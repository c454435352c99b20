"""The register of agreements."""

from datetime import date

from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.reports.schemas.agreements import AgreementLine, AgreementOut, AgreementsPage, RegisterOut
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.rules.agreements import ENDINGS, KINDS, MOST_BYTES, AgreementRow, overlapping, today_of
from caretide.ui.filters import day_long, plural
from caretide.ui.forms import Option
from caretide.ui.shell import Tone

LACKING = {
    "operator": "an agreement with whoever runs this installation",
    "company": "an agreement with the company that serves you",
}
"""What is lacking -> how it reads."""


@requires(Permission.TENANT_READ, reads(Data.SETTINGS))
async def agreements_page(tx: Tx) -> AgreementsPage:
    """Return the register and the form to add to it."""
    today = today_of(tx.now)
    may_write = Permission.TENANT_WRITE in tx.actor.permissions
    company, found = await tenants.serving_company(tx), await tenants.agreements(tx)
    beside = {row.id for row in found if overlapping(row, found, today)}
    return AgreementsPage(
        agreements=tuple(_line(row, today, overlaps=row.id in beside, may_write=may_write) for row in found),
        lacking=tuple(LACKING[one] for one in await tenants.lacking_agreements(tx)),
        overlapping=tuple(dict.fromkeys(row.party for row in found if row.id in beside)),
        most=MOST_BYTES // 1024 // 1024,
        kinds=tuple(Option(kind, label) for kind, label in KINDS.items() if company or kind != "company"),
        endings=tuple(Option(key, label) for key, label in ENDINGS.items()),
        companies=(Option(str(company.id), company.name),) if company else (),
        may_write=may_write,
    )


@requires(Permission.TENANT_READ, reads(Data.SETTINGS))
async def register(tx: Tx) -> RegisterOut:
    """Return the register for programs."""
    today = today_of(tx.now)
    found = await tenants.agreements(tx)
    shown = [AgreementOut.of(row, found, today) for row in found]
    return RegisterOut(agreements=shown, lacking=list(await tenants.lacking_agreements(tx)))


def _line(row: AgreementRow, today: date, *, overlaps: bool, may_write: bool) -> AgreementLine:
    state, tone, ends = _standing(row, today)
    by = f" by {row.recorded_by}" if row.recorded_by else ""
    return AgreementLine(
        agreement_id=row.id,
        party=row.party,
        kind=KINDS[row.kind],
        state=state,
        tone=tone,
        effective_on=row.effective_on,
        ends=ends,
        breach_notice_hours=row.breach_notice_hours,
        subcontractors=", ".join(row.subcontractors),
        at_end=ENDINGS[row.at_end],
        sha256=row.file_sha256,
        recorded=f"{day_long(row.recorded_at.date())}{by}",
        because=row.ended_because or "",
        overlaps=overlaps,
        may_end=may_write and row.ended_on is None and row.state(today) != "ended",
    )


def _standing(row: AgreementRow, today: date) -> tuple[str, Tone, str]:
    """Return state, tone, and in words how long an agreement binds."""
    state, left = row.state(today), row.days_left(today)
    if state == "to come":
        return "To come", "info", f"from {day_long(row.effective_on)}"
    if row.last_day is None or left is None:
        return "In force", "good", "no end"
    if state == "ended":
        return "Ended", "neutral", f"ended {day_long(row.last_day)}"
    tone: Tone = "warn" if row.alarms(today) else "good"
    when = "ends today" if left == 0 else f"ends in {plural(left, 'day')}"
    return ("Ends soon" if row.alarms(today) else "In force"), tone, f"{when}, {day_long(row.last_day)}"
