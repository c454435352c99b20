"""The attempts of a patient on screen and in the API."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import update

from caretide.outreach import actions, queries
from caretide.patients.models import Patient
from caretide.runtime.tx import Database
from tests.cast import Cast
from tests.client import Visit
from tests.database import HandClock
from tests.enrollment.panel import enrolled
from tests.outreach.test_attempts import call, mine


async def test_an_attempt_is_recorded_from_the_patients_page(database: Database, cast: Cast, signed_in: Visit) -> None:
    patient_id = await mine(database, cast)
    browser = await signed_in(cast.coordinator)
    before = await browser.get(f"/patients/{patient_id}")
    assert "Nobody has tried to reach this patient yet" in before.text
    assert "0 of 4 this month" in before.text
    sent = {"channel": "phone", "outcome": "no_answer", "back": "patient"}
    answer = await browser.post(f"/patients/{patient_id}/attempts", data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/patients/{patient_id}")
    after = await browser.get(f"/patients/{patient_id}")
    assert "The attempt was recorded." in after.text
    assert "1 of 4 this month" in after.text
    assert "Try again in the afternoon." in after.text


async def test_a_call_back_is_local_to_the_clinic(database: Database, cast: Cast, signed_in: Visit) -> None:
    patient_id = await mine(database, cast)
    browser = await signed_in(cast.coordinator)
    sent = {"outcome": "call_back", "call_back_on": "2026-10-06", "call_back_time": "14:30"}
    assert (await browser.post(f"/patients/{patient_id}/attempts", data=sent)).status_code == 303
    page = await browser.get(f"/patients/{patient_id}/attempts")
    assert "wants a call" in page.text
    assert "Oct 6, 2026, 2:30 PM" in page.text


async def test_calls_that_were_promised_stand_above_the_day_until_somebody_tries(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    late, soon, later = [await mine(database, cast) for _ in range(3)]
    async with database.tx(cast.coordinator) as tx:
        for whom, hours in ((late, 1), (soon, 3), (later, 72)):
            at = clock.now + timedelta(hours=hours)
            await actions.record_attempt(tx, whom, "phone", "call_back", call_back_at=at)
    clock.advance(hours=2)
    browser = await signed_in(cast.coordinator)
    page = (await browser.get("/my-day")).text
    assert "2 calls promised by today" in page
    assert page.partition("promised by today")[2].partition("</p>")[0].count("(overdue)") == 1
    assert "promised by today" not in (await (await signed_in(cast.manager)).get("/my-day")).text
    for whom in (late, soon):
        await call(database, cast.coordinator, whom)
    assert "promised by today" not in (await browser.get("/my-day")).text


async def test_what_was_wrong_is_shown_beside_what_was_typed(database: Database, cast: Cast, signed_in: Visit) -> None:
    patient_id = await mine(database, cast)
    browser = await signed_in(cast.coordinator)
    where = f"/patients/{patient_id}/attempts"
    for sent, words in (
        ({"outcome": "call_back", "note": "Kept <note>"}, "Say when to call back"),
        ({"outcome": "call_back", "call_back_on": "2026-10-06", "note": "Kept <note>"}, "Say at what time"),
        ({"outcome": "busy", "made_on": "2026-10-09", "made_time": "10:00", "note": "Kept <note>"}, "not happened yet"),
        ({"note": "Kept <note>"}, "Fill this in"),
    ):
        answer = await browser.post(where, data=sent)
        assert answer.status_code == 422
        assert words in answer.text
        assert "Kept &lt;note&gt;" in answer.text
    assert "No attempt yet" in (await browser.get(where)).text


async def test_a_form_that_is_refused_on_the_patients_page_stays_there_unfolded(
    database: Database, cast: Cast, signed_in: Visit
) -> None:
    patient_id = await mine(database, cast)
    browser = await signed_in(cast.coordinator)
    sent = {"outcome": "busy", "made_on": "2026-10-09", "made_time": "10:00", "back": "patient"}
    answer = await browser.post(f"/patients/{patient_id}/attempts", data=sent)
    assert answer.status_code == 422
    assert "What the month rests on" in answer.text or "Enrollment and consent" in answer.text
    folded = answer.text.partition('id="record-attempt"')[2]
    assert folded.partition(">")[0].endswith(" open")
    field = folded.partition('id="attempt-made_on"')[2]
    assert 'value="2026-10-09"' in field.partition(">")[0]
    assert 'aria-invalid="true"' in field.partition(">")[0]
    assert "This has not happened yet" in field.partition("</div>")[0]
    assert "No attempt yet" in (await browser.get(f"/patients/{patient_id}/attempts")).text


async def test_a_correction_shows_both_records(database: Database, cast: Cast, signed_in: Visit) -> None:
    patient_id = await mine(database, cast)
    made = await call(database, cast.coordinator, patient_id, "reached")
    browser = await signed_in(cast.coordinator)
    answer = await browser.post(f"/patients/{patient_id}/attempts/{made}/correct", data={"outcome": "mistake"})
    assert answer.status_code == 303
    page = (await browser.get(f"/patients/{patient_id}/attempts")).text
    assert "Corrected; the later record counts." in page
    assert "Recorded by mistake" in page
    assert "0 of 4" in page


async def test_another_patients_attempt_is_not_corrected_here(database: Database, cast: Cast, signed_in: Visit) -> None:
    patient_id, other = await mine(database, cast), await mine(database, cast)
    made = await call(database, cast.coordinator, other)
    browser = await signed_in(cast.coordinator)
    answer = await browser.post(f"/patients/{patient_id}/attempts/{made}/correct", data={"outcome": "reached"})
    assert answer.status_code == 404


async def test_who_only_reads_sees_no_form(database: Database, cast: Cast, signed_in: Visit) -> None:
    patient_id = await mine(database, cast)
    await call(database, cast.coordinator, patient_id)
    page = await (await signed_in(cast.auditor)).get(f"/patients/{patient_id}/attempts")
    assert "Record the attempt" not in page.text
    assert "No answer" in page.text


async def test_the_api_records_lists_and_corrects(database: Database, cast: Cast, api: Visit, clock: HandClock) -> None:
    patient_id = await mine(database, cast)
    program = await api(cast.coordinator)
    outcomes = (await program.get("/outcomes")).json()
    assert {"deceased", "mistake"} == {one["code"] for one in outcomes if not one["key"]}
    where = f"/patients/{patient_id}/attempts"
    made = await program.post(where, json={"channel": "phone", "outcome": "voicemail", "note": "Left a word"})
    assert made.status_code == 201
    fixed = await program.post(f"/attempts/{made.json()['id']}/correction", json={"outcome": "busy"})
    assert fixed.status_code == 201
    found = (await program.get(where)).json()
    assert [(one["outcome"], one["superseded"]) for one in found] == [("busy", False), ("voicemail", True)]
    assert (await program.post(where, json={"channel": "phone", "outcome": "mistake"})).status_code == 422
    assert (await program.post(where, json={"channel": "phone", "outcome": "busy", "x": 1})).status_code == 422
    assert (await program.get(f"/patients/{uuid4()}/attempts")).status_code == 404


async def test_the_api_lists_the_callers_call_backs(database: Database, cast: Cast, api: Visit) -> None:
    patient_id = await mine(database, cast)
    program = await api(cast.coordinator)
    sent = {"channel": "phone", "outcome": "call_back", "call_back_at": "2026-10-06T10:00:00Z"}
    assert (await program.post(f"/patients/{patient_id}/attempts", json=sent)).status_code == 201
    (found,) = (await program.get("/call-backs")).json()
    assert (found["patient_id"], found["name"]) == (str(patient_id), "Ana Vega")


async def test_nothing_is_due_to_somebody_who_has_died(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    patient_id, _ = await enrolled(database, cast)
    browser = await signed_in(cast.coordinator)
    sent = {"outcome": "call_back", "call_back_on": "2026-10-06", "call_back_time": "14:30", "back": "patient"}
    assert (await browser.post(f"/patients/{patient_id}/attempts", data=sent)).status_code == 303
    alive = (await browser.get(f"/patients/{patient_id}")).text
    assert "Call back" in alive
    assert "min to go" in alive
    async with database.tx(cast.system) as tx:
        await tx.db.execute(update(Patient).where(Patient.id == patient_id).values(is_deceased=True))
    page = (await browser.get(f"/patients/{patient_id}")).text
    assert "nothing can be added after a death" in page
    assert not [words for words in ("min to go", "Call back is", "Call back Oct", "days left") if words in page]
    async with database.tx(cast.coordinator) as tx:
        assert patient_id not in {one.patient_id for one in await queries.my_call_backs(tx, 60)}
