"""Patients and practitioners: who they are and how they are reached."""

import re
from collections.abc import Iterable
from typing import Final, cast, get_args

from tidegate import contract, resources
from tidegate.contract import MBI_FORM, NAME_MAX, PatientMessage, PractitionerMessage, Sex, When
from tidegate.mapping.context import NPI_SYSTEMS, Context
from tidegate.mapping.values import Unfit, code_text, codings, is_before, text, when

MBI_SYSTEMS: Final = frozenset({"http://hl7.org/fhir/sid/us-mbi", "urn:oid:2.16.840.1.113883.4.927"})
IDENTIFIER_TYPES: Final = frozenset({"http://terminology.hl7.org/CodeSystem/v2-0203", "http://hl7.org/fhir/v2/0203"})

# Best first; what is not listed comes last, and `old` is never used.
_NAME_ORDER: Final = ("official", "usual", None, "nickname", "temp", "anonymous", "maiden")
_IDENTIFIER_ORDER: Final = ("official", "usual", None, "secondary", "temp")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)
_LANGUAGE_MAX: Final = 35  # RFC 5646, 4.4.1: the least that a reader must be able to hold
_NPI: Final = re.compile(r"[0-9]{10}", re.ASCII)


def map_practitioner(source_id: str, practitioner: resources.Practitioner, context: Context) -> PractitionerMessage:
    """Return a clinician, with the NPI if it is one."""
    family, given = _name(practitioner.name, "Practitioner.name")
    number = npi(practitioner)
    if number is None and any(item.system in NPI_SYSTEMS for item in practitioner.identifier):
        context.drop("Practitioner.identifier: not an NPI")
    return PractitionerMessage(source_id=source_id, npi=number, family=family, given=given, active=practitioner.active)


def npi(practitioner: resources.Practitioner) -> str | None:
    """Return the first National Provider Identifier whose check digit is right."""
    values = (item.value for item in practitioner.identifier if item.system in NPI_SYSTEMS and item.value)
    return next((value.strip() for value in values if _is_npi(value.strip())), None)


def _is_npi(value: str) -> bool:
    """Check the Luhn digit over the number with the prefix 80840 (45 CFR 162.406; CMS, NPI check digit)."""
    if not _NPI.fullmatch(value):
        return False
    digits = [int(digit) for digit in "80840" + value]
    doubled = (2 * digit - 9 * (digit > 4) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def map_patient(source_id: str, patient: resources.Patient, context: Context) -> PatientMessage:
    """Return a patient without their clinical lists."""
    family, given = _name(patient.name, "Patient.name")
    born = _birth_date(patient)
    died_on = when(patient.deceased_date_time, "Patient.deceasedDateTime")
    if born and died_on and is_before(died_on, born):
        raise Unfit("Patient.deceasedDateTime lies before Patient.birthDate")
    return PatientMessage(
        source_id=source_id,
        mrn=_mrn(patient),
        mbi=_mbi(patient, context),
        family=family,
        given=given,
        birth_date=born,
        sex=_sex(patient, context),
        deceased=True if died_on else patient.deceased_boolean,
        deceased_on=died_on,
        language=_language(patient, context),
        phones=_contacts(patient, frozenset({"phone", "sms"})),
        emails=_contacts(patient, frozenset({"email"})),
        addresses=tuple(_address(item) for item in patient.address if item.use != "old"),
        active=patient.active,
        general_practitioner_id=next(
            (found for found in map(context.practitioner_id, patient.general_practitioner) if found), None
        ),
        replaced_by=_replaced_by(patient, context),
    )


def _birth_date(patient: resources.Patient) -> When | None:
    born = when(patient.birth_date, "Patient.birthDate")
    # A birth "instant" is a date that went through a time zone: the day may be off by one, so it is no birth date.
    if born and "T" in (patient.birth_date or ""):
        raise Unfit("Patient.birthDate has a time of day")
    return born


def _name(names: Iterable[resources.HumanName], element: str) -> tuple[str, str]:
    usable = [name for name in names if name.use != "old" and (name.family or any(name.given) or name.text)]
    if not usable:
        return "", ""
    best = min(usable, key=lambda name: _rank(name.use, _NAME_ORDER))
    family = text(best.family, f"{element}.family", NAME_MAX)
    given = text(" ".join(part for part in best.given if part), f"{element}.given", NAME_MAX)
    if not family and not given:
        family = text(best.text, f"{element}.text", NAME_MAX)
    return family or "", given or ""


def _rank(use: str | None, order: tuple[str | None, ...]) -> int:
    return order.index(use) if use in order else len(order)


def _identifiers(patient: resources.Patient, kind: str, systems: frozenset[str]) -> list[str]:
    """Return the values of one kind of identifier, best use first."""
    fitting = [
        item
        for item in patient.identifier
        if item.value
        and item.use != "old"
        and (
            item.system in systems
            or any(coding.code == kind and coding.system in IDENTIFIER_TYPES for coding in codings(item.type))
        )
    ]
    fitting.sort(key=lambda item: _rank(item.use, _IDENTIFIER_ORDER))
    return [item.value for item in fitting if item.value]


def _mrn(patient: resources.Patient) -> str | None:
    found = _identifiers(patient, "MR", frozenset())
    return code_text(found[0], "Patient.identifier") if found else None


def _mbi(patient: resources.Patient, context: Context) -> str | None:
    """Return the Medicare number without the dashes and blanks that cards are printed with."""
    found = _identifiers(patient, "MC", MBI_SYSTEMS)
    plain = [value.replace("-", "").replace(" ", "").upper() for value in found]
    number = next((value for value in plain if re.search(MBI_FORM, value)), None)
    if plain and number is None:
        context.drop("Patient.identifier: not a Medicare Beneficiary Identifier")
    return number


def _sex(patient: resources.Patient, context: Context) -> Sex | None:
    if patient.gender is None or patient.gender in get_args(Sex):
        return cast("Sex | None", patient.gender)
    context.drop("Patient.gender: not an administrative gender")
    return None


def _language(patient: resources.Patient, context: Context) -> str | None:
    """Return the preferred language, or the only one; of several none of which is preferred, nobody knows."""
    spoken = [item for item in patient.communication if codings(item.language)]
    preferred = [item for item in spoken if item.preferred] or (spoken if len(spoken) == 1 else [])
    if not preferred:
        return None
    tag = (codings(preferred[0].language)[0].code or "").strip().replace("_", "-")
    primary, *rest = tag.split("-")
    tag = "-".join([primary.lower(), *rest])
    if _LANGUAGE.fullmatch(tag) and len(tag) <= _LANGUAGE_MAX:
        return tag
    context.drop("Patient.communication: not a BCP 47 language")
    return None


def _contacts(patient: resources.Patient, systems: frozenset[str]) -> tuple[contract.ContactPoint, ...]:
    found: list[contract.ContactPoint] = []
    for item in patient.telecom:
        value = text(item.value, "Patient.telecom")
        if value and item.system in systems and item.use != "old":
            use = code_text(item.use, "Patient.telecom.use")
            found.append(contract.ContactPoint(value=value, use=use, rank=item.rank))
    return tuple(dict.fromkeys(found))


def _address(address: resources.Address) -> contract.Address:
    lines = [line for line in (text(line, "Patient.address.line") for line in address.line) if line]
    whole = text(address.text, "Patient.address.text")
    if not lines and not address.city and whole:
        lines = [whole]
    return contract.Address(
        use=code_text(address.use, "Patient.address.use"),
        lines=tuple(lines),
        city=text(address.city, "Patient.address.city", NAME_MAX),
        state=text(address.state, "Patient.address.state", NAME_MAX),
        postal_code=code_text(address.postal_code, "Patient.address.postalCode"),
        country=text(address.country, "Patient.address.country", NAME_MAX),
    )


def _replaced_by(patient: resources.Patient, context: Context) -> str | None:
    """Return the surviving record of a merge (FHIR R4, Patient.link of type replaced-by)."""
    keys = (context.key(link.other) for link in patient.link if link.type == "replaced-by")
    return next((key[1] for key in keys if key and key[0] == "Patient"), None)
