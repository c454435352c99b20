"""The dated facts of a patient as lines of the page: what stands, what is missing, what was said before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal
from uuid import UUID

from caretide.enrollment import queries as enrollment
from caretide.enrollment.queries import Enrolled, FactRow
from caretide.enrollment.schemas import FACT_PERMISSIONS
from caretide.kernel.month import Month
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, reads
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.queries import ClinicRow
from caretide.ui.filters import day_long
from caretide.ui.forms import Option
from caretide.workspace.schemas.facts import (
    BILLERS,
    COPIES,
    FACT_TITLES,
    FAMILIES,
    LEVELS,
    PLANS,
    STAYS,
    VISITS,
    FactEntry,
    FactLine,
    fact_fields,
)

State = Literal["recorded", "missing", "stale", "optional"]

OF_ONE_MONTH: Final = frozenset({"facility-stays", "other-claims", "hospice-home-health"})
"""Facts that must be checked anew for every month."""

NOT_NEEDED: Final = {
    "decision-making": "None recorded: only complex care management needs it.",
    "election": "No choice recorded: the default applies.",
}

_PARTS: Final = {"care-plan": ("care-plan", "care-plan-copy")}
"""Forms that record more than one kind."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What stands of one line, in words."""

    state: State
    value: str = ""
    row: FactRow | None = None


@requires(Permission.PATIENT_READ, reads(Data.FACTS))
async def fact_lines(
    tx: Tx, patient_id: UUID, clinic: ClinicRow, month: Month, enrolled: Sequence[Enrolled]
) -> tuple[FactLine, ...]:
    """Return a line for every kind that the page asks for, as it stands in a month."""
    today = tx.now.astimezone(clinic.zone).date()
    standing = (await enrollment.facts_as_of(tx, [patient_id], month)).get(patient_id, {})
    everything = await enrollment.patient_facts(tx, patient_id)
    doctors = tuple(Option(str(one.id), one.name) for one in await tenants.practitioners(tx))
    names = {option.value: option.label for option in doctors}
    deciding = await _deciding(tx, doctors)
    chosen = _first_choice(deciding, enrolled)
    lines: list[FactLine] = []
    for kind, title in FACT_TITLES.items():
        parts = _PARTS.get(kind, (kind,))
        rows = [row for row in everything if row.kind in parts]
        said = _said(kind, standing, rows, enrolled, names)
        shown = [found.id for part in parts if (found := standing.get(part))] + ([said.row.id] if said.row else [])
        why_not = _why_not(tx, kind)
        lines.append(
            FactLine(
                kind=kind,
                title=title,
                state=said.state,
                value=said.value,
                effective_on=said.row.effective_on if said.row and kind not in OF_ONE_MONTH else None,
                checked_on=said.row.checked_on if said.row else None,
                recorded_by=(said.row.recorded_by or "") if said.row else "",
                fields=() if why_not else fact_fields(kind, today, deciding, month, chosen),
                history=tuple(_entry(row, names) for row in rows if row.id not in shown),
                why_not=why_not,
            )
        )
    return tuple(lines)


async def _deciding(tx: Tx, doctors: tuple[Option, ...]) -> tuple[Option, ...]:
    """Return in whose name the actor can record a decision: a practitioner in their own only."""
    own = await tenants.acting_practitioner(tx)
    return doctors if own is None else tuple(one for one in doctors if one.value == str(own))


def _first_choice(deciding: tuple[Option, ...], enrolled: Sequence[Enrolled]) -> str:
    """Return the only choice there is, or whoever bills the patient; empty where several do."""
    billing = {str(one.enrollment.practitioner_id) for one in enrolled}
    found = deciding if len(deciding) == 1 else [one for one in deciding if one.value in billing]
    return found[0].value if len(found) == 1 else ""


def _why_not(tx: Tx, kind: str) -> str:
    if Permission.ENROLLMENT_WRITE not in tx.actor.permissions:
        return "Your role reads this and records nothing."
    asked = FACT_PERMISSIONS.get(kind)
    if asked is None or asked in tx.actor.permissions:
        return ""
    if asked is Permission.PRACTITIONER_DECIDE:
        return "A billing practitioner records this."
    return f"This needs the permission '{asked}'."


def _said(
    kind: str,
    standing: Mapping[str, FactRow],
    rows: Sequence[FactRow],
    enrolled: Sequence[Enrolled],
    names: Mapping[str, str],
) -> _Said:
    row = standing.get(kind)
    if row is not None and kind == "care-plan":
        return _plan(row, standing.get("care-plan-copy"), names)
    if row is not None:
        return _Said("recorded", words(kind, row.value, names), row)
    if kind == "risk":
        return _attested(enrolled)
    if kind in NOT_NEEDED:
        return _Said("optional", NOT_NEEDED[kind])
    earlier = next((one for one in rows if kind in OF_ONE_MONTH and not one.superseded), None)
    if earlier is not None and earlier.service_month is not None:
        when = Month.of(earlier.service_month).title
        return _Said("stale", f"For {when}: {words(kind, earlier.value, names)}", earlier)
    return _Said("missing")


def _plan(row: FactRow, copy: FactRow | None, names: Mapping[str, str]) -> _Said:
    plan = words("care-plan", row.value, names)
    if copy is None:
        return _Said("missing", f"{plan}; no copy given yet, and that holds the month", row)
    given = words("care-plan-copy", copy.value, names)
    # The line ends with the plan's own date, so a copy of that day need not repeat it.
    on = "the same day" if copy.effective_on == row.effective_on else f"on {day_long(copy.effective_on)}"
    return _Said("recorded", f"{plan}; copy {given[:1].lower()}{given[1:]} {on}", row)


def _attested(enrolled: Sequence[Enrolled]) -> _Said:
    """Return what the practitioner attested at enrollment, which holds until it is recorded anew."""
    for one in enrolled:
        row = one.enrollment
        if row.is_high_risk and row.expected_months:
            return _Said("recorded", f"Significant risk; {row.expected_months} months or more. Attested at enrollment")
    return _Said("missing")


def _entry(row: FactRow, names: Mapping[str, str]) -> FactEntry:
    value = words(row.kind, row.value, names)
    if row.service_month is not None:
        value = f"{Month.of(row.service_month).title}: {value}"
    return FactEntry(
        value=f"{value} (corrected since)" if row.superseded else value,
        effective_on=None if row.service_month else row.effective_on,
        checked_on=row.checked_on,
        recorded_by=row.recorded_by or "Caretide",
    )


def words(kind: str, value: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Return a fact's value as a person reads it; `names` are the practitioners' by id."""
    by = names.get(str(value.get("practitioner_id")), "")
    match kind:
        case "initiating-visit":
            return _label(VISITS, value["visit"])
        case "care-plan":
            return _label(PLANS, value["plan"])
        case "care-plan-copy":
            return _label(COPIES, value["how"]) + (" to the caregiver" if value.get("to") == "caregiver" else "")
        case "decision-making":
            return _label(LEVELS, value["level"]) + (f", by {by}" if by else "")
        case "election":
            return _label(FAMILIES, value["family"]) + (f", by {by}" if by else "")
        case "facility-stays":
            return "; ".join(_stay(one) for one in value["stays"]) or "None"
        case "other-claims":
            return "; ".join(_claim(one) for one in value["claims"]) or "None found"
        case "hospice-home-health":
            return _hospice(hospice=value["hospice_elected"], home_health=value["home_health_episode"])
        case _:
            risk = "Significant risk" if value["is_high_risk"] else "No significant risk"
            return f"{risk}; {value['expected_months']} months or more"


def _hospice(*, hospice: bool, home_health: bool) -> str:
    found = [name for name, there in (("hospice elected", hospice), ("home health episode", home_health)) if there]
    return " and ".join(found).capitalize() or "Neither"


def _stay(stay: Mapping[str, Any]) -> str:
    kind, since = _label(STAYS, stay["type"]), _day(stay["from"])
    return f"{kind}, {since} to {_day(stay['to'])}" if stay.get("to") else f"{kind}, since {since}"


def _claim(claim: Mapping[str, Any]) -> str:
    biller = "ours" if claim.get("practitioner") == "ours" else "same_group" if claim["same_group"] else "elsewhere"
    on = f" on {_day(claim['dos'])}" if claim.get("dos") else ""
    return f"{claim['code']}{on}, billed by: {_label(BILLERS, biller).lower()}"


def _day(text: object) -> str:
    return day_long(date.fromisoformat(str(text)))


def _label(options: Sequence[Option], value: str) -> str:
    return next((option.label for option in options if option.value == value), value)
