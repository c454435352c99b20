"""Charts and care of generated patients as rows, drawn from a seed; nothing is written here.

What is drawn is what a ruling and the pages look at: who they are, what they have and take, who pays, the program, the
consent, the dated facts and who looks after them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from random import Random
from typing import Any, Final, Literal
from uuid import UUID

from caretide.demo.bulk_practice import Coordinator, Site, name_of
from caretide.demo.catalogue import DISEASES, SINGLE, Disease
from caretide.demo.names import LANGUAGES, STREETS, TOWNS
from caretide.enrollment.actions import SCRIPT_VERSION
from caretide.enrollment.models import Consent, Enrollment, EnrollmentStatus, PatientFact
from caretide.enrollment.rules import DISCLOSURES
from caretide.enrollment.schemas import read_fact
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.patients.models import Condition, Coverage, Medication, Patient
from caretide.rosters.models import Designation
from caretide.runtime.db import TenantTable

Turn = Literal["plain", "short", "no_copy", "unchecked", "no_consent", "elsewhere", "part_a", "unrecorded"]
TURNS: Final[dict[Turn, int]] = {
    "plain": 72,
    "short": 17,  # fewer minutes than the first threshold asks for
    "no_copy": 3,  # nobody recorded that the patient has the care plan
    "unchecked": 3,  # nobody looked whether somebody else bills
    "no_consent": 2,
    "elsewhere": 1,  # another practice bills the same service
    "part_a": 1,  # no Part B
    "unrecorded": 1,  # no coverage on record
}
"""What the month holds for a patient -> its weight. Shares as in the played demonstration."""

PCM_SHARE: Final = 0.12
CHECKED_SHARE: Final = 0.85
"""Of how many the running month's checks are already recorded."""

USUAL: Final = 10
"""The commonest conditions of the catalogue, which all count as chronic: everybody in CCM has two of these."""

CONSENT_AT: Final = time(10, 30)
_TOLD: Final = dict.fromkeys(DISCLOSURES, True)
_PAYORS: Final = {
    "original_medicare_part_b": "Medicare Part A and Part B",
    "medicare_advantage": "Medicare Advantage",
    "medicare_part_a_only": "Medicare Part A",
}
_SINGLES: Final = tuple(one for one in DISEASES if one.key in SINGLE)

Rows = dict[type[TenantTable], list[dict[str, Any]]]
Dated = tuple[str, dict[str, Any], date, date, Month | None]


@dataclass(frozen=True, slots=True)
class Cared:
    """An enrolled patient as the time log needs them."""

    patient_id: UUID
    enrollment_id: UUID
    program: str
    turn: Turn


def _no_rows() -> Rows:
    return defaultdict(list)


@dataclass(slots=True)
class Ward:
    """A coordinator's patients at a clinic: the rows that they are made of gather in `rows`."""

    site: Site
    coordinator: Coordinator
    months: tuple[Month, Month]
    today: date
    rows: Rows = field(default_factory=_no_rows)

    def admit(self, numbers: Iterable[int], seed: int) -> list[Cared]:
        """Draw the patients of these numbers; the same seed and numbers give the same people."""
        return [self._admit(Random(f"{seed}/scale/{number}"), number) for number in numbers]

    def _admit(self, rng: Random, number: int) -> Cared:
        turn = rng.choices(list(TURNS), list(TURNS.values()))[0]
        program = "PCM" if rng.random() < PCM_SHARE else "CCM"
        cared = Cared(new_id(), new_id(), program, turn)
        started_on = self.months[0].first - timedelta(days=rng.randrange(90, 730))
        born = self._person(rng, number, cared)
        self._illness(rng, cared)
        self._coverage(rng, cared, born)
        self._enrollment(cared, self.site.practitioners[number % len(self.site.practitioners)], started_on)
        for kind, value, effective_on, checked_on, month in self._facts(rng, cared, started_on):
            self._add(
                PatientFact,
                patient_id=cared.patient_id,
                kind=kind,
                value=value,
                service_month=month.first if month else None,
                effective_on=effective_on,
                checked_on=checked_on,
                recorded_by=self.coordinator.member_id,
            )
        return cared

    def _add(self, model: type[TenantTable], **row: Any) -> None:
        self.rows[model].append({"id": new_id(), **row})

    def _person(self, rng: Random, number: int, cared: Cared) -> date:
        """Add the patient; return the birth date. Numbers and addresses are of kinds that nobody is ever given."""
        sex = "female" if rng.random() < 0.58 else "male"
        language = rng.choices(_LANGUAGES, _SPOKEN)[0]
        given, family = name_of(rng, language, sex)
        born = self.months[0].first - timedelta(days=round(min(98.0, max(66.0, rng.gauss(76, 7))) * 365.25))
        town, post_code = rng.choice(TOWNS)
        self.rows[Patient].append(
            {
                "id": cared.patient_id,
                "clinic_id": self.site.clinic.id,
                "source": "generated",
                "source_id": f"scale-{number:06d}",
                "mrn": f"SC-{number:06d}",
                "mbi": f"{1 + number % 9}S{_letter(rng)}{rng.randrange(10)}{_letter(rng)}{_letter(rng)}"
                f"{rng.randrange(10)}{_letter(rng)}{_letter(rng)}{number % 100:02d}",
                "family": family,
                "given": given,
                "birth_date": born,
                "sex": sex,
                "language": language,
                "phone": f"(217) 555-01{number % 100:02d}",
                "email": f"patient-{number}@example.com" if rng.random() < 0.6 else None,
                "address": f"{rng.randrange(100, 2400)} {rng.choice(STREETS)}, {town}, IL {post_code}",
            }
        )
        return born

    def _illness(self, rng: Random, cared: Cared) -> None:
        """Add what the patient has, and what is taken for it."""
        for place, one in enumerate(_diseases(rng, cared.program)):
            onset = self.months[0].first - timedelta(days=rng.randrange(400, 5200))
            self._add(
                Condition,
                patient_id=cared.patient_id,
                source_id=f"c{place}",
                icd10=one.icd10,
                icd10_also=[],
                snomed=one.snomed,
                name=one.name,
                is_active=True,
                is_problem=True,
                onset=onset.isoformat(),
            )
            if one.drugs:
                drug = one.drugs[place % len(one.drugs)]
                self._add(
                    Medication,
                    patient_id=cared.patient_id,
                    source_id=f"m{place}",
                    rxnorm=drug.rxnorm,
                    name=drug.name,
                    dosage=drug.dosage,
                    is_active=True,
                    authored=onset.isoformat(),
                )

    def _coverage(self, rng: Random, cared: Cared, born: date) -> None:
        if cared.turn == "unrecorded":
            return
        kind = "medicare_advantage" if rng.random() < 0.12 else "original_medicare_part_b"
        if cared.turn == "part_a":
            kind = "medicare_part_a_only"
        self._add(
            Coverage,
            patient_id=cared.patient_id,
            source_id="cov",
            kind=kind,
            payor=_PAYORS[kind],
            is_active=True,
            starts_on=date(born.year + 65, born.month, 1),
        )

    def _enrollment(self, cared: Cared, practitioner_id: UUID, started_on: date) -> None:
        """Add the enrollment with its consent, and who looks after the patient from then on."""
        whose = {"patient_id": cared.patient_id, "enrollment_id": cared.enrollment_id}
        who = self.coordinator
        since = datetime.combine(started_on, CONSENT_AT, self.site.clinic.zone).astimezone(UTC)
        self.rows[Enrollment].append(
            {
                "id": cared.enrollment_id,
                "patient_id": cared.patient_id,
                "clinic_id": self.site.clinic.id,
                "practitioner_id": practitioner_id,
                "program": cared.program,
                "started_on": started_on,
                "is_high_risk": True,
                "expected_months": 24,
            }
        )
        self._add(
            EnrollmentStatus,
            **whose,
            status="enrolled",
            reason="",
            effective_on=started_on,
            recorded_by=who.member_id,
        )
        if cared.turn != "no_consent":
            self._add(
                Consent,
                **whose,
                practitioner_id=practitioner_id,
                decision="accepted",
                mode="verbal",
                decided_at=since,
                obtained_by=who.name,
                script_version=SCRIPT_VERSION,
                disclosures=_TOLD,
                recorded_by=who.member_id,
            )
        self._add(Designation, patient_id=cared.patient_id, member_id=who.member_id, valid_from=since)

    def _facts(self, rng: Random, cared: Cared, started_on: date) -> Iterator[Dated]:
        """Yield kind, value, when it took effect, when it was checked, and the month that it speaks of."""
        plan = "comprehensive" if cared.program == "CCM" else "disease_specific"
        planned_on = started_on + timedelta(days=3)
        yield "initiating-visit", _VISIT, started_on, started_on, None
        yield "care-plan", _PLANS[plan], planned_on, planned_on, None
        if cared.turn != "no_copy":
            yield "care-plan-copy", _COPY, planned_on, planned_on, None
        for month in self.months:
            checked_on = max(month.first, min(month.last, self.today))
            known = cared.turn != "unchecked" and (month.last < self.today or rng.random() < CHECKED_SHARE)
            for kind, value in _checks(month, elsewhere=cared.turn == "elsewhere"):
                if known or kind != "other-claims":
                    yield kind, value, month.first, checked_on, month


def _stored(kind: str, value: dict[str, Any]) -> dict[str, Any]:
    """Return a fact's value in the shape that recording it by hand would store."""
    return read_fact(kind, value).model_dump(mode="json", by_alias=True)


@cache
def _checks(month: Month, *, elsewhere: bool) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return what was checked for a month: no stay, no hospice, and who else bills."""
    claims = [{"code": "99490", "practitioner": "", "same_group": False}] if elsewhere else []
    said: dict[str, dict[str, Any]] = {
        "facility-stays": {"stays": []},
        "other-claims": {"claims": claims},
        "hospice-home-health": {"hospice_elected": False, "home_health_episode": False},
    }
    return tuple((kind, _stored(kind, {"month": str(month), **value})) for kind, value in said.items())


_VISIT: Final = _stored("initiating-visit", {"visit": "annual_wellness"})
_PLANS: Final = {plan: _stored("care-plan", {"plan": plan}) for plan in ("comprehensive", "disease_specific")}
_COPY: Final = _stored("care-plan-copy", {"how": "mail"})

_LANGUAGES: Final = tuple(LANGUAGES)
_SPOKEN: Final = tuple(weight for _, weight in LANGUAGES.values())


def _diseases(rng: Random, program: str) -> list[Disease]:
    """Return one serious condition for PCM; for CCM two of the commonest and up to four more by how common they are."""
    if program == "PCM":
        return [rng.choice(_SINGLES)]
    usual = rng.sample(DISEASES[:USUAL], 2)
    more = rng.choices(DISEASES, _SHARES, k=rng.randrange(5))
    # Each once, in the order of the draw.
    return list({one.key: one for one in [*usual, *more] if one.sex is None}.values())


_SHARES: Final = tuple(one.share for one in DISEASES)


def _letter(rng: Random) -> str:
    return rng.choice("ACDEFGHJKMNPQRTUVWXY")
