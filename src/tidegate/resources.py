"""FHIR R4 resources, as little of them as is mapped: what is not named here is skipped while decoding.

Dates stay text here (FHIR's partial dates are no ISO dates); `mapping` reads them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import Raw, Struct, field

_R4_TYPES: Final = """
    Account ActivityDefinition AdverseEvent AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic Binary
    BiologicallyDerivedProduct BodyStructure Bundle CapabilityStatement CarePlan CareTeam CatalogEntry ChargeItem
    ChargeItemDefinition Claim ClaimResponse ClinicalImpression CodeSystem Communication CommunicationRequest
    CompartmentDefinition Composition ConceptMap Condition Consent Contract Coverage CoverageEligibilityRequest
    CoverageEligibilityResponse DetectedIssue Device DeviceDefinition DeviceMetric DeviceRequest DeviceUseStatement
    DiagnosticReport DocumentManifest DocumentReference EffectEvidenceSynthesis Encounter Endpoint EnrollmentRequest
    EnrollmentResponse EpisodeOfCare EventDefinition Evidence EvidenceVariable ExampleScenario ExplanationOfBenefit
    FamilyMemberHistory Flag Goal GraphDefinition Group GuidanceResponse HealthcareService ImagingStudy Immunization
    ImmunizationEvaluation ImmunizationRecommendation ImplementationGuide InsurancePlan Invoice Library Linkage List
    Location Measure MeasureReport Media Medication MedicationAdministration MedicationDispense MedicationKnowledge
    MedicationRequest MedicationStatement MedicinalProduct MedicinalProductAuthorization
    MedicinalProductContraindication MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction
    MedicinalProductManufactured MedicinalProductPackaged MedicinalProductPharmaceutical
    MedicinalProductUndesirableEffect MessageDefinition MessageHeader MolecularSequence NamingSystem NutritionOrder
    Observation ObservationDefinition OperationDefinition OperationOutcome Organization OrganizationAffiliation
    Parameters Patient PaymentNotice PaymentReconciliation Person PlanDefinition Practitioner PractitionerRole
    Procedure Provenance Questionnaire QuestionnaireResponse RelatedPerson RequestGroup ResearchDefinition
    ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment RiskEvidenceSynthesis Schedule
    SearchParameter ServiceRequest Slot Specimen SpecimenDefinition StructureDefinition StructureMap Subscription
    Substance SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation
    SubstanceSourceMaterial SubstanceSpecification SupplyDelivery SupplyRequest Task TerminologyCapabilities
    TestReport TestScript ValueSet VerificationResult VisionPrescription
"""

TYPES: Final = frozenset(_R4_TYPES.split())
"""Every resource type of R4 (4.0.1). What else stands in `resourceType` may be anything, and is never repeated."""


class Element(Struct, frozen=True, rename="camel", gc=False):
    """A piece of a resource; unknown keys are ignored.

    Decoded trees have no cycles, and many are held at once: the garbage collector need not walk them.
    """


class Meta(Element, frozen=True):
    """Which version of a resource this is."""

    last_updated: str | None = None
    version_id: str | int | None = None


class Period(Element, frozen=True):
    """From a time to a time, both inclusive."""

    start: str | None = None
    end: str | None = None


class Coding(Element, frozen=True):
    """One code of one system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None
    user_selected: bool | None = None


class Concept(Element, frozen=True):
    """FHIR's CodeableConcept: one meaning in several codes, and in words."""

    coding: tuple[Coding, ...] = ()
    text: str | None = None


class Reference(Element, frozen=True):
    """A pointer to another resource, never followed over a network."""

    reference: str | None = None
    display: str | None = None


class Identifier(Element, frozen=True):
    """A number that somebody gave."""

    use: str | None = None
    type: Concept | None = None
    system: str | None = None
    value: str | None = None


class HumanName(Element, frozen=True):
    """A name; `given` has null where only an extension stands."""

    use: str | None = None
    family: str | None = None
    given: tuple[str | None, ...] = ()
    text: str | None = None


class ContactPoint(Element, frozen=True):
    """A telephone number, mail address and the like."""

    system: str | None = None
    value: str | None = None
    use: str | None = None
    rank: int | None = None


class Address(Element, frozen=True):
    """A postal address."""

    use: str | None = None
    line: tuple[str | None, ...] = ()
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    text: str | None = None


class Communication(Element, frozen=True):
    """A language that a patient speaks."""

    language: Concept | None = None
    preferred: bool | None = None


class Link(Element, frozen=True):
    """Another record of the same person."""

    type: str | None = None
    other: Reference | None = None


class Dosage(Element, frozen=True):
    """How a medication is taken, in words."""

    text: str | None = None
    patient_instruction: str | None = None


class Reaction(Element, frozen=True):
    """What an allergy did."""

    manifestation: tuple[Concept, ...] = ()


class PlanClass(Element, frozen=True):
    """The plan or group of a coverage."""

    name: str | None = None


class Participant(Element, frozen=True):
    """Who took part in an encounter."""

    type: tuple[Concept, ...] = ()
    individual: Reference | None = None


class EncounterLocation(Element, frozen=True):
    """Where an encounter took place."""

    location: Reference | None = None


class Resource(Element, frozen=True):
    """What all resources have."""

    id: str | None = None
    meta: Meta | None = None


class Patient(Resource, frozen=True):
    """A person in care."""

    active: bool | None = None
    identifier: tuple[Identifier, ...] = ()
    name: tuple[HumanName, ...] = ()
    telecom: tuple[ContactPoint, ...] = ()
    gender: str | None = None
    birth_date: str | None = None
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None
    address: tuple[Address, ...] = ()
    communication: tuple[Communication, ...] = ()
    general_practitioner: tuple[Reference, ...] = ()
    link: tuple[Link, ...] = ()


class Practitioner(Resource, frozen=True):
    """A clinician."""

    active: bool | None = None
    identifier: tuple[Identifier, ...] = ()
    name: tuple[HumanName, ...] = ()


class Condition(Resource, frozen=True):
    """A problem or diagnosis."""

    clinical_status: Concept | None = None
    verification_status: Concept | None = None
    category: tuple[Concept, ...] = ()
    code: Concept | None = None
    subject: Reference | None = None
    onset_date_time: str | None = None
    onset_period: Period | None = None
    abatement_date_time: str | None = None
    abatement_period: Period | None = None
    recorded_date: str | None = None


class MedicationRequest(Resource, frozen=True):
    """A prescription or order; its medication is coded, contained or referred to."""

    status: str | None = None
    intent: str | None = None
    medication_codeable_concept: Concept | None = None
    medication_reference: Reference | None = None
    subject: Reference | None = None
    authored_on: str | None = None
    dosage_instruction: tuple[Dosage, ...] = ()
    contained: tuple[Raw, ...] = ()


class AllergyIntolerance(Resource, frozen=True):
    """An allergy or intolerance."""

    clinical_status: Concept | None = None
    verification_status: Concept | None = None
    criticality: str | None = None
    code: Concept | None = None
    subject: Reference | None = field(default=None, name="patient")
    recorded_date: str | None = None
    reaction: tuple[Reaction, ...] = ()


class Coverage(Resource, frozen=True):
    """An insurance, or who pays otherwise."""

    status: str | None = None
    type: Concept | None = None
    subscriber_id: str | None = None
    subject: Reference | None = field(default=None, name="beneficiary")
    period: Period | None = None
    payor: tuple[Reference, ...] = ()
    plan: tuple[PlanClass, ...] = field(default=(), name="class")
    order: int | None = None


class Encounter(Resource, frozen=True):
    """A visit or stay."""

    status: str | None = None
    encounter_class: Coding | None = field(default=None, name="class")
    type: tuple[Concept, ...] = ()
    subject: Reference | None = None
    participant: tuple[Participant, ...] = ()
    period: Period | None = None
    location: tuple[EncounterLocation, ...] = ()


class Medication(Resource, frozen=True):
    """What a MedicationRequest may refer to."""

    code: Concept | None = None


class Organization(Resource, frozen=True):
    """Read for the names of payors."""

    name: str | None = None


class Location(Resource, frozen=True):
    """Read for the kind of place of an encounter."""

    type: tuple[Concept, ...] = ()


class PractitionerRole(Resource, frozen=True):
    """Stands for its practitioner where a reference names the role."""

    practitioner: Reference | None = None


Clinical = Condition | MedicationRequest | AllergyIntolerance | Coverage | Encounter
LookedUp = Medication | Organization | Location | PractitionerRole
AnyResource = Patient | Practitioner | Clinical | LookedUp

LOOKED_UP: Final = frozenset({"Medication", "Organization", "Location", "PractitionerRole"})

DECODERS: Final[Mapping[str, msgspec.json.Decoder[AnyResource]]] = MappingProxyType({
    kind.__name__: msgspec.json.Decoder[AnyResource](kind)
    for kind in (
        Patient,
        Practitioner,
        Condition,
        MedicationRequest,
        AllergyIntolerance,
        Coverage,
        Encounter,
        Medication,
        Organization,
        Location,
        PractitionerRole,
    )
})  # fmt: skip


class Head(Struct, frozen=True, rename="camel"):
    """As much of a resource as tells what it is."""

    resource_type: str


class Identity(Struct, frozen=True, rename="camel"):
    """As much of a resource as a reference can name."""

    resource_type: str
    id: str | None = None


class Request(Element, frozen=True):
    """What a transaction's entry asks for."""

    method: str | None = None


class Entry(Struct, frozen=True, rename="camel"):
    """An entry of a Bundle; `resource` is empty where a response or a deletion has none."""

    full_url: str | None = None
    request: Request | None = None
    resource: Raw = field(default_factory=Raw)


class Bundle(Struct, frozen=True, rename="camel"):
    """A Bundle of any type, its entries not yet decoded so that one bad entry spoils no other."""

    entry: tuple[Raw, ...] = ()


read_head: Final = msgspec.json.Decoder(Head).decode
read_identity: Final = msgspec.json.Decoder(Identity).decode
read_entry: Final = msgspec.json.Decoder(Entry).decode
read_bundle: Final = msgspec.json.Decoder(Bundle).decode
