"""What Tidegate says to Caretide: the one module of the gateway that Caretide imports.

`tidegate map` writes one message a line, JSON in UTF-8: a `Header`, then every `PractitionerMessage`, every
`PatientMessage`, every `Rejected`, and a `Summary` as the last line: a stream without its `Summary` was cut off.
Messages are told apart by their key `type`; fields at their default are left out of the JSON.

A patient is one message with everything of that patient: a reader that takes a message whole is never half done.
`None` means that the source does not say (or says that it cannot say): never "no".
"""

import hashlib
from calendar import monthrange
from datetime import date, datetime
from operator import attrgetter
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

VERSION: Final = 1
"""The contract's version: raised when a reader of the version before would misunderstand a message."""

ID_MAX: Final = 64
CODE_MAX: Final = 100
NAME_MAX: Final = 200
TEXT_MAX: Final = 2_000
DOSAGE_MAX: Final = 8_000

SourceId = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9\-._]{1,64}\Z")]
"""A resource's id at the source (FHIR's `id`, and the underscore that some servers use)."""
CodeText = Annotated[str, Meta(min_length=1, max_length=CODE_MAX)]
Name = Annotated[str, Meta(max_length=NAME_MAX)]
Text = Annotated[str, Meta(min_length=1, max_length=TEXT_MAX)]
_L = "AC-HJKMNP-RT-Y"  # the letters that cannot be taken for digits: no S, L, O, I, B, Z
MBI_FORM: Final = rf"\A[1-9][{_L}S][{_L}0-9][0-9][{_L}][{_L}0-9][0-9][{_L}][{_L}][0-9][0-9]\Z"
Mbi = Annotated[str, Meta(pattern=MBI_FORM)]
"""A Medicare Beneficiary Identifier, upper case without dashes (CMS, MBI format, 2018).

CMS gives out no S in the second place; test data does, so that no test number is a person's. It is taken.
"""
Npi = Annotated[str, Meta(pattern=r"\A[0-9]{10}\Z")]
Icd10 = Annotated[str, Meta(pattern=r"\A[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?\Z")]
"""An ICD-10-CM code in its printed form, with the dot: `E11.9`. The form is checked, not that the code exists."""
Count = Annotated[int, Meta(ge=0)]
Place = Annotated[int, Meta(ge=1)]

Sex = Literal["male", "female", "other", "unknown"]
CoverageKind = Literal[
    "original_medicare_part_b",
    "medicare_part_a_only",
    "medicare_advantage",
    "medicaid",
    "commercial",
    "other",
    "unknown",
]
Facility = Literal[
    "inpatient_hospital",
    "skilled_nursing_facility",
    "nursing_facility",
    "hospice",
    "emergency",
    "observation",
    "home",
    "ambulatory",
    "virtual",
    "unknown",
]
RetractedKind = Literal["condition", "medication", "allergy", "coverage", "encounter"]


class Part(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What messages are made of: immutable, and unknown fields are refused."""


class When(Part, frozen=True, kw_only=True):
    """A point in time as precisely as the source knows it; exactly one field is set.

    `instant` is aware, with the offset that the source wrote. `month` is `YYYY-MM`, `year` is `YYYY`: partial FHIR
    dates stay text, so that nobody takes 2019 for the first of January.
    """

    instant: Annotated[datetime, Meta(tz=True)] | None = None
    day: date | None = None
    month: Annotated[str, Meta(pattern=r"\A[0-9]{4}-(0[1-9]|1[0-2])\Z")] | None = None
    year: Annotated[str, Meta(pattern=r"\A[0-9]{4}\Z")] | None = None

    def __post_init__(self) -> None:
        """Refuse none and more than one."""
        if sum(value is not None for value in (self.instant, self.day, self.month, self.year)) != 1:
            raise ValueError("a point in time has exactly one of instant, day, month, year")

    @property
    def precision(self) -> Literal["instant", "day", "month", "year"]:
        """Which field is set."""
        if self.instant:
            return "instant"
        if self.day:
            return "day"
        return "month" if self.month else "year"

    @property
    def text(self) -> str:
        """The point in ISO 8601, no more precise than it is known."""
        exact = self.instant or self.day
        return exact.isoformat() if exact else self.month or self.year or ""

    @property
    def first_day(self) -> date:
        """The earliest day it can be; an instant's day is that of its own offset."""
        if self.instant:
            return self.instant.date()
        if self.day:
            return self.day
        year, month = (int(part) for part in (self.month or f"{self.year}-01").split("-"))
        return date(year, month, 1)

    @property
    def last_day(self) -> date:
        """The latest day it can be."""
        if self.instant or self.day:
            return self.first_day
        year, month = (int(part) for part in (self.month or f"{self.year}-12").split("-"))
        return date(year, month, monthrange(year, month)[1])


class Code(Part, frozen=True, kw_only=True):
    """A code with the URI of its system (None where the source names none)."""

    code: CodeText
    system: Text | None = None
    text: Text | None = None


class ContactPoint(Part, frozen=True, kw_only=True):
    """A telephone number or mail address as the source writes it; a lower `rank` is preferred."""

    value: Text
    use: CodeText | None = None
    rank: int | None = None


class Address(Part, frozen=True, kw_only=True):
    """A postal address as the source writes it (`state` may be a name or a two-letter code)."""

    use: CodeText | None = None
    lines: tuple[Text, ...] = ()
    city: Name | None = None
    state: Name | None = None
    postal_code: CodeText | None = None
    country: Name | None = None


class Condition(Part, frozen=True, kw_only=True):
    """A problem or diagnosis. `verification` may be `refuted` or `unconfirmed`: such a one is no diagnosis.

    `icd10_also` holds further ICD-10-CM codes of the same entry (a SNOMED concept can map to two).
    """

    source_id: SourceId
    icd10: Icd10 | None = None
    icd10_also: tuple[Icd10, ...] = ()
    snomed: CodeText | None = None
    text: Text | None = None
    clinical_status: CodeText | None = None
    verification: CodeText | None = None
    categories: tuple[CodeText, ...] = ()
    onset: When | None = None
    abatement: When | None = None
    recorded: When | None = None


class Medication(Part, frozen=True, kw_only=True):
    """A prescription or order (FHIR MedicationRequest); `intent` tells an order from a proposal."""

    source_id: SourceId
    rxnorm: CodeText | None = None
    text: Text | None = None
    status: CodeText | None = None
    intent: CodeText | None = None
    authored: When | None = None
    dosage: Annotated[str, Meta(min_length=1, max_length=DOSAGE_MAX)] | None = None


class Allergy(Part, frozen=True, kw_only=True):
    """An allergy or intolerance, or the statement that there is none (SNOMED CT 716186003 and its like)."""

    source_id: SourceId
    code: Code | None = None
    text: Text | None = None
    criticality: CodeText | None = None
    clinical_status: CodeText | None = None
    verification: CodeText | None = None
    recorded: When | None = None
    reactions: tuple[Text, ...] = ()


class Coverage(Part, frozen=True, kw_only=True):
    """One coverage as the source has it, whatever its status and period.

    `kind` says what this record alone proves. `medicare_part_a_only` is a record that names Part A and not Part B:
    another record may prove Part B. "Medicare" without a part is `unknown`: nobody has said that Part B is in force.
    `start` and `end` are inclusive; no `end` means open (also where the source wrote 9999-12-31).
    """

    source_id: SourceId
    kind: CoverageKind
    type_text: Text | None = None
    payor_text: Text | None = None
    plan_text: Text | None = None
    status: CodeText | None = None
    order: int | None = None
    start: When | None = None
    end: When | None = None
    subscriber_id: CodeText | None = None


class Encounter(Part, frozen=True, kw_only=True):
    """A visit or stay. `codes` are the visit types, CPT and HCPCS among them where the source codes so.

    `facility` is where the patient was. That a nursing stay was paid by Part A is not known here.
    """

    source_id: SourceId
    encounter_class: CodeText | None = None
    facility: Facility = "unknown"
    status: CodeText | None = None
    codes: tuple[Code, ...] = ()
    text: Text | None = None
    start: When | None = None
    end: When | None = None
    practitioner_id: SourceId | None = None


class Retracted(Part, frozen=True, kw_only=True):
    """Something that the source says was entered in error: forget it, or never learn it."""

    kind: RetractedKind
    source_id: SourceId


class Message(Part, frozen=True, kw_only=True, tag_field="type"):
    """A line of the stream."""


class Header(Message, frozen=True, kw_only=True, tag="header"):
    """The first line. Ids are unique inside `source` only."""

    contract: int
    source: Name


class PractitionerMessage(Message, frozen=True, kw_only=True, tag="practitioner"):
    """A clinician; names are empty where the source gives none. `npi` is None unless its check digit is right."""

    source_id: SourceId
    npi: Npi | None = None
    family: Name = ""
    given: Name = ""
    active: bool | None = None


class PatientMessage(Message, frozen=True, kw_only=True, tag="patient"):
    """A patient with everything that is known of them.

    Names are empty where the source gives none; a name without parts is all in `family`. `birth_date` is a day or
    partial, never an instant. `deceased` may be true without a `deceased_on`. `replaced_by` is the patient that this
    record was merged into. Lists are sorted by `source_id`.
    """

    source_id: SourceId
    mrn: CodeText | None = None
    mbi: Mbi | None = None
    family: Name = ""
    given: Name = ""
    birth_date: When | None = None
    sex: Sex | None = None
    deceased: bool | None = None
    deceased_on: When | None = None
    language: Annotated[str, Meta(pattern=r"\A[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")] | None = None
    phones: tuple[ContactPoint, ...] = ()
    emails: tuple[ContactPoint, ...] = ()
    addresses: tuple[Address, ...] = ()
    active: bool | None = None
    general_practitioner_id: SourceId | None = None
    replaced_by: SourceId | None = None
    conditions: tuple[Condition, ...] = ()
    medications: tuple[Medication, ...] = ()
    allergies: tuple[Allergy, ...] = ()
    coverages: tuple[Coverage, ...] = ()
    encounters: tuple[Encounter, ...] = ()
    retracted: tuple[Retracted, ...] = ()


class Rejected(Message, frozen=True, kw_only=True, tag="rejected"):
    """Something that could not be read or belongs to nobody; the rest went on. `reason` holds no health data.

    `line` counts from 1 in a file of lines, `entry` from 1 in a Bundle; a fault of the whole file has neither.
    """

    file: Text
    line: Place | None = None
    entry: Place | None = None
    resource_type: CodeText | None = None
    reason: Text


class ResourceCount(Part, frozen=True, kw_only=True):
    """What became of the resources of one type: `read` is the sum of all the others.

    `resource_type` is `unreadable` for what could not be told. `looked_up`: read for the sake of names alone.
    `duplicates`: another version of the same resource was taken. `orphans` and `rejected` have `Rejected` lines.
    """

    resource_type: CodeText
    read: Count = 0
    mapped: Count = 0
    looked_up: Count = 0
    retracted: Count = 0
    duplicates: Count = 0
    not_mapped: Count = 0
    orphans: Count = 0
    rejected: Count = 0


class Dropped(Part, frozen=True, kw_only=True):
    """A kind of single value that was left out of an otherwise good resource, and how often."""

    what: Text
    count: Count


class SkippedFile(Part, frozen=True, kw_only=True):
    """A file that was left aside, and why."""

    file: Text
    reason: Text


class Summary(Message, frozen=True, kw_only=True, tag="summary"):
    """The last line. `rejected` counts the `Rejected` lines."""

    files: Count
    practitioners: Count
    patients: Count
    rejected: Count
    resources: tuple[ResourceCount, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    skipped_files: tuple[SkippedFile, ...] = ()


AnyMessage = Header | PractitionerMessage | PatientMessage | Rejected | Summary

_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(AnyMessage)


class BadMessage(ValueError):
    """A line is not a message of this contract. The text names the field, never its value."""


def encode(message: AnyMessage) -> bytes:
    """Return a message as one line without its end; the same message always gives the same bytes."""
    return _encoder.encode(message)


def decode(line: bytes | str) -> AnyMessage:
    """Read one line; raise BadMessage when it is not a message, has unknown fields or breaks a field's form."""
    try:
        return _decoder.decode(line)
    except UnicodeDecodeError as error:
        raise BadMessage("not UTF-8") from error
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadMessage(str(error)) from error


def canonical(message: PatientMessage) -> PatientMessage:
    """Return the message with every list of resources sorted by source id, whatever order they arrived in."""
    by_id = attrgetter("source_id")
    return msgspec.structs.replace(
        message,
        conditions=tuple(sorted(message.conditions, key=by_id)),
        medications=tuple(sorted(message.medications, key=by_id)),
        allergies=tuple(sorted(message.allergies, key=by_id)),
        coverages=tuple(sorted(message.coverages, key=by_id)),
        encounters=tuple(sorted(message.encounters, key=by_id)),
        retracted=tuple(sorted(message.retracted, key=attrgetter("kind", "source_id"))),
    )


def digest(message: PatientMessage | PractitionerMessage) -> str:
    """Return the SHA-256 (hex) of a message's canonical bytes: equal digests mean that nothing has changed.

    Fields at their default do not count, so a field that the contract gains later changes no digest of a message
    without it.
    """
    whole = canonical(message) if isinstance(message, PatientMessage) else message
    return hashlib.sha256(encode(whole)).hexdigest()
