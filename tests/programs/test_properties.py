"""What holds for every patient-month, found or not found by hand."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caretide.kernel.month import Month
from caretide.programs import month_facts as mf
from caretide.programs.evaluate import rule
from caretide.programs.month_facts import PatientMonth, TimeEntry
from caretide.programs.overlaps import Span, measure
from caretide.programs.packs import load_packs
from caretide.programs.ruling import Severity
from tests.programs.build import facts

PACKS = load_packs()
CODES = st.sampled_from([*sorted(PACKS.codes), "12345"])
TRI = st.sampled_from([True, False, None])


def literal(kind: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(get_args(kind))


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


DAYS = st.dates(date(2026, 4, 20), date(2026, 6, 10))


@st.composite
def entries(draw: st.DrawFn, roles: Any = mf.Role, *, plain: bool = False) -> TimeEntry:
    seconds = draw(st.integers(0, 7200))
    start = draw(maybe(st.datetimes(datetime(2026, 4, 29), datetime(2026, 6, 2))))  # noqa: DTZ001 -- aware below
    start = start.replace(microsecond=0, tzinfo=UTC) if start else None
    from_clock = draw(st.integers(0, 80_000))
    return TimeEntry(
        id=str(draw(st.uuids())),
        who="RN-1",
        role=draw(literal(roles)),
        seconds=seconds,
        kind="non_face_to_face" if plain else draw(literal(mf.Kind)),
        day=start.date() if start else draw(maybe(DAYS)),
        start=start,
        end=start + timedelta(seconds=seconds) if start else None,
        clock=None if start else draw(maybe(st.just((from_clock, from_clock + seconds)))),
        # A label that joins an undated entry to a dated one brings news of an overlap: then more time may count less.
        overlaps=None if plain and start else draw(maybe(st.sampled_from("ab"))),
        program=None if plain else draw(maybe(st.sampled_from(["CCM", "PCM", "RPM"]))),
        used_for=None if plain else draw(maybe(CODES)),
        activity=None if plain else draw(maybe(literal(mf.Activity))),
        approved=plain or draw(st.booleans()),
    )


CLAIMS = st.builds(
    mf.OtherClaim,
    code=CODES,
    practitioner=maybe(st.sampled_from(["NPI-A", "NPI-X"])),
    same_group=TRI,
    same_specialty=TRI,
    dos=maybe(DAYS),
    same_date_as=maybe(CODES),
    status=maybe(st.sampled_from(["paid", "denied", "pending"])),
)
PATIENTS = st.builds(
    mf.Patient,
    coverage=maybe(literal(mf.Coverage)),
    qmb=TRI,
    chronic_conditions=maybe(st.integers(0, 5)),
    condition_min_months=maybe(st.integers(0, 24)),
    high_risk=TRI,
    deceased_on=maybe(DAYS),
    facility_stays=maybe(st.tuples(st.builds(mf.FacilityStay, literal(mf.StayKind), DAYS, st.none()))),
    hospice_elected=TRI,
    home_health_episode=TRI,
    cmmi_model=maybe(st.sampled_from(["GUIDE", "x"])),
)
CONSENTS = st.builds(
    mf.Consent,
    status=literal(mf.ConsentStatus),
    obtained_on=maybe(DAYS),
    before_month=st.booleans(),
    obtained_at=maybe(st.just(datetime(2026, 5, 15, 10, 30, tzinfo=UTC))),
    programs=maybe(st.just(("CCM",))),
    elements_complete=TRI,
    practitioner=maybe(st.just("NPI-A")),
    revoked_on=maybe(DAYS),
)
MONTHS = st.sampled_from(
    [Month(2023, 1), Month(2024, 2), Month(2025, 5), Month(2025, 10), Month(2026, 5), Month(2031, 1)]
)
PROGRAMS = st.sampled_from([("CCM",), ("PCM",), ("APCM",), ("CCM", "PCM"), ("CCM", "RPM"), ("CCM", "APCM"), ("RPM",)])
WORLD = st.builds(
    PatientMonth,
    month=MONTHS,
    programs=PROGRAMS,
    provider_type=literal(mf.ProviderType),
    practitioner=st.builds(mf.Practitioner, st.just("NPI-A"), maybe(st.sampled_from(["physician", "podiatrist"]))),
    patient=PATIENTS,
    election=literal(mf.Election),
    requested_codes=maybe(st.lists(CODES, max_size=4).map(tuple)),
    requested_dos=maybe(DAYS),
    submitted_on=maybe(st.dates()),
    consent=maybe(CONSENTS),
    initiating_visit=maybe(st.builds(mf.InitiatingVisit, TRI, TRI)),
    care_plan=maybe(st.builds(mf.CarePlan, TRI, maybe(literal(mf.PlanKind)), TRI)),
    access_24_7=TRI,
    designated_team_member=TRI,
    mdm=maybe(literal(mf.Mdm)),
    mdm_by=maybe(st.sampled_from(["billing_practitioner", "RN-1"])),
    cehrt=TRI,
    entries=st.lists(entries(), max_size=6).map(tuple),
    other_claims=maybe(st.lists(CLAIMS, max_size=3).map(tuple)),
    rpm=maybe(st.builds(mf.RemoteMonitoring, st.integers(0, 31), st.integers(0, 9000), st.booleans())),
)
CLEAN = replace(
    facts(time_log=[]),
    consent=mf.Consent("documented", before_month=True, elements_complete=True),
)
# The gates stand open, so that what lies behind them is reached.
OPEN = WORLD.map(
    lambda found: replace(
        found,
        patient=replace(CLEAN.patient, qmb=found.patient.qmb is True),
        consent=CLEAN.consent,
        practitioner=CLEAN.practitioner,
        initiating_visit=CLEAN.initiating_visit,
        care_plan=CLEAN.care_plan,
        access_24_7=True,
        designated_team_member=True,
        cehrt=True,
        submitted_on=None,
        other_claims=tuple(claim for claim in found.other_claims or () if claim.same_group is False),
    )
)


@given(WORLD | OPEN)
@settings(max_examples=300, deadline=None)
def test_any_month_gets_a_sound_ruling(found: PatientMonth) -> None:
    assert list(unsound(found)) == []


def unsound(found: PatientMonth) -> Iterator[str]:
    """Yield what no ruling may be."""
    ruling = rule(found, PACKS)
    codes = [line.code for line in ruling.codes]
    if codes and ruling.blocked:
        yield "bills although blocked"
    if not codes and not ruling.blocked and "RPM" not in found.programs:
        yield "bills nothing and does not say why"
    if len(set(codes)) < len(codes):
        yield "a code stands twice"
    for line in ruling.codes:
        info = PACKS.codes[line.code]
        if info.bases and not set(info.bases) & set(codes[: codes.index(line.code)]):
            yield f"{line.code} without its base before it"
        if line.units < 1 or line.units > 10:
            yield f"{line.units} units of {line.code}"
        limit = PACKS.at(found.month).limits.get(line.code)  # type: ignore[union-attr] -- billed, so there are rules
        if limit is not None and line.units > limit.units:
            yield f"{line.code} above its limit"
    if sum(verdict.counted for verdict in ruling.entries) > sum(entry.seconds for entry in found.entries):
        yield "counts more than was logged"
    if ruling.entries and ruling.family not in {"apcm", "general"}:
        counted = sum(verdict.counted for verdict in ruling.entries)
        if counted != ruling.countable_seconds:
            yield f"entries bring {counted}, the ruling rests on {ruling.countable_seconds}"


@given(WORLD | OPEN, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_order_of_entries_does_not_matter(found: PatientMonth, chance: random.Random) -> None:
    shuffled = list(found.entries)
    chance.shuffle(shuffled)
    one, other = rule(found, PACKS), rule(replace(found, entries=tuple(shuffled)), PACKS)
    assert sorted(one.entries, key=str) == sorted(other.entries, key=str)
    assert replace(one, entries=()) == replace(other, entries=())


@given(WORLD)
@settings(max_examples=100, deadline=None)
def test_unknown_facts_are_never_billed(found: PatientMonth) -> None:
    ruling = rule(found, PACKS)
    assert not (ruling.unknown_facts and ruling.codes)


@pytest.mark.parametrize("election", ["staff", "practitioner", "complex"])
@given(logged=st.lists(entries(plain=True), min_size=1, max_size=8), more=entries(plain=True))
@settings(max_examples=100, deadline=None)
def test_more_time_never_earns_less_within_a_family(election: Any, logged: list[TimeEntry], more: TimeEntry) -> None:
    before = rule(replace(CLEAN, election=election, mdm="high", entries=tuple(logged)), PACKS)
    after = rule(replace(CLEAN, election=election, mdm="high", entries=(*logged, more)), PACKS)
    assert after.staff_seconds >= before.staff_seconds
    if before.family == after.family:
        assert after.countable_seconds >= before.countable_seconds
        assert sum(line.units for line in after.codes) >= sum(line.units for line in before.codes)


@given(st.lists(entries(plain=True), max_size=8))
def test_union_lies_between_the_longest_and_the_sum(logged: list[TimeEntry]) -> None:
    spans = [
        Span(place, one, one.seconds, one.day, int(one.start.timestamp()) if one.start else None)
        for place, one in enumerate(logged)
    ]
    found = measure(spans)
    assert max((span.seconds for span in spans), default=0) <= found.total <= sum(span.seconds for span in spans)
    timed = [span for span in spans if span.begin is not None]
    if timed and len(timed) == len(spans):
        assert found.total <= max(span.end for span in timed) - min(span.begin or 0 for span in timed)


@given(st.lists(entries(plain=True), max_size=8))
def test_no_exception_but_the_time_stops_a_clean_month(logged: list[TimeEntry]) -> None:
    ruling = rule(replace(CLEAN, entries=tuple(logged)), PACKS)
    blocks = {item.code.value for item in ruling.exceptions if item.severity is Severity.BLOCK}
    stops = {"BELOW_THRESHOLD", "OVERLAPPING_TIME", "NONCLINICAL_TIME", "OFFSHORE_STAFF", "EXCLUDED_INDIVIDUAL"}
    assert blocks <= stops | {"NOT_CLINICAL_STAFF"}
