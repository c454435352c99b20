"""The public format of a patient-month and its ruling: JSON in, JSON out, strictly.

`read_cases(bytes)` gives cases; `answer(case, ruling)` gives what is printed. Whatever does not fit raises Invalid with
one line that begins with the path. The format's defaults (service elements present where absent, empty lists) live here
and nowhere else: in the product, what nobody recorded is unknown.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, NoReturn, TypeVar, cast, get_args

from caretide.kernel.errors import Invalid
from caretide.kernel.month import Month
from caretide.programs.case_fields import FIRST_YEAR, LAST_YEAR, day, fields, flag, items, one_of, refuse, text, whole
from caretide.programs.case_time_log import time_entries
from caretide.programs.month_facts import (
    CarePlan,
    Consent,
    ConsentStatus,
    Coverage,
    Election,
    FacilityStay,
    InitiatingVisit,
    Mdm,
    OtherClaim,
    Patient,
    PatientMonth,
    PlanKind,
    Practitioner,
    Program,
    ProviderType,
    RemoteMonitoring,
    StayKind,
)
from caretide.programs.ruling import Ruling

T = TypeVar("T")
PRIOR_MONTH = "prior_month"
_PRACTITIONER = re.compile(r"([^\s()][^()]{0,99}?) \(([^(),]{1,60})(?:, ?([^(),]{1,60}))?\)")
_CODE = re.compile(r"[0-9A-Z]\d{3}[0-9A-Z]", re.ASCII)
_SAME_AS = re.compile(r"same_as_([0-9A-Z]\d{3}[0-9A-Z])", re.ASCII)
_DATE_LIKE = re.compile(r"\d{4}-.*", re.DOTALL)
_MANY = 10_000
REQUIRED = [
    "month",
    "program",
    "provider_type",
    "billing_practitioner",
    "patient",
    "consent",
    "initiating_visit",
    "care_plan",
    "cehrt",
    "time_log",
]
OPTIONAL = [
    "election",
    "requested_codes",
    "requested_dos",
    "submitted_on",
    "practice",
    "mdm",
    "mdm_by",
    "other_claims",
    "rpm",
]


@dataclass(frozen=True, slots=True)
class Case:
    """A patient-month with the name that its sender gave it."""

    id: str | int | None
    facts: PatientMonth


def read_cases(raw: bytes) -> tuple[list[Case], bool]:
    """Return the cases of a JSON text and whether it was a list of them; raise Invalid for anything else."""
    found = _parse(raw)
    if isinstance(found, list):
        several = cast("list[object]", found)
        return [_case(one, f"[{place}].") for place, one in enumerate(several)], True
    if isinstance(found, dict):
        return [_case(cast("object", found), "")], False
    raise Invalid("cases: must be a case (an object) or a list of cases")


def read_case(value: object) -> Case:
    """Return the case of a parsed JSON object; raise Invalid for anything else."""
    return _case(value, "")


def answer(case: Case, ruling: Ruling) -> dict[str, Any]:
    """Return what is printed for a case."""
    dos = ruling.earliest_service_date
    return {
        "id": case.id,
        "codes": [{"code": line.code, "units": line.units} for line in ruling.codes],
        "exceptions": [
            {"code": item.code.value, "severity": item.severity.value, "message": item.message}
            for item in ruling.exceptions
        ],
        "countable_seconds": ruling.countable_seconds,
        "earliest_service_date": None if dos is None else dos.isoformat(),
    }


def _parse(raw: bytes) -> object:
    try:
        body = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"not UTF-8 text: byte {error.start} cannot be read") from error
    try:
        return json.loads(body, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise Invalid(f"not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise Invalid("not a case: nested too deeply") from error
    except ValueError as error:
        # Python refuses to read whole numbers of thousands of digits.
        raise Invalid("not a case: a number has too many digits") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Invalid(f"not a case: key {twice[:60]!a} stands twice in one object")
    return found


def _constant(name: str) -> NoReturn:
    raise Invalid(f"not JSON: {name} is no number of JSON")


def _case(value: object, prefix: str) -> Case:
    if not isinstance(value, dict):
        refuse(prefix.rstrip(".") or "case", "must be an object with an input")
    found = cast("dict[str, object]", value)
    if "input" not in found:
        refuse(f"{prefix}input", "is missing")
    name = found.get("id")
    if isinstance(name, bool) or not isinstance(name, str | int | None):
        refuse(f"{prefix}id", "must be a text or a whole number")
    return Case(name, _facts(found["input"], f"{prefix}input"))


def _facts(value: object, path: str) -> PatientMonth:
    found = fields(value, path, REQUIRED, OPTIONAL)
    month = _month(found["month"], f"{path}.month")
    practice = fields(found.get("practice", {}), f"{path}.practice", (), ("access_24_7", "designated_team_member"))
    return PatientMonth(
        month=month,
        programs=_programs(found["program"], f"{path}.program"),
        provider_type=one_of(found["provider_type"], f"{path}.provider_type", ProviderType),
        practitioner=_practitioner(found["billing_practitioner"], f"{path}.billing_practitioner"),
        patient=_patient(found["patient"], f"{path}.patient"),
        election=one_of(found.get("election", "auto"), f"{path}.election", Election),
        requested_codes=_maybe(found.get("requested_codes"), f"{path}.requested_codes", _codes),
        requested_dos=_maybe(found.get("requested_dos"), f"{path}.requested_dos", day),
        submitted_on=_maybe(found.get("submitted_on"), f"{path}.submitted_on", day),
        consent=_consent(found["consent"], f"{path}.consent"),
        initiating_visit=_visit(found["initiating_visit"], f"{path}.initiating_visit"),
        care_plan=_care_plan(found["care_plan"], f"{path}.care_plan"),
        access_24_7=flag(practice.get("access_24_7", True), f"{path}.practice.access_24_7"),
        designated_team_member=flag(
            practice.get("designated_team_member", True), f"{path}.practice.designated_team_member"
        ),
        mdm=_maybe(found.get("mdm"), f"{path}.mdm", lambda one, where: one_of(one, where, Mdm)),
        mdm_by=_maybe(found.get("mdm_by"), f"{path}.mdm_by", text),
        cehrt=flag(found["cehrt"], f"{path}.cehrt"),
        entries=time_entries(found["time_log"], f"{path}.time_log"),
        other_claims=_each(found.get("other_claims", []), f"{path}.other_claims", _claim),
        rpm=_maybe(found.get("rpm"), f"{path}.rpm", _monitoring),
    )


def _maybe(value: object, path: str, read: Callable[[object, str], T]) -> T | None:
    return None if value is None else read(value, path)


def _each(value: object, path: str, read: Callable[[object, str], T]) -> tuple[T, ...]:
    return tuple(read(one, f"{path}[{place}]") for place, one in enumerate(items(value, path)))


def _month(value: object, path: str) -> Month:
    written = text(value, path)
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", written, re.ASCII):
        refuse(path, "must be a month written YYYY-MM")
    month = Month(int(written[:4]), int(written[5:]))
    if not FIRST_YEAR <= month.year <= LAST_YEAR:
        refuse(path, f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}")
    return month


def _programs(value: object, path: str) -> tuple[Program, ...]:
    parts = text(value, path).split("+")
    if len(set(parts)) < len(parts) or not set(parts) <= set(get_args(Program)) or parts == ["RPM"]:
        refuse(path, "must be CCM, PCM or APCM, or several of CCM, PCM, APCM and RPM joined with +")
    return tuple(parts)  # type: ignore[return-value] -- checked above


def _practitioner(value: object, path: str) -> Practitioner:
    match = _PRACTITIONER.fullmatch(text(value, path))
    if match is None:
        refuse(path, "must be an id with type and group in brackets, such as NPI-A (physician, TIN-1)")
    return Practitioner(match[1], match[2].strip(), match[3])


def _patient(value: object, path: str) -> Patient:
    required = [
        "coverage",
        "qmb",
        "chronic_conditions",
        "condition_min_months",
        "high_risk",
        "hospice_elected",
        "home_health_episode",
    ]
    found = fields(value, path, required, ("deceased_on", "facility_stays", "cmmi_model"))
    return Patient(
        coverage=one_of(found["coverage"], f"{path}.coverage", Coverage),
        qmb=flag(found["qmb"], f"{path}.qmb"),
        chronic_conditions=whole(found["chronic_conditions"], f"{path}.chronic_conditions", _MANY),
        condition_min_months=_maybe(found["condition_min_months"], f"{path}.condition_min_months", _count),
        high_risk=flag(found["high_risk"], f"{path}.high_risk"),
        deceased_on=_maybe(found.get("deceased_on"), f"{path}.deceased_on", day),
        facility_stays=_each(found.get("facility_stays", []), f"{path}.facility_stays", _stay),
        hospice_elected=flag(found["hospice_elected"], f"{path}.hospice_elected"),
        home_health_episode=flag(found["home_health_episode"], f"{path}.home_health_episode"),
        cmmi_model=_maybe(found.get("cmmi_model"), f"{path}.cmmi_model", text),
    )


def _count(value: object, path: str) -> int:
    return whole(value, path, _MANY)


def _stay(value: object, path: str) -> FacilityStay:
    found = fields(value, path, ("type", "from"), ("to",))
    first, last = day(found["from"], f"{path}.from"), _maybe(found.get("to"), f"{path}.to", day)
    if last is not None and last < first:
        refuse(f"{path}.to", "must not lie before from")
    return FacilityStay(one_of(found["type"], f"{path}.type", StayKind), first, last)


def _consent(value: object, path: str) -> Consent:
    optional = ("program", "mode", "obtained_on", "practitioner", "revoked_on")
    found = fields(value, path, ("status", "elements_complete"), optional)
    obtained = found.get("obtained_on")
    before = obtained == PRIOR_MONTH
    program = _maybe(found.get("program"), f"{path}.program", _programs)
    return Consent(
        status=one_of(found["status"], f"{path}.status", ConsentStatus),
        obtained_on=None if before else _maybe(obtained, f"{path}.obtained_on", _obtained),
        before_month=before,
        programs=program,
        mode=_maybe(found.get("mode"), f"{path}.mode", text),
        elements_complete=flag(found["elements_complete"], f"{path}.elements_complete"),
        practitioner=_maybe(found.get("practitioner"), f"{path}.practitioner", _who),
        revoked_on=_maybe(found.get("revoked_on"), f"{path}.revoked_on", day),
    )


def _obtained(value: object, path: str) -> date:
    if isinstance(value, str) and not _DATE_LIKE.fullmatch(value):
        refuse(path, "must be a date written YYYY-MM-DD, prior_month or null")
    return day(value, path)


def _who(value: object, path: str) -> str:
    """Return the id of a practitioner, with or without its brackets."""
    written = text(value, path)
    match = _PRACTITIONER.fullmatch(written)
    return match[1] if match else written


def _visit(value: object, path: str) -> InitiatingVisit:
    found = fields(value, path, ("required", "satisfied"), ("note",))
    _maybe(found.get("note"), f"{path}.note", text)
    return InitiatingVisit(flag(found["required"], f"{path}.required"), flag(found["satisfied"], f"{path}.satisfied"))


def _care_plan(value: object, path: str) -> CarePlan:
    found = fields(value, path, ("exists", "copy_given"), ("type", "revised_this_month"))
    return CarePlan(
        exists=flag(found["exists"], f"{path}.exists"),
        kind=_maybe(found.get("type"), f"{path}.type", lambda one, where: one_of(one, where, PlanKind)),
        copy_given=flag(found["copy_given"], f"{path}.copy_given"),
        revised_this_month=_maybe(found.get("revised_this_month"), f"{path}.revised_this_month", flag),
    )


def _codes(value: object, path: str) -> tuple[str, ...]:
    return _each(value, path, code)


def code(value: object, path: str) -> str:
    """Return a CPT or HCPCS code."""
    written = text(value, path)
    if not _CODE.fullmatch(written):
        refuse(path, "must be a CPT or HCPCS code of five characters")
    return written


def _claim(value: object, path: str) -> OtherClaim:
    optional = ("units", "practitioner", "same_group", "same_specialty", "dos", "status")
    found = fields(value, path, ("code",), optional)
    dos = _maybe(found.get("dos"), f"{path}.dos", text)
    same_as = _SAME_AS.fullmatch(dos) if dos is not None else None
    return OtherClaim(
        code=code(found["code"], f"{path}.code"),
        units=whole(found.get("units", 1), f"{path}.units", _MANY),
        practitioner=_maybe(found.get("practitioner"), f"{path}.practitioner", _who),
        same_group=_maybe(found.get("same_group"), f"{path}.same_group", flag),
        same_specialty=_maybe(found.get("same_specialty"), f"{path}.same_specialty", flag),
        # Other words for a date are kept out of the arithmetic: the day is then simply not known.
        dos=day(dos, f"{path}.dos") if dos is not None and _DATE_LIKE.fullmatch(dos) else None,
        same_date_as=same_as[1] if same_as else None,
        status=_maybe(found.get("status"), f"{path}.status", text),
    )


def _monitoring(value: object, path: str) -> RemoteMonitoring:
    found = fields(value, path, ("days_with_data", "mgmt_seconds", "interactive"))
    return RemoteMonitoring(
        whole(found["days_with_data"], f"{path}.days_with_data", 31),
        whole(found["mgmt_seconds"], f"{path}.mgmt_seconds", 31 * 86_400),
        flag(found["interactive"], f"{path}.interactive"),
    )
