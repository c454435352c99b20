"""Encounters: visits and stays, and in what kind of place."""

from collections.abc import Iterator
from typing import Final

from tidegate import contract, resources
from tidegate.contract import Facility
from tidegate.mapping.context import Context
from tidegate.mapping.values import ABSENT, code_list, code_text, codings, first_word, period

PLACE_OF_SERVICE: Final = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
ROLE_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
SNOMED_CT: Final = "http://snomed.info/sct"

# What a visit type or a location's type says of the place; it is more exact than the class and goes first.
_PLACES: Final[dict[tuple[str, str], Facility]] = {
    (SNOMED_CT, "449411000124106"): "skilled_nursing_facility",  # admission to skilled nursing facility
    (SNOMED_CT, "305336008"): "hospice",  # admission to hospice
    (SNOMED_CT, "32485007"): "inpatient_hospital",  # hospital admission
    (SNOMED_CT, "50849002"): "emergency",  # emergency room admission
    (SNOMED_CT, "439708006"): "home",  # home visit
    (ROLE_CODE, "SNF"): "skilled_nursing_facility",
    (ROLE_CODE, "NCCF"): "nursing_facility",
    (ROLE_CODE, "ER"): "emergency",
    (PLACE_OF_SERVICE, "02"): "virtual",
    (PLACE_OF_SERVICE, "10"): "virtual",
    (PLACE_OF_SERVICE, "11"): "ambulatory",
    (PLACE_OF_SERVICE, "12"): "home",
    (PLACE_OF_SERVICE, "19"): "ambulatory",
    (PLACE_OF_SERVICE, "20"): "ambulatory",
    (PLACE_OF_SERVICE, "21"): "inpatient_hospital",
    (PLACE_OF_SERVICE, "22"): "ambulatory",
    (PLACE_OF_SERVICE, "23"): "emergency",
    (PLACE_OF_SERVICE, "31"): "skilled_nursing_facility",
    (PLACE_OF_SERVICE, "32"): "nursing_facility",
    (PLACE_OF_SERVICE, "34"): "hospice",
    (PLACE_OF_SERVICE, "51"): "inpatient_hospital",
    (PLACE_OF_SERVICE, "61"): "inpatient_hospital",
}

# HL7 v3 ActEncounterCode. An observation stay is outpatient care for Medicare, so it is not called inpatient.
_CLASSES: Final[dict[str, Facility]] = {
    "IMP": "inpatient_hospital",
    "ACUTE": "inpatient_hospital",
    "NONAC": "inpatient_hospital",
    "EMER": "emergency",
    "OBSENC": "observation",
    "HH": "home",
    "AMB": "ambulatory",
    "SS": "ambulatory",
    "VR": "virtual",
}

_STAYS: Final = frozenset({"inpatient_hospital", "skilled_nursing_facility", "nursing_facility", "hospice"})

# Who is meant where several took part: the primary performer, else the attending.
_ROLES: Final = ("PPRF", "ATND")


def map_encounter(source_id: str, encounter: resources.Encounter, context: Context) -> contract.Encounter:
    """Return a visit or stay."""
    start, end = period(encounter.period, "Encounter.period")
    coded = encounter.encounter_class
    known = coded is not None and coded.system not in ABSENT
    return contract.Encounter(
        source_id=source_id,
        encounter_class=code_text(coded.code, "Encounter.class") if coded and known else None,
        facility=_facility(encounter, context),
        status=code_text(encounter.status, "Encounter.status"),
        codes=code_list(encounter.type, "Encounter.type"),
        text=first_word(encounter.type, "Encounter.type"),
        start=start,
        end=end,
        practitioner_id=_practitioner(encounter, context),
    )


def _facility(encounter: resources.Encounter, context: Context) -> Facility:
    coded = encounter.encounter_class
    by_class = _CLASSES.get((coded.code if coded else None) or "", "unknown")
    for concept in _place_concepts(encounter, context):
        for coding in codings(concept):
            place = _PLACES.get((coding.system or "", coding.code or ""))
            # A stay that began in the emergency room is still a stay.
            if place and (by_class != "inpatient_hospital" or place in _STAYS):
                return place
    return by_class


def _place_concepts(encounter: resources.Encounter, context: Context) -> Iterator[resources.Concept]:
    yield from encounter.type
    for item in encounter.location:
        location = context.find(item.location, resources.Location)
        if location:
            yield from location.type


def _practitioner(encounter: resources.Encounter, context: Context) -> str | None:
    ranked = sorted(encounter.participant, key=_role_rank)
    found = (context.practitioner_id(participant.individual) for participant in ranked)
    return next((practitioner for practitioner in found if practitioner), None)


def _role_rank(participant: resources.Participant) -> int:
    roles = {coding.code for concept in participant.type for coding in codings(concept)}
    return next((rank for rank, role in enumerate(_ROLES) if role in roles), len(_ROLES))
