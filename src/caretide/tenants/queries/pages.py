"""What the clinics' pages show."""

from datetime import date
from uuid import UUID

from caretide.kernel.permissions import Permission, Role
from caretide.kernel.records import Data, reads
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import rules, schemas
from caretide.tenants.models import ClinicFact
from caretide.tenants.queries.people import members, practitioners
from caretide.tenants.queries.places import clinic, clinic_facts, clinics
from caretide.ui.forms import Option


@requires(Permission.CLINIC_WRITE, reads(Data.SETTINGS))
async def clinics_page(tx: Tx) -> schemas.ClinicsPage:
    """Return the tenant's clinics, and how many facts each lacks on its own calendar's today."""
    lines: list[schemas.ClinicLine] = []
    for row in await clinics(tx):
        facts = await clinic_facts(tx, row.id, tx.now.astimezone(row.zone).date())
        missing = len(schemas.CLINIC_FACTS.keys() - facts.keys())
        place = ", ".join(_lines(row.address)[-2:]) or row.time_zone
        lines.append(schemas.ClinicLine(clinic_id=row.id, name=row.name, place=place, missing_facts=missing))
    return schemas.ClinicsPage(
        clinics=tuple(lines), zones=_options(rules.US_ZONES), settings=_options(rules.PROVIDER_TYPES)
    )


@requires(Permission.CLINIC_WRITE, reads(Data.SETTINGS, Data.STAFF))
async def clinic_page(tx: Tx, clinic_id: UUID, invited: schemas.InviteLink | None = None) -> schemas.ClinicPage:
    """Return a clinic with its facts and people; `invited` is the link that was made just now."""
    row = await clinic(tx, clinic_id)
    today = tx.now.astimezone(row.zone).date()
    people = await members(tx)
    names = {person.id: person.display_name for person in people}
    facts = await clinic_facts(tx, clinic_id, today)
    return schemas.ClinicPage(
        clinic_id=row.id,
        name=row.name,
        address=_lines(row.address),
        phone=row.phone,
        zone=rules.US_ZONES.get(row.time_zone, row.time_zone),
        setting=rules.PROVIDER_TYPES[row.provider_type],
        today=today,
        facts=tuple(_practice_fact(kind, facts.get(kind), names, today) for kind in schemas.CLINIC_FACTS),
        practitioners=tuple(
            schemas.PractitionerLine(name=p.name, credential=_words(p.kind), npi=p.npi, group=p.tin_group or "")
            for p in await practitioners(tx)
        ),
        members=tuple(
            schemas.MemberLine(
                name=m.display_name, email=m.email, role=_words(m.role), credential=m.credential, state=m.status
            )
            for m in people
        ),
        roles=tuple(Option(role, _words(role)) for role in Role),
        zones=_options({row.time_zone: row.time_zone} | rules.US_ZONES),
        time_zone=row.time_zone,
        full_address=row.address,
        group=row.tin_group,
        invited=invited,
    )


@requires(Permission.CLINIC_WRITE, reads(Data.STAFF))
async def practitioners_page(tx: Tx) -> schemas.PractitionersPage:
    """Return those under whose names months may be billed, each with the member who signs in for them."""
    people = {person.practitioner_id: person for person in await members(tx) if person.practitioner_id}
    groups = sorted({row.tin_group for row in await clinics(tx)})
    return schemas.PractitionersPage(
        practitioners=tuple(
            schemas.PractitionerLine(
                name=row.name,
                credential=_words(row.kind) + (f", {person.credential}" if person and person.credential else ""),
                npi=row.npi,
                group=row.tin_group or "",
                member_id=person.id if person else None,
                member=person.display_name if person else "",
            )
            for row in await practitioners(tx)
            for person in (people.get(row.id),)
        ),
        kinds=tuple(Option(kind, _words(kind)) for kind in rules.PRACTITIONER_KINDS),
        groups=tuple(Option(group, group) for group in groups),
    )


def _practice_fact(kind: str, fact: ClinicFact | None, names: dict[UUID, str], today: date) -> schemas.PracticeFact:
    title, fields = schemas.CLINIC_FACTS[kind], schemas.clinic_fact_fields(kind, today)
    if fact is None:
        return schemas.PracticeFact(kind=kind, title=title, fields=fields)
    detail = fact.value.get("detail", "")
    return schemas.PracticeFact(
        kind=kind,
        title=title,
        value=("Yes" if fact.value["value"] else "No") + (f": {detail}" if detail else ""),
        effective_on=fact.effective_on,
        checked_on=fact.checked_on,
        recorded_by=names.get(fact.recorded_by, "") if fact.recorded_by else "",
        fields=fields,
    )


def _lines(address: str) -> tuple[str, ...]:
    """Return an address part by part."""
    return tuple(part.strip() for part in address.split(",") if part.strip())


def _words(name: str) -> str:
    """Return how a role's or a kind's name reads: `Nurse practitioner`."""
    return name.replace("_", " ").capitalize()


def _options(choices: dict[str, str]) -> tuple[Option, ...]:
    return tuple(Option(value, label) for value, label in choices.items())
