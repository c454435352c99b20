"""A tenant's clinics and practitioners as rows, and what a name, a number or a time zone must look like."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from caretide.kernel.errors import Invalid
from caretide.kernel.permissions import Role

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,}")

EARLIEST_CLINIC_FACT = date(1990, 1, 1)
"""No practice fact is older: neither certified EHRs nor the services that ask for them are."""

STAFF_ROLES = (
    "clinical_staff",
    "clinical_staff_contracted",
    "clinical_staff_outside_us",
    "clinical_staff_excluded",
    "billing_practitioner",
    "qhp_incident_to",
    "non_clinical",
)
"""As whose minutes a member's time counts (the roles of the public ruling format that a person can have)."""

PRACTITIONER_KINDS = (
    "physician",
    "nurse_practitioner",
    "physician_assistant",
    "clinical_nurse_specialist",
    "certified_nurse_midwife",
    "other",
)
KIND_OF_CREDENTIAL = {
    "NP": "nurse_practitioner",
    "PA": "physician_assistant",
    "CNS": "clinical_nurse_specialist",
    "CNM": "certified_nurse_midwife",
}
"""Credential -> kind of practitioner; who has none of these is taken for a physician."""

PROVIDER_TYPES = {
    "physician_practice": "Physician practice",
    "rhc": "Rural health clinic",
    "fqhc": "Federally qualified health center",
    "hospital_outpatient_professional": "Hospital outpatient department",
}
"""Provider setting -> how it reads."""

US_ZONES = {
    "America/New_York": "Eastern",
    "America/Indiana/Indianapolis": "Eastern (Indiana)",
    "America/Chicago": "Central",
    "America/Denver": "Mountain",
    "America/Phoenix": "Mountain (Arizona)",
    "America/Los_Angeles": "Pacific",
    "America/Anchorage": "Alaska",
    "Pacific/Honolulu": "Hawaii",
    "America/Puerto_Rico": "Atlantic (Puerto Rico)",
    "Pacific/Guam": "Chamorro (Guam)",
    "Pacific/Pago_Pago": "Samoa",
}
"""IANA name -> how it reads, for the zones that Medicare practices are in."""


def check_slug(slug: str) -> str:
    """Return a slug, or raise Invalid: lower-case letters, digits and dashes."""
    if not SLUG.fullmatch(slug):
        raise Invalid(f"'{slug}' is not a slug; use lower-case letters, digits and dashes", field="slug")
    return slug


def slug_of(name: str) -> str:
    """Return a slug made from a name; raise Invalid where its letters leave none."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63]
    if not slug:
        raise Invalid("No short name can be made from this name; give one with --slug", field="slug")
    return check_slug(slug)


def check_zone(zone: str) -> str:
    """Return an IANA time zone, or raise Invalid."""
    if zone not in available_timezones():
        raise Invalid(f"'{zone}' is not a time zone; use a name such as America/Chicago", field="time_zone")
    return zone


def check_email(email: str) -> str:
    """Return an address in lower case, or raise Invalid."""
    if not EMAIL.fullmatch(email.strip()):
        raise Invalid("This is not an e-mail address", field="email")
    return email.strip().lower()


def check_place_of_service(code: str) -> str:
    """Return a place of service code of two digits (the CMS code set), or raise Invalid."""
    if not re.fullmatch(r"[0-9]{2}", code):
        raise Invalid("A place of service is two digits, for example 11 for an office", field="place_of_service")
    return code


def check_clinic_fact_dates(effective_on: date, checked_on: date, today: date) -> None:
    """Refuse days that have not come, a check before what it checks took effect, and days before 1990."""
    if not EARLIEST_CLINIC_FACT <= effective_on <= today:
        raise Invalid("It took effect between 1990 and today, by the clinic's calendar", field="effective_on")
    if checked_on > today:
        raise Invalid("Nothing can be checked on a day that has not come", field="checked_on")
    if checked_on < effective_on:
        raise Invalid("It can be checked from the day on that it took effect", field="checked_on")


def check_npi(npi: str) -> str:
    """Return a ten-digit NPI whose check digit is right (Luhn over 80840 and the number, per 45 CFR 162.406)."""
    if not re.fullmatch(r"[0-9]{10}", npi):
        raise Invalid("An NPI has ten digits", field="npi")
    total = 0
    for place, digit in enumerate(reversed("80840" + npi)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    if total % 10:
        raise Invalid("This NPI's check digit is wrong; check it for a typing error", field="npi")
    return npi


def staff_role_of(role: Role) -> str:
    """Return as whose minutes a new member's time counts unless somebody says otherwise."""
    if role is Role.PRACTITIONER:
        return "billing_practitioner"
    return "clinical_staff" if role in {Role.COORDINATOR, Role.MANAGER} else "non_clinical"


def practitioner_kind(credential: str) -> str:
    """Return the kind of practitioner that a credential such as `NP` or `FNP-C, NP` names."""
    words = re.split(r"[^A-Z]+", credential.upper())
    return next((kind for short, kind in KIND_OF_CREDENTIAL.items() if short in words), "physician")


def require_role(text: str) -> Role:
    """Return a role by name; raise Invalid listing them."""
    try:
        return Role(text)
    except ValueError:
        raise Invalid(f"'{text}' is not a role; use one of {', '.join(Role)}", field="role") from None


@dataclass(frozen=True, slots=True)
class ClinicRow:
    """A clinic as other features need it."""

    id: UUID
    slug: str
    name: str
    time_zone: str
    address: str
    phone: str
    tin_group: str
    provider_type: str
    place_of_service: str

    @property
    def zone(self) -> ZoneInfo:
        """The clinic's time zone, in which its months begin and end."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class PractitionerRow:
    """A billing practitioner."""

    id: UUID
    npi: str
    family: str
    given: str
    kind: str
    tin_group: str | None

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.given} {self.family}".strip()
