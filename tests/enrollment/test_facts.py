"""Dated facts: what was recorded, and which record answers for a month."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import ProgrammingError

from caretide.enrollment import actions, queries, schemas
from caretide.enrollment.models import PatientFact
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from caretide.kernel.month import Month
from caretide.runtime.tx import Database
from caretide.tenants import actions as tenants
from tests.cast import Cast
from tests.database import HandClock
from tests.enrollment.panel import enrolled

SEPTEMBER, OCTOBER, NOVEMBER = Month(2026, 9), Month(2026, 10), Month(2026, 11)


async def record(database: Database, actor: Actor, patient_id: UUID, kind: str, value: Any, **dates: Any) -> UUID:
    async with database.tx(actor) as tx:
        checked_on = dates.pop("checked_on", tx.now.date())
        return await actions.record_fact(tx, patient_id, kind, value, checked_on=checked_on, **dates)


async def values(database: Database, cast: Cast, patient_id: UUID, month: Month) -> dict[str, Any]:
    async with database.tx(cast.billing) as tx:
        found = await queries.facts_as_of(tx, [patient_id], month)
    return {kind: fact.value for kind, fact in found.get(patient_id, {}).items()}


async def test_a_copy_given_in_november_does_not_cure_october(database: Database, cast: Cast, clock: HandClock) -> None:
    patient_id, _ = await enrolled(database, cast)
    clock.advance(days=35)
    when = {"effective_on": date(2026, 11, 3)}
    await record(database, cast.coordinator, patient_id, "care-plan-copy", {"how": "mail"}, **when)
    assert await values(database, cast, patient_id, OCTOBER) == {}
    assert await values(database, cast, patient_id, NOVEMBER) == {"care-plan-copy": {"how": "mail", "to": "patient"}}


async def test_the_latest_to_take_effect_answers_and_of_one_day_the_latest_recorded(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    patient_id, _ = await enrolled(database, cast)
    for plan, day in (("comprehensive", 2), ("disease_specific", 2), ("comprehensive", 1)):
        clock.advance(minutes=1)
        when = {"effective_on": date(2026, 10, day)}
        await record(database, cast.coordinator, patient_id, "care-plan", {"plan": plan}, **when)
    assert await values(database, cast, patient_id, OCTOBER) == {"care-plan": {"plan": "disease_specific"}}


async def test_a_check_of_one_month_says_nothing_of_another(database: Database, cast: Cast) -> None:
    patient_id, _ = await enrolled(database, cast)
    await record(database, cast.coordinator, patient_id, "facility-stays", {"month": "2026-10", "stays": []})
    assert await values(database, cast, patient_id, OCTOBER) == {"facility-stays": {"month": "2026-10", "stays": []}}
    assert await values(database, cast, patient_id, SEPTEMBER) == {}
    assert await values(database, cast, patient_id, NOVEMBER) == {}


async def test_a_month_is_checked_on_or_after_its_first_day(database: Database, cast: Cast) -> None:
    patient_id, _ = await enrolled(database, cast)
    value = {"month": "2026-10", "claims": []}
    with pytest.raises(Invalid, match="from its first day on"):
        await record(database, cast.coordinator, patient_id, "other-claims", value, checked_on=date(2026, 9, 30))
    with pytest.raises(Invalid, match="not come yet"):
        await record(database, cast.coordinator, patient_id, "other-claims", value, checked_on=date(2026, 10, 6))
    later = {"month": "2026-11", "claims": []}
    when = {"checked_on": date(2026, 11, 1)}
    with pytest.raises(Invalid, match="not come yet"):
        await record(database, cast.coordinator, patient_id, "other-claims", later, **when)


async def test_an_election_for_the_month_outranks_a_standing_one(database: Database, cast: Cast) -> None:
    patient_id, _ = await enrolled(database, cast)
    chooser = cast.practitioner
    await record(database, chooser, patient_id, "election", {"family": "staff", "month": "2026-09"})
    await record(database, chooser, patient_id, "election", {"family": "complex"}, effective_on=date(2026, 9, 1))
    assert (await values(database, cast, patient_id, SEPTEMBER))["election"]["family"] == "staff"
    assert (await values(database, cast, patient_id, OCTOBER))["election"]["family"] == "complex"


async def test_decision_making_is_of_a_day_in_its_month(database: Database, cast: Cast) -> None:
    patient_id, _ = await enrolled(database, cast)
    value = {"month": "2026-09", "level": "moderate", "practitioner_id": str(cast.practitioner_id)}
    when = {"effective_on": date(2026, 10, 2)}
    with pytest.raises(Invalid, match="a day in that month"):
        await record(database, cast.practitioner, patient_id, "decision-making", value, **when)


async def test_a_correction_takes_the_place_of_what_it_names_once(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    patient_id, _ = await enrolled(database, cast)
    writer = cast.coordinator
    wrong = {"effective_on": date(2026, 9, 20)}
    first = await record(database, writer, patient_id, "care-plan-copy", {"how": "mail"}, **wrong)
    clock.advance(days=1)
    right = {"effective_on": date(2026, 10, 2), "supersedes_id": first}
    second = await record(database, writer, patient_id, "care-plan-copy", {"how": "portal"}, **right)
    assert "care-plan-copy" not in await values(database, cast, patient_id, SEPTEMBER)
    with pytest.raises(Conflict, match="already corrected"):
        await record(database, writer, patient_id, "care-plan-copy", {"how": "email"}, **right)
    with pytest.raises(NotFound):
        await record(database, writer, patient_id, "care-plan", {"plan": "comprehensive"}, **right)
    async with database.tx(writer) as tx:
        history = await queries.patient_facts(tx, patient_id)
    assert [(one.id, one.superseded, one.recorded_by) for one in history] == [
        (second, False, "Coordinator Person"),
        (first, True, "Coordinator Person"),
    ]


async def test_recorded_facts_are_never_changed(database: Database, cast: Cast) -> None:
    patient_id, _ = await enrolled(database, cast)
    await record(database, cast.coordinator, patient_id, "risk", RISK, effective_on=date(2026, 9, 1))
    for attempt in (update(PatientFact).values(kind="x"), delete(PatientFact)):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with database.tx(cast.administrator) as tx:
                await tx.db.execute(attempt)


RISK = {"is_high_risk": True, "expected_months": 12}


async def test_a_coordinator_decides_nothing_that_is_the_practitioners(database: Database, cast: Cast) -> None:
    patient_id, _ = await enrolled(database, cast)
    for kind, value in (
        ("election", {"family": "complex", "month": "2026-10"}),
        ("decision-making", {"month": "2026-10", "level": "high"}),
    ):
        with pytest.raises(Forbidden, match="practitioner:decide"):
            await record(database, cast.coordinator, patient_id, kind, value)
    with pytest.raises(Forbidden, match="enrollment:write"):
        await record(database, cast.billing, patient_id, "risk", RISK, effective_on=date(2026, 9, 1))


async def test_a_fact_of_somebody_elses_patient_cannot_be_recorded(database: Database, cast: Cast) -> None:
    patient_id, _ = await enrolled(database, cast, to=cast.other_coordinator)
    for one in (patient_id, uuid4()):
        with pytest.raises(NotFound, match="no such patient"):
            await record(database, cast.coordinator, one, "risk", RISK, effective_on=date(2026, 9, 1))


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [
        ("astrology", {}, "kind"),
        ("care-plan", {"plan": "vague"}, "plan"),
        ("care-plan", {"plan": "comprehensive", "more": 1}, "more"),
        ("risk", {"is_high_risk": "true", "expected_months": 12}, "is_high_risk"),
        ("facility-stays", {"month": "2026-13", "stays": []}, "month"),
        ("facility-stays", {"month": "2026-10"}, "stays"),
        ("other-claims", {"month": "2026-10", "claims": [{"code": "99490"}]}, "claims.0.same_group"),
    ],
)
def test_a_fact_of_the_wrong_shape_is_refused_by_field(kind: str, value: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        schemas.read_fact(kind, value)
    assert caught.value.field == field


@pytest.mark.req("V-19")
def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(Invalid) as caught:
        schemas.read_fact("initiating-visit", {"visit": "CANARY"})
    assert "CANARY" not in caught.value.message


def test_a_stay_does_not_end_before_it_begins() -> None:
    stay = {"type": "SNF_part_A", "from": "2026-10-09", "to": "2026-10-02"}
    with pytest.raises(Invalid, match="on or after the day it begins"):
        schemas.read_fact("facility-stays", {"month": "2026-10", "stays": [stay]})


SINCE = {"effective_on": date(2026, 9, 1)}


@pytest.mark.parametrize(
    ("kind", "value", "dates", "field"),
    [
        ("risk", RISK, {"effective_on": date(1948, 3, 6)}, "effective_on"),
        ("risk", RISK, {"effective_on": date(1948, 3, 7), "checked_on": date(1948, 3, 6)}, "checked_on"),
        ("care-plan", {"plan": "comprehensive"}, SINCE | {"checked_on": date(2026, 8, 31)}, "checked_on"),
        ("care-plan", {"plan": "comprehensive"}, {"effective_on": date(2026, 10, 6)}, "effective_on"),
        (
            "facility-stays",
            {"month": "2026-10", "stays": [{"type": "SNF_part_A", "from": "2026-10-06"}]},
            {},
            "stays",
        ),
        (
            "facility-stays",
            {"month": "2026-10", "stays": [{"type": "SNF_part_A", "from": "1948-03-06"}]},
            {},
            "stays",
        ),
    ],
)
async def test_a_day_that_cannot_be_is_refused_by_field(
    kind: str, value: dict[str, Any], dates: dict[str, Any], field: str, database: Database, cast: Cast
) -> None:
    patient_id, _ = await enrolled(database, cast)
    with pytest.raises(Invalid) as caught:
        await record(database, cast.coordinator, patient_id, kind, value, **dates)
    assert caught.value.field == field


async def test_a_copy_is_not_given_before_there_is_a_plan(database: Database, cast: Cast) -> None:
    patient_id, _ = await enrolled(database, cast)
    plan = {"effective_on": date(2026, 9, 20)}
    await record(database, cast.coordinator, patient_id, "care-plan", {"plan": "comprehensive"}, **plan)
    when = {"effective_on": date(2026, 9, 19)}
    with pytest.raises(Invalid, match="before there is a plan"):
        await record(database, cast.coordinator, patient_id, "care-plan-copy", {"how": "mail"}, **when)
    await record(database, cast.coordinator, patient_id, "care-plan-copy", {"how": "mail"}, **plan)


async def test_a_practitioner_decides_in_their_own_name(database: Database, cast: Cast) -> None:
    patient_id, _ = await enrolled(database, cast)
    async with database.tx(cast.administrator) as tx:
        new = tenants.NewPractitioner(npi="1234567893", family="Osei", given="Kim", tin_group="TIN-1")
        other = str(await tenants.save_practitioner(tx, new))
    for kind, value in (
        ("election", {"family": "staff", "month": "2026-10"}),
        ("decision-making", {"month": "2026-10", "level": "low"}),
    ):
        when = {"effective_on": date(2026, 10, 2)}
        named = value | {"practitioner_id": other}
        with pytest.raises(Invalid) as caught:
            await record(database, cast.practitioner, patient_id, kind, named, **when)
        assert caught.value.field == "practitioner_id"
        await record(database, cast.practitioner, patient_id, kind, value, **when)
        own = await values(database, cast, patient_id, OCTOBER)
        assert own[kind]["practitioner_id"] == str(cast.practitioner_id)
    named = {"family": "staff", "month": "2026-09", "practitioner_id": other}
    await record(database, cast.administrator, patient_id, "election", named)
    assert (await values(database, cast, patient_id, SEPTEMBER))["election"]["practitioner_id"] == other


async def test_a_program_is_elected_only_for_who_is_in_it(database: Database, cast: Cast) -> None:
    patient_id, _ = await enrolled(database, cast)
    await record(database, cast.practitioner, patient_id, "election", {"family": "CCM", "month": "2026-10"})
    for family, month in (("PCM", "2026-10"), ("CCM", "2026-08")):
        with pytest.raises(Invalid) as caught:
            await record(database, cast.practitioner, patient_id, "election", {"family": family, "month": month})
        assert caught.value.field == "family"


@pytest.mark.parametrize("month", ["2014-12", "2101-01", "2026-13", "0000-01", "soon", "2026-10 "])
def test_a_month_outside_care_management_is_refused(month: str) -> None:
    with pytest.raises(Invalid) as caught:
        schemas.read_fact(
            "hospice-home-health", {"month": month, "hospice_elected": False, "home_health_episode": False}
        )
    assert caught.value.field == "month"
    assert "pattern" not in caught.value.message


def stay(first: str, last: str | None = None) -> dict[str, Any]:
    return {"type": "inpatient_hospital", "from": first, "to": last}


@pytest.mark.parametrize(
    "stays",
    [
        [stay("2026-09-01", "2026-09-30")],
        [stay("2026-11-01")],
        [stay("2026-10-01", "2026-10-05"), stay("2026-10-04", "2026-10-09")],
        [stay("2026-10-01"), stay("2026-10-04", "2026-10-09")],
        [stay("2026-10-04", "2026-10-04"), stay("2026-10-04", "2026-10-04")],
    ],
)
def test_stays_lie_in_their_month_one_after_another(stays: list[dict[str, Any]]) -> None:
    with pytest.raises(Invalid) as caught:
        schemas.read_fact("facility-stays", {"month": "2026-10", "stays": stays})
    assert caught.value.field == "stays"


def test_the_day_of_a_transfer_belongs_to_both_stays() -> None:
    stays = [stay("2026-10-04", "2026-10-09"), stay("2026-09-20", "2026-10-04")]
    schemas.read_fact("facility-stays", {"month": "2026-10", "stays": stays})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code": "ABCDE"}, "claims.0.code"),
        ({"code": "G051"}, "claims.0.code"),
        ({"dos": "2026-09-30"}, "claims"),
    ],
)
def test_a_claim_of_another_shape_or_month_is_refused(change: dict[str, str], field: str) -> None:
    for code in ("99490", "G0511", "0591T"):
        schemas.read_fact("other-claims", {"month": "2026-10", "claims": [{"code": code, "same_group": True}]})
    claim = {"code": "99490", "same_group": True, "dos": "2026-10-31"} | change
    with pytest.raises(Invalid) as caught:
        schemas.read_fact("other-claims", {"month": "2026-10", "claims": [claim]})
    assert caught.value.field == field
