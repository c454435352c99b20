"""Draws patients who do not exist: the same seed gives the same people.

Nothing here can be anybody: Medicare numbers carry an S in the second place, which CMS never gives out; telephone
numbers end in 555-01xx and mail goes to example.com, both set aside for fiction.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from typing import Final, Literal, TypeVar

from caretide.demo import names
from caretide.demo.catalogue import (
    ALLERGIES,
    DISEASES,
    HOW_MANY,
    SINGLE,
    TOGETHER,
    Disease,
    Drug,
    Substance,
)
from caretide.demo.houses import LAKESIDE, House
from caretide.kernel.month import Month

Coverage = Literal["original_b", "advantage", "part_a_only", "unrecorded"]
Kind = Literal["many", "single", "healthy", "part_a"]

K = TypeVar("K")

_LETTERS: Final = "ACDEFGHJKMNPQRTUVWXY"
_DIGITS: Final = "0123456789"


@dataclass(frozen=True, slots=True)
class Visit:
    """An office visit on a day, or a stay from a day to a day."""

    kind: Literal["office", "inpatient"]
    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A generated patient of a health system. `site` and `doctor` count its clinics and practitioners from 0."""

    house: str
    record: str
    payer: str
    number: int
    site: int
    doctor: int
    family: str
    given: str
    sex: str
    birth_date: date
    language: str
    mbi: str
    phone: str
    email: str | None
    street: str
    town: tuple[str, str]
    state: str
    coverage: Coverage
    covered_since: date
    diseases: tuple[tuple[Disease, date], ...]
    drugs: tuple[tuple[Drug, date], ...]
    allergies: tuple[Substance, ...]
    visits: tuple[Visit, ...]
    died_on: date | None = None

    @property
    def key(self) -> str:
        """The FHIR id."""
        return f"{self.house}-{self.number:04d}"

    @property
    def mrn(self) -> str:
        """The clinic's record number."""
        return f"{self.record}-{10400 + self.number * 7}"

    @property
    def stay(self) -> Visit | None:
        """The hospital stay, where there is one."""
        return next((visit for visit in self.visits if visit.kind == "inpatient"), None)


DOCTORS: Final = LAKESIDE.doctors


def people(seed: int, count: int, month: Month, house: House = LAKESIDE) -> list[Person]:
    """Return patients of a health system as their charts stand when the month has passed.

    Most have two or more chronic conditions. One in eight has a single serious one; one in fifteen, and at least two,
    cannot be in the service: nothing chronic, or no Part B. A few have no coverage on record, and a few are in hospital
    for some days of the month; one of each at least.
    """
    singles, misfits = round(count / 8), max(2, round(count / 15))
    kinds: list[Kind] = [
        *("single" for _ in range(singles)),
        *("part_a" if number % 2 else "healthy" for number in range(misfits)),
        *("many" for _ in range(count - singles - misfits)),
    ]
    whose = f"{seed}/{house.key}"
    languages = apportioned(house.languages, count)
    sexes = apportioned({"female": 58, "male": 42}, count)
    sites = apportioned({number: site.weight for number, site in enumerate(house.sites)}, count)
    for name, dealt in (("kinds", kinds), ("languages", languages), ("sexes", sexes), ("sites", sites)):
        Random(f"{whose}/{name}").shuffle(dealt)
    made = [
        _Draw(Random(f"{whose}/person/{n}"), n + 1, month, house, site).person(kind, sex, language)
        for n, (kind, sex, language, site) in enumerate(zip(kinds, sexes, languages, sites, strict=True))
    ]
    return _with_rarities(made, kinds, month, Random(f"{whose}/rarities"))


def _with_rarities(made: list[Person], kinds: list[Kind], month: Month, rng: Random) -> list[Person]:
    """Send some of those with original Medicare to hospital, and lose the coverage of others."""
    usual = [n for n, kind in enumerate(kinds) if kind == "many" and made[n].coverage == "original_b"]
    rng.shuffle(usual)
    stays, losses = max(1, round(len(made) * 0.012)), max(1, round(len(made) * 0.006))
    for n in usual[:stays]:
        admitted = month.first + timedelta(days=rng.randrange(3, 18))
        stay = Visit("inpatient", admitted, admitted + timedelta(days=rng.randrange(3, 8)))
        made[n] = replace(made[n], visits=(*made[n].visits, stay))
    for n in usual[stays : stays + losses]:
        made[n] = replace(made[n], coverage="unrecorded")
    return made


def apportioned(weights: Mapping[K, float], count: int) -> list[K]:
    """Return `count` values in the proportion of their weights, those of the largest remainders rounded up."""
    total = sum(weights.values())
    exact = {value: weight * count / total for value, weight in weights.items()}
    shares = {value: int(part) for value, part in exact.items()}
    for value in sorted(exact, key=lambda value: shares[value] - exact[value])[: count - sum(shares.values())]:
        shares[value] += 1
    return [value for value, share in shares.items() for _ in range(share)]


@dataclass(frozen=True, slots=True)
class _Draw:
    """One person's own source of chance, so that a change for one leaves the others as they are."""

    rng: Random
    number: int
    month: Month
    house: House
    site: int

    def person(self, kind: Kind, sex: str, language: str) -> Person:
        """Return the person that these traits and chance make."""
        rng, site = self.rng, self.house.sites[self.site]
        family, given = self._name(sex, language)
        born = self._birth_date()
        diseases = self._diseases(kind, sex, born)
        drugs = tuple((rng.choice(disease.drugs), self._ago(20, 330)) for disease, _ in diseases if disease.drugs)
        plain = unicodedata.normalize("NFKD", f"{given}.{family}").encode("ascii", "ignore").decode().lower()
        return Person(
            house=self.house.key,
            record=self.house.mrn,
            payer=self.house.payer,
            number=self.number,
            site=self.site,
            doctor=self._doctor(),
            family=family,
            given=given,
            sex=sex,
            birth_date=born,
            language=language,
            mbi=self._mbi(),
            phone=f"({rng.choice(site.area_codes)}) 555-01{(self.number - 1) % 100:02d}",
            email=f"{plain}@example.com" if rng.random() < 0.6 else None,
            street=f"{rng.randrange(100, 2400)} {rng.choice(names.STREETS)}",
            town=rng.choice(site.towns),
            state=site.state,
            coverage=self._coverage(kind),
            covered_since=date(born.year + 65, born.month, 1),
            diseases=diseases,
            drugs=tuple({drug.rxnorm: (drug, day) for drug, day in drugs}.values()),
            allergies=tuple(rng.sample(ALLERGIES, rng.choice((0, 0, 0, 1, 1, 2)))),
            visits=self._visits(),
        )

    def _doctor(self) -> int:
        here = [n for n, doctor in enumerate(self.house.doctors) if doctor.site == self.site]
        return here[self.number % len(here)]

    def _name(self, sex: str, language: str) -> tuple[str, str]:
        spoken = {key: community.weight for key, community in names.COMMUNITIES.items()}
        key = names.SPEAKERS.get(language) or self.rng.choices(list(spoken), list(spoken.values()))[0]
        community = names.COMMUNITIES[key]
        given = community.female if sex == "female" else community.male
        return self.rng.choice(community.family), self.rng.choice(given)

    def _birth_date(self) -> date:
        """Mean age 76, nobody under 66: all have Medicare by age."""
        age = min(98.0, max(66.0, self.rng.gauss(76, 7)))
        return self.month.first - timedelta(days=round(age * 365.25))

    def _ago(self, least: int, most: int) -> date:
        return self.month.first - timedelta(days=self.rng.randrange(least, most))

    def _diseases(self, kind: Kind, sex: str, born: date) -> tuple[tuple[Disease, date], ...]:
        known = {disease.key: disease for disease in DISEASES if disease.sex in {None, sex}}
        if kind == "healthy":
            return ()
        if kind == "single":
            chosen = [self.rng.choice(SINGLE)]
        else:
            wanted = self.rng.choices(list(HOW_MANY), list(HOW_MANY.values()))[0]
            weights = {key: disease.share for key, disease in known.items()}
            if born > self.month.first - timedelta(days=75 * 365):
                weights["dementia"] /= 3
            chosen: list[str] = []
            while len(chosen) < wanted:
                key = self.rng.choices(list(weights), list(weights.values()))[0]
                chosen.append(key)
                del weights[key]
                for other, factor in TOGETHER.get(key, {}).items():
                    if other in weights:
                        weights[other] *= factor
        return tuple((known[key], self._ago(400, 5200)) for key in chosen)

    def _coverage(self, kind: Kind) -> Coverage:
        if kind == "part_a":
            return "part_a_only"
        return "advantage" if self.rng.random() < 0.12 else "original_b"

    def _visits(self) -> tuple[Visit, ...]:
        days = sorted(self._ago(15, 350) for _ in range(self.rng.choice((2, 2, 3, 3, 4))))
        return tuple(Visit("office", day, day) for day in dict.fromkeys(_weekday(day) for day in days))

    def _mbi(self) -> str:
        """A Medicare number in CMS's form, but for the S, which no real one has; the last two digits count."""
        rng = self.rng
        either = _LETTERS + _DIGITS
        middle = "".join(rng.choice(kind) for kind in (either, _DIGITS, _LETTERS, either, _DIGITS, _LETTERS, _LETTERS))
        return f"{rng.choice(_DIGITS[1:])}S{middle}{self.number % 100:02d}"


def _weekday(day: date) -> date:
    return day - timedelta(days=max(0, day.weekday() - 4))
