"""Enrolling, ending, consenting."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.exc import ProgrammingError

from caretide.enrollment import actions, queries
from caretide.enrollment.models import Enrollment
from caretide.enrollment.rules import DISCLOSURES
from caretide.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from caretide.kernel.month import Month
from caretide.patients.models import Patient
from caretide.runtime.tx import Database
from caretide.tenants import actions as tenants
from tests.cast import Cast, assemble
from tests.client import Visit
from tests.database import HandClock
from tests.enrollment.panel import enrolled, new_patient

OCTOBER = Month(2026, 10)
SINCE = date(2026, 9, 1)


async def test_a_patient_is_in_a_program_once(database: Database, cast: Cast) -> None:
    patient_id, enrollment_id = await enrolled(database, cast)
    with pytest.raises(Conflict, match="already enrolled in CCM"):
        async with database.tx(cast.coordinator) as tx:
            await actions.enroll(tx, patient_id, "CCM", cast.practitioner_id, started_on=SINCE)
    async with database.tx(cast.coordinator) as tx:
        await actions.enroll(tx, patient_id, "PCM", cast.practitioner_id, started_on=SINCE)
        await actions.end_enrollment(tx, enrollment_id, ended_on=date(2026, 10, 2), reason="Moved away")
        await actions.enroll(tx, patient_id, "CCM", cast.practitioner_id, started_on=date(2026, 10, 3))
        found = await queries.enrollments(tx, patient_id)
        changes = await queries.history(tx, enrollment_id)
    assert [(one.enrollment.program, one.enrollment.ended_on) for one in found] == [
        ("CCM", None),
        ("PCM", None),
        ("CCM", date(2026, 10, 2)),
    ]
    assert [(one.status, one.reason) for one in changes] == [("enrolled", ""), ("ended", "Moved away")]
    assert changes[1].recorded_by == "Coordinator Person"


@pytest.mark.req("V-05")
async def test_of_many_enrollments_at_once_one_stays(database: Database, cast: Cast) -> None:
    patient_id = await new_patient(database, cast)

    async def enroll() -> None:
        async with database.tx(cast.manager) as tx:
            await actions.enroll(tx, patient_id, "CCM", cast.practitioner_id, started_on=SINCE)

    answers = await asyncio.gather(*(enroll() for _ in range(8)), return_exceptions=True)
    assert [type(one) for one in answers if one is not None] == [Conflict] * 7


async def test_enrollment_refuses_what_cannot_be(database: Database, cast: Cast) -> None:
    patient_id = await new_patient(database, cast)
    async with database.tx(cast.administrator) as tx:
        new = tenants.NewPractitioner(npi="1234567893", family="Osei", given="Kim")
        elsewhere = await tenants.save_practitioner(tx, new)
    for program, practitioner_id, started_on, field in (
        ("APCM", cast.practitioner_id, SINCE, "program"),
        ("CCM", cast.practitioner_id, date(2026, 10, 6), "started_on"),
        ("CCM", elsewhere, SINCE, "practitioner_id"),
    ):
        with pytest.raises(Invalid) as caught:
            async with database.tx(cast.manager) as tx:
                await actions.enroll(tx, patient_id, program, practitioner_id, started_on=started_on)
        assert caught.value.field == field
    async with database.tx(cast.system) as tx:
        await tx.db.execute(update(Patient).values(deceased_on=date(2026, 9, 9)))
    with pytest.raises(Conflict, match="died or left"):
        async with database.tx(cast.manager) as tx:
            await actions.enroll(tx, patient_id, "CCM", cast.practitioner_id, started_on=SINCE)


@pytest.mark.req("T-23")
async def test_a_foreign_enrollment_answers_as_an_unknown_one(database: Database, cast: Cast) -> None:
    other = await assemble(database)
    _, theirs = await enrolled(database, other)
    _, off_roster = await enrolled(database, cast, to=cast.other_coordinator)
    messages: set[str] = set()
    for enrollment_id in (theirs, off_roster, uuid4()):
        with pytest.raises(NotFound) as caught:
            async with database.tx(cast.coordinator) as tx:
                await actions.end_enrollment(tx, enrollment_id, ended_on=date(2026, 10, 1), reason="x")
        messages.add(caught.value.message)
    assert len(messages) == 1


async def test_only_the_last_day_of_an_enrollment_can_change(database: Database, cast: Cast) -> None:
    await enrolled(database, cast)
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with database.tx(cast.administrator) as tx:
            await tx.db.execute(update(Enrollment).values(program="PCM"))


async def test_consent_stands_from_its_day_until_it_is_revoked(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    patient_id, enrollment_id = await enrolled(database, cast)
    asked = clock.now - timedelta(days=20)
    async with database.tx(cast.coordinator) as tx:
        await actions.record_consent(
            tx, enrollment_id, "accepted", mode="verbal", decided_at=asked, disclosures=DISCLOSURES
        )
        (found,) = await queries.enrollments(tx, patient_id)
    assert (found.consent.status, found.consent.obtained_on) == ("documented", date(2026, 9, 15))
    assert found.consent.elements_complete
    assert found.consent.given is not None
    assert found.consent.given.obtained_by == "Coordinator Person"
    async with database.tx(cast.coordinator) as tx:
        await actions.record_consent(tx, enrollment_id, "revoked", mode="verbal", decided_at=clock.now, disclosures=())
    async with database.tx(cast.billing) as tx:
        (october,) = await queries.enrolled_in(tx, cast.clinic_id, OCTOBER)
        (september,) = await queries.enrolled_in(tx, cast.clinic_id, Month(2026, 9), [patient_id])
        assert await queries.enrolled_in(tx, cast.clinic_id, OCTOBER, [uuid4()]) == []
        assert await queries.enrolled_in(tx, cast.clinic_id, Month(2026, 8)) == []
    assert (october.consent.status, october.consent.revoked_on) == ("revoked", date(2026, 10, 5))
    assert september.consent.status == "documented"
    assert september.enrollment.practitioner == "Priya Raman"


async def test_consent_refuses_what_cannot_be(database: Database, cast: Cast, clock: HandClock) -> None:
    _, enrollment_id = await enrolled(database, cast)
    good = {"decision": "accepted", "mode": "verbal", "decided_at": clock.now, "disclosures": DISCLOSURES}
    for wrong, field in (
        ({"decision": "maybe"}, "decision"),
        ({"mode": "semaphore"}, "decision"),
        ({"disclosures": ["weather"]}, "disclosures"),
        ({"decided_at": clock.now + timedelta(minutes=1)}, "decided_at"),
        ({"decided_at": datetime(2026, 10, 1, 9)}, "decided_at"),  # noqa: DTZ001 - what is refused
    ):
        with pytest.raises(Invalid) as caught:
            async with database.tx(cast.coordinator) as tx:
                await actions.record_consent(tx, enrollment_id, **(good | wrong))
        assert caught.value.field == field
    with pytest.raises(Conflict, match="no consent to revoke"):
        async with database.tx(cast.coordinator) as tx:
            await actions.record_consent(tx, enrollment_id, **(good | {"decision": "revoked"}))
    async with database.tx(cast.coordinator) as tx:
        await actions.record_consent(tx, enrollment_id, **good)
    with pytest.raises(Conflict, match="revocation instead"):
        async with database.tx(cast.coordinator) as tx:
            await actions.record_consent(tx, enrollment_id, **(good | {"decision": "declined"}))


async def test_candidates_are_eligible_and_in_no_program(database: Database, cast: Cast) -> None:
    await enrolled(database, cast)
    free = await new_patient(database, cast, "I10", "E11.9", coverage="medicare_advantage")
    unknown = await new_patient(database, cast, "I10", "E11.9")
    async with database.tx(cast.manager) as tx:
        assert set(await queries.candidates(tx, cast.clinic_id)) == {free}
        answers = await queries.eligibility(tx, cast.clinic_id, [unknown])
    assert answers[unknown].ccm is None


@pytest.mark.req("V-14")
async def test_who_may_not_read_charts_is_told_how_many_conditions_and_not_which(
    database: Database, cast: Cast, api: Visit, signed_in: Visit
) -> None:
    two = await new_patient(database, cast, "I10", "E11.9", coverage="original_medicare_part_b")
    one = await new_patient(database, cast, "I10", coverage="original_medicare_part_b")
    for actor, knows in ((cast.billing, False), (cast.manager, True)):
        program, browser = await api(actor), await signed_in(actor)
        for patient_id, count in ((two, "2 chronic conditions"), (one, "1 chronic condition")):
            answer = (await program.get(f"/patients/{patient_id}/eligibility")).json()
            said = next(found for found in answer["reasons"] if found["code"] == "conditions")
            assert said["text"].startswith(count)
            assert (said["conditions"] is None) is not knows
            page = (await browser.get(f"/patients/{patient_id}")).text
            assert count in page
            for text in (json.dumps(answer), page):
                assert ("Hypertension" in text) is knows
                assert knows or "Diabetes" not in text
    async with database.tx(cast.billing) as tx:
        found = await queries.candidates(tx, cast.clinic_id)
        barred = await queries.eligibility(tx, cast.clinic_id, [one])
    assert {two, one} <= {*found}
    assert [reason.text for reason in found[two].reasons_of("CCM")][1] == "2 chronic conditions"
    wanted = "1 chronic condition; it needs two or more chronic conditions"
    assert [reason.text for reason in barred[one].reasons_of("CCM")][1] == wanted


async def test_billing_may_not_enroll(database: Database, cast: Cast) -> None:
    patient_id = await new_patient(database, cast)
    with pytest.raises(Forbidden, match="enrollment:write"):
        async with database.tx(cast.billing) as tx:
            await actions.enroll(tx, patient_id, "CCM", cast.practitioner_id, started_on=SINCE)


@pytest.mark.parametrize("day", [datetime(2014, 12, 31, 23, tzinfo=UTC), datetime(1948, 3, 6, tzinfo=UTC)])
async def test_consent_before_care_management_is_refused(day: datetime, database: Database, cast: Cast) -> None:
    _, enrollment_id = await enrolled(database, cast)
    how = {"mode": "verbal", "decided_at": day, "disclosures": DISCLOSURES}
    with pytest.raises(Invalid) as caught:
        async with database.tx(cast.coordinator) as tx:
            await actions.record_consent(tx, enrollment_id, "accepted", **how)
    assert caught.value.field == "decided_at"


async def test_consent_before_birth_is_refused(database: Database, cast: Cast) -> None:
    _, enrollment_id = await enrolled(database, cast)
    async with database.tx(cast.system) as tx:
        await tx.db.execute(update(Patient).values(birth_date=date(2020, 1, 2)))
    how = {"mode": "verbal", "decided_at": datetime(2020, 1, 1, tzinfo=UTC), "disclosures": DISCLOSURES}
    with pytest.raises(Invalid, match="before they were born"):
        async with database.tx(cast.coordinator) as tx:
            await actions.record_consent(tx, enrollment_id, "accepted", **how)


async def test_back_dated_consent_says_when_and_by_whom_it_was_recorded(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    patient_id, enrollment_id = await enrolled(database, cast)
    async with database.tx(cast.coordinator) as tx:
        how = {"mode": "verbal", "decided_at": datetime(2016, 2, 1, 12, tzinfo=UTC), "disclosures": DISCLOSURES}
        await actions.record_consent(tx, enrollment_id, "accepted", **how)
        (found,) = await queries.enrollments(tx, patient_id)
    assert found.consent.given is not None
    assert (found.consent.given.recorded_at, found.consent.given.recorded_by) == (clock.now, "Coordinator Person")


@pytest.mark.parametrize("reason", [" ", "\u200b", "a\x00b", "x" * 501])
async def test_unfit_reason_ends_no_enrollment(reason: str, database: Database, cast: Cast) -> None:
    _, enrollment_id = await enrolled(database, cast)
    with pytest.raises(Invalid) as caught:
        async with database.tx(cast.coordinator) as tx:
            await actions.end_enrollment(tx, enrollment_id, ended_on=date(2026, 10, 2), reason=reason)
    assert caught.value.field == "reason"
