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
