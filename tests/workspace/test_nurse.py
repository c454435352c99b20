"""A nurse's walk over the real pages: from somebody on the list to a month that bills."""

from datetime import UTC, date, datetime
from uuid import UUID

import psycopg
import pytest

from caretide.rosters import actions as rosters
from caretide.runtime.tx import Database
from caretide.tenants import actions as tenants
from tests.billing.months import add_patient
from tests.cast import Cast
from tests.client import Visit
from tests.database import HandClock, Server
from tests.identity.accounts import PASSWORD, give_password, sent
from tests.workspace.walk import ALL_TOLD, Walker

TODAY = "2026-10-05"
IN_PLACE = {"hx-request": "true", "hx-target": "main"}


@pytest.fixture
async def patient_id(database: Database, cast: Cast) -> UUID:
    """A patient of the coordinator's, at a clinic that has what the service needs."""
    found = await add_patient(database, cast)
    async with database.tx(cast.administrator) as tx:
        for kind in ("round-the-clock-access", "certified-ehr"):
            since = date(2026, 10, 1)
            await tenants.record_clinic_fact(
                tx, cast.clinic_id, kind, value={"value": True}, effective_on=since, checked_on=since
            )
    return found


@pytest.fixture
async def nurse(signed_in: Visit, cast: Cast, patient_id: UUID) -> Walker:
    return Walker(await signed_in(cast.coordinator), patient_id)


async def designate(database: Database, cast: Cast, patient_id: UUID) -> None:
    async with database.tx(cast.manager) as tx:
        assert cast.coordinator.member_id
        await rosters.designate(tx, patient_id, cast.coordinator.member_id)


async def enroll(nurse: Walker, cast: Cast) -> str:
    return await nurse.done(
        "enroll",
        program="CCM",
        practitioner_id=str(cast.practitioner_id),
        effective_on="2026-10-01",
        attests_duration="yes",
        attests_risk="yes",
    )


async def consent(nurse: Walker, enrollment_id: str, told: list[str] = ALL_TOLD) -> str:
    given = {"obtained_on": "2026-10-02", "mode": "verbal", "answer": "accepted"}
    return await nurse.done("consent", enrollment_id=enrollment_id, disclosures=told, **given)


async def enrollment_of(nurse: Walker) -> str:
    html = (await nurse.browser.get(nurse.home)).text
    return html.split('name="enrollment_id" value="')[1].split('"')[0]


async def record_facts(nurse: Walker) -> None:
    looked = {"checked_on": TODAY}
    await nurse.done("facts/initiating-visit", visit="office_visit", effective_on="2026-10-01", **looked)
    plan = {"plan": "comprehensive", "effective_on": "2026-10-02"}
    await nurse.done("facts/care-plan", **plan, copy_how="mail", copy_to="patient", copy_on="2026-10-03", **looked)
    await nurse.done("facts/facility-stays", stay="none", stay_2="none", **looked)
    await nurse.done("facts/other-claims", month="2026-10", found="no", **looked)
    await nurse.done("facts/hospice-home-health", month="2026-10", hospice="no", home_health="no", **looked)


async def test_walk_from_the_list_to_a_month_that_bills(
    signed_in: Visit, database: Database, cast: Cast, clock: HandClock, nurse: Walker
) -> None:
    assert "Your roster is empty" in (await nurse.browser.get("/my-day")).text
    manager = Walker(await signed_in(cast.manager), nurse.patient_id)
    page = await manager.done("designate", member_id=str(cast.coordinator.member_id))
    assert "The coordinator was designated." in page
    assert "Coordinator Person since Oct 5, 2026" in page

    day = (await nurse.browser.get("/my-day")).text
    assert "Not enrolled" in day
    assert "Eligible for CCM" in day
    assert "Eleanor Whitfield" in day
    assert "Enroll the patient first" in await nurse.page()

    page = await enroll(nurse, cast)
    assert "The patient is enrolled." in page
    assert "Consent missing" in (await nurse.browser.get("/my-day")).text
    assert "No consent yet: this time will not count." in page
    assert "things are not recorded yet" in page
    assert "Care plan" in page.split("things are not recorded yet")[1][:200]

    page = await consent(nurse, await enrollment_of(nurse))
    assert "Accepted by word on Oct 2, 2026, all five disclosures, by Coordinator Person" in page
    assert "No consent yet" not in page
    assert "Initiating visit not recorded, 5 more" in (await nurse.browser.get("/my-day")).text
    await record_facts(nurse)
    day = (await nurse.browser.get("/my-day")).text
    assert "20:00 min to 20" in day

    page = await nurse.done("timer/start", program="CCM", activity="patient_call")
    assert "Recording" in page
    clock.advance(minutes=10)
    await nurse.page()
    clock.advance(minutes=10, seconds=5)
    elsewhere = (await nurse.browser.get("/my-day")).text
    assert "Timer running: Eleanor Whitfield" in elsewhere
    assert 'data-elapsed="1205"' in elsewhere
    page = await nurse.done("timer/stop", note="Went through the new tablets.")
    assert "The time was recorded." in page
    assert "Went through the new tablets." in page
    assert "0:20:05 in October 2026" in page
    assert "99490" in page
    assert "every second counts" in page
    day = (await nurse.browser.get("/my-day")).text
    assert "19:55 min to 40" in day


async def test_earlier_month_is_a_page_of_its_own(
    signed_in: Visit, database: Database, cast: Cast, clock: HandClock, nurse: Walker
) -> None:
    await designate(database, cast, nurse.patient_id)
    await enroll(nurse, cast)
    await record_facts(nurse)
    clock.now = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
    nurse = Walker(await signed_in(cast.coordinator), nurse.patient_id)
    page = await nurse.page()
    assert "November 2026" in page
    assert "For October 2026: None" in page
    assert "check again" in page
    earlier = await nurse.page("?month=2026-10")
    assert "in October 2026" in earlier
    assert "check again" not in earlier
    sent = await nurse.browser.post(
        f"{nurse.home}/facts/facility-stays?month=2026-10",
        data={"stay": "SNF_part_A", "from": "2026-10-20", "checked_on": "2026-11-03"},
    )
    assert sent.headers["location"] == f"{nurse.home}?month=2026-10"
    assert "Skilled nursing, Part A, since Oct 20, 2026" in await nurse.page("?month=2026-10")
    assert "Earlier (1)" in await nurse.page("?month=2026-10")
    for month, status in (("2026-12", 404), ("2026-13", 422), ("soon", 422)):
        assert (await nurse.browser.get(f"{nurse.home}?month={month}")).status_code == status


async def test_consent_with_a_disclosure_left_out_does_not_count(database: Database, cast: Cast, nurse: Walker) -> None:
    await designate(database, cast, nurse.patient_id)
    await enroll(nurse, cast)
    page = await consent(nurse, await enrollment_of(nurse), ALL_TOLD[1:])
    assert "only 4 of 5 disclosures were made" in page
    assert "Consent incomplete" in (await nurse.browser.get("/my-day")).text
    page = await consent(nurse, await enrollment_of(nurse))
    assert "all five disclosures" in page


async def test_revoked_consent_stays_in_words(database: Database, cast: Cast, nurse: Walker) -> None:
    await designate(database, cast, nurse.patient_id)
    await enroll(nurse, cast)
    enrollment_id = await enrollment_of(nurse)
    await consent(nurse, enrollment_id)
    page = await nurse.done("consent/revoke", enrollment_id=enrollment_id, revoked_on="2026-10-04")
    assert "taken back on Oct 4, 2026" in page


async def test_search_finds_by_name_and_number_without_an_address(
    database: Database, cast: Cast, nurse: Walker
) -> None:
    await designate(database, cast, nurse.patient_id)
    await add_patient(database, cast, "Unseen")
    for typed in ("whit", "Whitfield, Eleanor", "M001"):
        found = await nurse.browser.post("/my-day/search", data={"q": typed, "show": "all"})
        assert found.status_code == 200
        assert "Eleanor Whitfield" in found.text
        assert "<!doctype html>" in found.text
    part = await nurse.browser.post("/my-day/search", data={"q": "unseen"}, headers={"hx-request": "true"})
    assert "Nobody by that name or number" in part.text
    assert "<!doctype html>" not in part.text


async def test_first_name_is_enough_to_find_somebody(database: Database, cast: Cast, nurse: Walker) -> None:
    await designate(database, cast, nurse.patient_id)
    found = await nurse.browser.post("/my-day/search", data={"q": "elea"})
    assert "Eleanor Whitfield" in found.text


async def test_time_without_consent_is_recorded_and_warned_of(
    database: Database, cast: Cast, clock: HandClock, nurse: Walker
) -> None:
    await designate(database, cast, nurse.patient_id)
    await enroll(nurse, cast)
    page = await nurse.done("timer/start", program="CCM", activity="patient_call")
    assert "Recording" in page
    assert "No consent yet: this time will not count." in page
    clock.advance(minutes=5)
    page = await nurse.done("timer/stop", note="")
    assert "0:05:00" in page


async def test_patient_who_declined_is_said_to_have_declined(database: Database, cast: Cast, nurse: Walker) -> None:
    await designate(database, cast, nurse.patient_id)
    await enroll(nurse, cast)
    assert "No consent is recorded." in await nurse.page()
    said = {"obtained_on": "2026-10-02", "mode": "verbal", "answer": "declined"}
    page = await nurse.done("consent", enrollment_id=await enrollment_of(nurse), disclosures=ALL_TOLD, **said)
    assert "The patient declined on Oct 2, 2026." in page


async def test_refusal_that_no_form_shows_stands_above_the_page(database: Database, cast: Cast, nurse: Walker) -> None:
    await designate(database, cast, nurse.patient_id)
    await enroll(nurse, cast)
    for form, values in (
        ("timer/start", {"program": "XYZ", "activity": "patient_call"}),
        ("consent", {"enrollment_id": str(cast.clinic_id), "obtained_on": "2026-10-02"}),
    ):
        answer = await nurse.send(form, **values)
        assert answer.status_code in {404, 422}
        if answer.status_code == 422:
            assert 'role="alert"' in answer.text


async def test_more_than_eight_entries_are_folded(
    database: Database, cast: Cast, clock: HandClock, nurse: Walker
) -> None:
    await designate(database, cast, nurse.patient_id)
    await enroll(nurse, cast)
    for _ in range(9):
        await nurse.done("timer/start", program="CCM", activity="patient_call")
        clock.advance(minutes=1)
        page = await nurse.done("timer/stop", note="")
    assert "Show all 9" in page


async def test_timer_alone_answers_a_tab_that_asks(database: Database, cast: Cast, nurse: Walker) -> None:
    await designate(database, cast, nurse.patient_id)
    await enroll(nurse, cast)
    await nurse.done("timer/start", program="CCM", activity="care_plan")
    part = await nurse.browser.get(f"{nurse.home}/timer")
    assert "Recording" in part.text
    assert "<html" not in part.text


async def test_htmx_gets_the_page_itself_for_a_form_in_place(database: Database, cast: Cast, nurse: Walker) -> None:
    await designate(database, cast, nurse.patient_id)
    sent = await nurse.browser.post(
        f"{nurse.home}/enroll",
        data={"program": "PCM", "practitioner_id": str(cast.practitioner_id), "effective_on": TODAY},
        headers=IN_PLACE | {"hx-current-url": f"http://localhost:8000{nurse.home}#enroll"},
        follow_redirects=True,
    )
    assert "The patient is enrolled." in sent.text


async def test_htmx_loads_the_sign_in_as_a_page_once_the_session_has_ended(
    database: Database, cast: Cast, clock: HandClock, nurse: Walker
) -> None:
    await designate(database, cast, nurse.patient_id)
    clock.advance(minutes=16)
    headers = IN_PLACE | {"hx-current-url": f"http://localhost:8000{nurse.home}"}
    sent = await nurse.browser.post(f"{nurse.home}/timer/stop", data={"note": ""}, headers=headers)
    assert (sent.status_code, sent.content) == (401, b"")
    assert sent.headers["hx-redirect"] == f"/sign-in/again?next={nurse.home}"


@pytest.mark.req("H-03")
async def test_timer_and_note_outlive_the_session_and_no_second_is_added(
    database: Database, cast: Cast, clock: HandClock, nurse: Walker, server: Server
) -> None:
    await give_password(database, cast.coordinator)
    await designate(database, cast, nurse.patient_id)
    await enroll(nurse, cast)
    await nurse.done("timer/start", program="CCM", activity="patient_call")
    page = (await nurse.browser.get(f"{nurse.home}/timer")).text
    key = page.split('name="timer" value="')[1].split('"')[0]
    draft = {"timer": key, "note": "Dizzy since the new tablets"}
    clock.advance(minutes=3)
    assert (await nurse.browser.post(f"{nurse.home}/timer/draft", data=draft)).status_code == 204
    with psycopg.connect(server.admin) as connection:
        drafts = "SELECT text FROM drafts WHERE tenant_id = %s"
        stored = connection.execute(drafts, (cast.tenant_id,)).fetchall()
    assert len(stored) == 1
    assert "Dizzy" not in str(stored)
    clock.advance(minutes=20)
    assert (await nurse.browser.get(nurse.home)).headers["location"].startswith("/sign-in/again")
    nurse.browser.headers.pop("x-csrf-token", "")
    assert (await sent(nurse.browser, "/sign-in/again", password=PASSWORD)).status_code == 303
    back = (await nurse.browser.get(nurse.home)).text
    assert "Dizzy since the new tablets</textarea>" in back
    assert 'data-elapsed="1380"' in back
    theirs = await nurse.browser.post(f"{nurse.home}/timer/draft", data=draft | {"timer": str(cast.tenant_id)})
    assert theirs.status_code == 409
    await sent(nurse.browser, f"{nurse.home}/timer/stop", note="Dizzy since the new tablets")
    with psycopg.connect(server.admin) as connection:
        assert connection.execute(drafts, (cast.tenant_id,)).fetchall() == []
        seconds = "SELECT duration_secs FROM time_log_entries WHERE patient_id = %s"
        assert connection.execute(seconds, (nurse.patient_id,)).fetchall() == [(23 * 60,)]
