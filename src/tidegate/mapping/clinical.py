"""Conditions, medications and allergies."""

import re
from typing import Final

import msgspec

from tidegate import contract, resources
from tidegate.contract import DOSAGE_MAX
from tidegate.mapping.context import Context
from tidegate.mapping.values import (
    ICD10_CM,
    RXNORM,
    SNOMED,
    Unfit,
    any_code,
    as_code,
    codes_in,
    codings,
    first_code,
    text,
    when,
    words,
)

_ICD10: Final = re.compile(r"([A-Z][0-9][0-9A-Z])\.?([0-9A-Z]{0,4})", re.ASCII)

_read_medication: Final = msgspec.json.Decoder(resources.Medication).decode


def map_condition(source_id: str, condition: resources.Condition, context: Context) -> contract.Condition:
    """Return a problem or diagnosis with its ICD-10-CM and SNOMED CT codes."""
    icd10 = _icd10(condition.code, context)
    onset = condition.onset_date_time or (condition.onset_period.start if condition.onset_period else None)
    ended = condition.abatement_period
    abatement = condition.abatement_date_time or (ended.end or ended.start if ended else None)
    categories = (any_code(item, "Condition.category") for item in condition.category)
    return contract.Condition(
        source_id=source_id,
        icd10=icd10[0] if icd10 else None,
        icd10_also=tuple(icd10[1:]),
        snomed=first_code(condition.code, SNOMED, "Condition.code"),
        text=words(condition.code, "Condition.code"),
        clinical_status=any_code(condition.clinical_status, "Condition.clinicalStatus"),
        verification=any_code(condition.verification_status, "Condition.verificationStatus"),
        categories=tuple(dict.fromkeys(code for code in categories if code)),
        onset=when(onset, "Condition.onset"),
        abatement=when(abatement, "Condition.abatement"),
        recorded=when(condition.recorded_date, "Condition.recordedDate"),
    )


def _icd10(concept: resources.Concept | None, context: Context) -> list[str]:
    """Return the ICD-10-CM codes in printed form: some systems send claims' form, without the dot."""
    found: list[str] = []
    for code in codes_in(concept, ICD10_CM, "Condition.code"):
        match = _ICD10.fullmatch(code.upper())
        if match:
            found.append(f"{match[1]}.{match[2]}" if match[2] else match[1])
        else:
            context.drop("Condition.code: not the form of an ICD-10-CM code")
    return list(dict.fromkeys(found))


def map_medication(source_id: str, request: resources.MedicationRequest, context: Context) -> contract.Medication:
    """Return a prescription; its medication may be coded, contained or another resource."""
    concept = request.medication_codeable_concept or _referred(request, context)
    reference = request.medication_reference
    named = text(reference.display, "MedicationRequest.medicationReference") if reference else None
    lines = (item.text or item.patient_instruction for item in request.dosage_instruction)
    return contract.Medication(
        source_id=source_id,
        rxnorm=first_code(concept, RXNORM, "MedicationRequest.medication"),
        text=words(concept, "MedicationRequest.medication") or named,
        status=text(request.status, "MedicationRequest.status", contract.CODE_MAX),
        intent=text(request.intent, "MedicationRequest.intent", contract.CODE_MAX),
        authored=when(request.authored_on, "MedicationRequest.authoredOn"),
        dosage=text("; ".join(line.strip() for line in lines if line), "MedicationRequest.dosage", DOSAGE_MAX),
    )


def _referred(request: resources.MedicationRequest, context: Context) -> resources.Concept | None:
    reference = request.medication_reference
    if reference is None or reference.reference is None:
        return None
    if reference.reference.startswith("#"):
        return _contained(request, reference.reference[1:])
    found = context.find(reference, resources.Medication)
    return found.code if found else None


def _contained(request: resources.MedicationRequest, inner_id: str) -> resources.Concept | None:
    for raw in request.contained:
        try:
            inner = _read_medication(raw)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise Unfit("MedicationRequest.contained cannot be read") from error
        if inner.id == inner_id:
            return inner.code
    return None


def map_allergy(source_id: str, allergy: resources.AllergyIntolerance, context: Context) -> contract.Allergy:
    """Return an allergy under its first code."""
    del context
    coded = codings(allergy.code)
    reactions = (
        words(concept, "AllergyIntolerance.reaction") for item in allergy.reaction for concept in item.manifestation
    )
    return contract.Allergy(
        source_id=source_id,
        code=as_code(coded[0], "AllergyIntolerance.code") if coded else None,
        text=words(allergy.code, "AllergyIntolerance.code"),
        criticality=text(allergy.criticality, "AllergyIntolerance.criticality", contract.CODE_MAX),
        clinical_status=any_code(allergy.clinical_status, "AllergyIntolerance.clinicalStatus"),
        verification=any_code(allergy.verification_status, "AllergyIntolerance.verificationStatus"),
        recorded=when(allergy.recorded_date, "AllergyIntolerance.recordedDate"),
        reactions=tuple(dict.fromkeys(found for found in reactions if found)),
    )
