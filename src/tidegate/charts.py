"""Puts each patient's resources together: what was gathered in, the contract's messages out."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from tidegate import contract, resources
from tidegate.contract import AnyMessage, Dropped, Header, PatientMessage, ResourceCount, Retracted, Summary
from tidegate.gather import Gathering
from tidegate.mapping.clinical import map_allergy, map_condition, map_medication
from tidegate.mapping.context import Context, Key
from tidegate.mapping.coverage import map_coverage
from tidegate.mapping.encounters import map_encounter
from tidegate.mapping.people import map_patient, map_practitioner, npi
from tidegate.mapping.values import Unfit, any_code
from tidegate.resources import LOOKED_UP, Clinical, Patient, Practitioner

ENTERED_IN_ERROR: Final = "entered-in-error"

_RETRACTED: Final[dict[str, contract.RetractedKind]] = {
    "Condition": "condition",
    "MedicationRequest": "medication",
    "AllergyIntolerance": "allergy",
    "Coverage": "coverage",
    "Encounter": "encounter",
}


@dataclass
class Chart:
    """The clinical lists of one patient while they are put together."""

    conditions: list[contract.Condition] = field(default_factory=list[contract.Condition])
    medications: list[contract.Medication] = field(default_factory=list[contract.Medication])
    allergies: list[contract.Allergy] = field(default_factory=list[contract.Allergy])
    coverages: list[contract.Coverage] = field(default_factory=list[contract.Coverage])
    encounters: list[contract.Encounter] = field(default_factory=list[contract.Encounter])
    retracted: list[Retracted] = field(default_factory=list[Retracted])

    def add(self, source_id: str, resource: Clinical, context: Context) -> None:
        """Map one resource into its list; raise Unfit."""
        match resource:
            case resources.Condition():
                self.conditions.append(map_condition(source_id, resource, context))
            case resources.MedicationRequest():
                self.medications.append(map_medication(source_id, resource, context))
            case resources.AllergyIntolerance():
                self.allergies.append(map_allergy(source_id, resource, context))
            case resources.Coverage():
                self.coverages.append(map_coverage(source_id, resource, context))
            case resources.Encounter():
                self.encounters.append(map_encounter(source_id, resource, context))

    def of(self, patient: PatientMessage) -> PatientMessage:
        """Return the patient with these lists."""
        whole = msgspec.structs.replace(
            patient,
            conditions=tuple(self.conditions),
            medications=tuple(self.medications),
            allergies=tuple(self.allergies),
            coverages=tuple(self.coverages),
            encounters=tuple(self.encounters),
            retracted=tuple(self.retracted),
        )
        return contract.canonical(whole)


def messages(gathering: Gathering, source: str) -> Iterator[AnyMessage]:
    """Yield the whole stream, header to summary, one patient at a time. To be run once: it counts as it goes."""
    context = _context(gathering)
    yield Header(contract=contract.VERSION, source=source)
    practitioners = patients = 0
    for message in _practitioners(gathering, context):
        practitioners += 1
        yield message
    for message in _patients(gathering, context):
        patients += 1
        yield message
    yield from sorted(gathering.rejected, key=lambda item: (item.file, item.line or 0, item.entry or 0, item.reason))
    yield _summary(gathering, practitioners, patients)


def _context(gathering: Gathering) -> Context:
    held = gathering.held
    numbers = {
        number: key[1]
        for key in sorted(held, reverse=True)
        if isinstance(person := held[key].resource, Practitioner) and (number := npi(person))
    }
    return Context({key: item.resource for key, item in held.items()}, numbers, gathering.dropped)


def _practitioners(gathering: Gathering, context: Context) -> Iterator[contract.PractitionerMessage]:
    for key, held in sorted(gathering.held.items(), key=lambda pair: pair[0]):
        if key[0] in LOOKED_UP:
            gathering.count(key[0], "looked_up")
        if isinstance(held.resource, Practitioner):
            try:
                message = map_practitioner(key[1], held.resource, context)
            except Unfit as error:
                gathering.reject(held.spot, str(error), key[0])
            else:
                gathering.count(key[0], "mapped")
                yield message


def _patients(gathering: Gathering, context: Context) -> Iterator[PatientMessage]:
    belongings = _belongings(gathering, context)
    for key, held in sorted(gathering.held.items(), key=lambda pair: pair[0]):
        if isinstance(held.resource, Patient):
            try:
                person = map_patient(key[1], held.resource, context.within(held.scope))
            except Unfit as error:
                gathering.reject(held.spot, str(error), key[0])
            else:
                gathering.count(key[0], "mapped")
                yield _chart(gathering, belongings.pop(key[1], {}), context).of(person)
    for orphans in belongings.values():
        for key in orphans:
            gathering.reject(gathering.held[key].spot, "its patient is not in this input", key[0], "orphans")


def _belongings(gathering: Gathering, context: Context) -> dict[str, dict[Key, Clinical]]:
    """Return the clinical resources by patient; reject those that name no patient."""
    found: defaultdict[str, dict[Key, Clinical]] = defaultdict(dict)
    for key, held in gathering.held.items():
        if not isinstance(held.resource, Clinical):
            continue
        subject = held.resource.subject
        target = context.within(held.scope).key(subject)
        if target and target[0] == "Patient":
            found[target[1]][key] = held.resource
        else:
            reason = "its subject names no Patient" if subject and subject.reference else "has no subject"
            gathering.reject(held.spot, reason, key[0])
    return found


def _chart(gathering: Gathering, belongings: dict[Key, Clinical], context: Context) -> Chart:
    chart = Chart()
    for key, resource in belongings.items():
        held = gathering.held[key]
        try:
            if _status(resource) == ENTERED_IN_ERROR:
                chart.retracted.append(Retracted(kind=_RETRACTED[key[0]], source_id=key[1]))
                gathering.count(key[0], "retracted")
            else:
                chart.add(key[1], resource, context.within(held.scope))
                gathering.count(key[0], "mapped")
        except Unfit as error:
            gathering.reject(held.spot, str(error), key[0])
    return chart


def _status(resource: Clinical) -> str | None:
    """Return the element in which a resource would say that it was entered in error."""
    if isinstance(resource, resources.Condition | resources.AllergyIntolerance):
        return any_code(resource.verification_status, "verificationStatus")
    return resource.status


def _summary(gathering: Gathering, practitioners: int, patients: int) -> Summary:
    return Summary(
        files=gathering.files,
        practitioners=practitioners,
        patients=patients,
        rejected=len(gathering.rejected),
        resources=tuple(
            ResourceCount(resource_type=kind, read=outcomes.total(), **outcomes)
            for kind, outcomes in sorted(gathering.counts.items())
        ),
        dropped=tuple(Dropped(what=what, count=count) for what, count in sorted(gathering.dropped.items())),
        skipped_files=tuple(sorted(gathering.skipped_files, key=lambda item: item.file)),
    )
