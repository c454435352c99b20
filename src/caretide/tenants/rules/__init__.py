"""A tenant's clinics and people as rows, and what a name, a number or a time zone must look like."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from caretide.kernel.errors import Invalid
from caretide.kernel.permissions import Role
from caretide.kernel.text import NAME_LENGTH, SHORT_LENGTH, clean_text

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
EMAIL = re.compile(rf"(?=[^@]{{1,64}}@.{{1,190}}$){_ATOM}(?:\.{_ATOM})*@(?:[\w-]{{1,63}}\.)+[\w-]{{2,63}}")
"""An address as people have it (RFC 5322's dot-atom, RFC 6531's letters): nothing in it that a letter's head would read
as a name, a list or a comment, and send elsewhere."""

ROLES: Final[dict[str, str]] = {
    Role.ADMINISTRATOR: "Administrator",
    Role.MANAGER: "Manager",
    Role.COORDINATOR: "Care coordinator",
    Role.BILLING: "Billing",
    Role.PRACTITIONER: "Billing practitioner",
    Role.AUDITOR: "Auditor",
}
"""A member's role -> how it reads."""

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


LANGUAGES = {
    "en": "English",
    "es": "Spanish",
    "ar": "Arabic",
    "ase": "American Sign Language",
    "de": "German",
    "fa": "Persian",
    "fr": "French",
    "hi": "Hindi",
    "hmn": "Hmong",
    "ht": "Haitian Creole",
    "it": "Italian",
    "ja": "Japanese",
    "km": "Khmer",
    "ko": "Korean",
    "nv": "Navajo",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "so": "Somali",
    "tl": "Tagalog",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "yue": "Cantonese",
    "zh": "Chinese",
}
"""BCP 47 tag -> how it reads, for the languages that a form offers; any other well-formed tag may be recorded."""

LICENSES = {
    "RN": "Registered nurse",
    "LPN": "Licensed practical nurse",
    "LVN": "Licensed vocational nurse",
    "NP": "Nurse practitioner",
    "CNS": "Clinical nurse specialist",
    "CNM": "Certified nurse midwife",
    "PA": "Physician assistant",
    "MD": "Physician (MD)",
    "DO": "Physician (DO)",
    "PHARMD": "Pharmacist",
    "RD": "Dietitian",
    "SW": "Social worker",
}
"""Kind of license -> how it reads."""

_USPS = """
    AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA
    RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI
"""
STATES = tuple(_USPS.split())
"""USPS codes of the states, the district and the territories whose boards license people."""

LANGUAGE = re.compile(r"([a-z]{2,3})(-[a-z]{4})?(-(?:[a-z]{2}|[0-9]{3}))?", re.IGNORECASE | re.ASCII)
"""A BCP 47 tag as far as people speak it: language, script, region."""

MOST_LANGUAGES = 20
MOST_LICENSES = 60
MOST_WEEKLY_HOURS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """What somebody is licensed as in a state, and the last day of it."""

    kind: str
    state: str
    number: str
    expires_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberDetails:
    """What is known of a member.

    `staff_role` says as whose minutes their time counts; by default it follows the role. `languages` are BCP 47 tags.
    `weekly_hours` is the capacity that work is handed out by; None while nobody said.
    """

    name: str
    role: str
    credential: str = ""
    staff_role: str | None = None
    practitioner_id: UUID | None = None
    languages: tuple[str, ...] = ()
    licenses: tuple[License, ...] = ()
    weekly_hours: float | None = None


def with_licenses(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a member as they came in, their licenses made what `MemberDetails` holds."""
    if "licenses" not in values:
        return dict(values)
    return {**values, "licenses": tuple(License(**one) for one in values["licenses"])}


def checked_details(details: MemberDetails) -> MemberDetails:
    """Return a member's details as they are kept, or raise Invalid naming the field."""
    role = require_role(details.role)
    staff_role = details.staff_role or staff_role_of(role)
    if staff_role not in STAFF_ROLES:
        raise Invalid(f"The staff role is one of {', '.join(STAFF_ROLES)}", field="staff_role")
    name = clean_text(details.name, field="name", limit=NAME_LENGTH)
    if not name:
        raise Invalid("A member needs a name", field="name")
    if role is Role.PRACTITIONER and details.practitioner_id is None:
        raise Invalid("Say which practitioner this member is", field="practitioner_id")
    return MemberDetails(
        name=name,
        role=role,
        credential=clean_text(details.credential, field="credential", limit=SHORT_LENGTH),
        staff_role=staff_role,
        practitioner_id=details.practitioner_id,
        languages=check_languages(details.languages),
        licenses=check_licenses(details.licenses),
        weekly_hours=check_weekly_hours(details.weekly_hours),
    )


def following_role(known: MemberDetails, wanted: MemberDetails) -> MemberDetails:
    """Return the details that are wanted, their minutes' role led by a changed role unless somebody chose it."""
    chosen = wanted.staff_role not in {None, known.staff_role}
    was_default = known.staff_role == staff_role_of(Role(known.role))
    if wanted.role == known.role or chosen or not was_default:
        return wanted if wanted.staff_role else replace(wanted, staff_role=known.staff_role)
    return replace(wanted, staff_role=None)


def changed(known: MemberDetails, now: MemberDetails) -> list[str]:
    """Return the names of what differs."""
    return [one.name for one in fields(MemberDetails) if getattr(known, one.name) != getattr(now, one.name)]


def check_languages(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return language tags in their usual spelling (`zh-Hant-TW`), each once, or raise Invalid."""
    if len(tags) > MOST_LANGUAGES:
        raise Invalid(f"Name at most {MOST_LANGUAGES} languages", field="languages")
    return tuple(dict.fromkeys(_check_language(tag) for tag in tags))


def _check_language(tag: str) -> str:
    match = LANGUAGE.fullmatch(tag.strip())
    if match is None:
        raise Invalid("A language is a BCP 47 tag, such as en, es or zh-Hant", field="languages")
    language, script, region = (part or "" for part in match.groups())
    return language.lower() + script.title() + region.upper()


def check_licenses(licenses: tuple[License, ...]) -> tuple[License, ...]:
    """Return licenses as they are kept, by kind and state, or raise Invalid. One that has run out may be recorded."""
    if len(licenses) > MOST_LICENSES:
        raise Invalid(f"Name at most {MOST_LICENSES} licenses", field="licenses")
    kept = {(one.kind, one.state): _check_license(one) for one in licenses}
    if len(kept) < len(licenses):
        raise Invalid("A kind of license is recorded once for each state", field="licenses")
    return tuple(kept[key] for key in sorted(kept))


def _check_license(one: License) -> License:
    if one.kind not in LICENSES:
        raise Invalid(f"A license is one of {', '.join(LICENSES)}", field="licenses")
    if one.state not in STATES:
        raise Invalid("A state is its two letters, such as OH", field="licenses")
    if not EARLIEST_LICENSE <= one.expires_on <= LATEST_LICENSE:
        raise Invalid("A license runs out between 1990 and 2099", field="licenses")
    number = clean_text(one.number, field="licenses", limit=SHORT_LENGTH)
    if not number:
        raise Invalid("A license has a number", field="licenses")
    return replace(one, number=number)


EARLIEST_LICENSE = date(1990, 1, 1)
LATEST_LICENSE = date(2099, 12, 31)


def check_weekly_hours(hours: float | None) -> float | None:
    """Return a week's hours to a tenth, or raise Invalid."""
    if hours is None:
        return None
    if not 0 < hours <= MOST_WEEKLY_HOURS or round(hours, 1) <= 0:
        raise Invalid(f"A week's hours are more than 0 and at most {MOST_WEEKLY_HOURS}", field="weekly_hours")
    return round(hours, 1)


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
