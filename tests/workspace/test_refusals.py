"""What the pages refuse: they say why, beside the field, and keep what was typed."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest

from caretide import worker
from caretide.billing import actions as billing
from caretide.runtime.installation import Installation
from caretide.runtime.tx import Database
from caretide.time_log import actions as time_log
from caretide.time_log import queries as times
from tests.billing.months import OCTOBER, Recorded, add_patient, log_time, record_month
from tests.cast import Cast, assemble
from tests.client import Visit
from tests.database import HandClock
from tests.workspace.walk import Walker, faults, plain, value_of

TOMORROW = "2026-10-06"


@pytest.fixture
async def recorded(database: Database, cast: Cast) -> Recorded:
    return await record_month(database, cast)


@pytest.fixture
async def nurse(signed_in: Visit, cast: Cast, recorded: Recorded) -> Walker:
    return Walker(await signed_in(cast.coordinator), recorded.patient_id)


PLAN = {"plan": "disease_specific", "effective_on": "2026-10-02", "checked_on": "2026-10-05"}
COPY = {"copy_how": "portal", "copy_to": "caregiver"}


@pytest.mark.parametrize(
    ("form", "values", "field", "fault"),
    [
        ("facts/care-plan", PLAN | {"checked_on": TOMORROW}, "checked_on", "has not come yet"),
        ("facts/care-plan", PLAN | COPY, "copy_on", "Fill this in"),
        ("facts/care-plan", PLAN | COPY | {"copy_on": TOMORROW}, "copy_on", "has not come yet"),
        ("facts/initiating-visit", {"visit": "", "checked_on": "2026-10-05"}, "visit", "Choose one of these"),
        (
            "facts/other-claims",
            {"month": "2026-10", "found": "yes", "code": "99", "checked_on": "2026-10-05"},
            "code",
            "A code has five characters",
        ),
        (
            "facts/hospice-home-health",
            {"month": "2026-11", "hospice": "no", "home_health": "no", "checked_on": "2026-10-05"},
            "checked_on",
            "can be checked from its first day on",
        ),
        ("enroll", {"program": "PCM", "effective_on": TOMORROW}, "practitioner_id", "Fill this in"),
        ("timer/start", {"program": "CCM", "activity": "golf"}, "activity", "Choose one of these"),
    ],
)
async def test_refused_form_names_the_field_and_keeps_what_was_typed(
    nurse: Walker, form: str, values: dict[str, str], field: str, fault: str
) -> None:
    html = await nurse.refused(form, **values)
    assert any(fault in one for one in faults(html)), faults(html)
    name = form.replace("facts/", "fact-").removesuffix("/start")
    assert f'id="{name}-{field}-fault"' in html
    for typed, value in values.items():
        if typed.endswith("_on") or typed == "code":
            assert value_of(html, f"{name}-{typed}") == value
    if "plan" in values:
        assert '<option value="disease_specific" selected>' in html


async def test_refused_copy_records_no_plan_either(nurse: Walker) -> None:
    await nurse.refused("facts/care-plan", **PLAN, **COPY, copy_on=TOMORROW)
    page = await nurse.page()
    assert "Disease-specific" not in page


async def test_refused_enrollment_and_consent_stay_in_their_form(nurse: Walker, cast: Cast, recorded: Recorded) -> None:
    again = {"program": "CCM", "practitioner_id": str(cast.practitioner_id), "effective_on": "2026-10-01"}
    html = await nurse.refused("enroll", **again)
    assert "already enrolled in CCM" in plain(html)
    late = {"enrollment_id": str(recorded.enrollment_id), "mode": "written", "answer": "accepted"}
    html = await nurse.refused("consent", **late, obtained_on=TOMORROW, disclosures=["sharing", "may_stop"])
    form = f"consent-{recorded.enrollment_id}"
    assert value_of(html, f"{form}-obtained_on") == TOMORROW
    assert html.count('value="sharing" checked') == 1
    assert '<option value="written" selected>' in html
    html = await nurse.refused("consent/revoke", enrollment_id=str(recorded.enrollment_id), revoked_on="")
    assert f'id="revoke-{recorded.enrollment_id}-revoked_on-fault"' in html


async def test_stranger_is_not_found_byte_for_byte_like_nobody(
    signed_in: Visit, database: Database, cast: Cast, recorded: Recorded
) -> None:
    other = await signed_in(cast.other_coordinator)
    elsewhere = await add_patient(database, await assemble(database))
    unknown = await other.get(f"/patients/{uuid4()}")
    assert unknown.status_code == 404
    for patient_id in (recorded.patient_id, elsewhere):
        for path in ("", "/timer", "?month=2026-09"):
            hidden = await other.get(f"/patients/{patient_id}{path}")
            assert (hidden.status_code, hidden.content) == (404, unknown.content)
    found = await other.post("/my-day/search", data={"q": "Whitfield"})
    assert "Eleanor" not in found.text


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("timer/start", {"program": "CCM", "activity": "patient_call"}),
        ("timer/stop", {}),
        ("enroll", {"program": "CCM", "practitioner_id": str(uuid4()), "effective_on": "2026-10-01"}),
        ("facts/risk", {"is_high_risk": "no", "expected_months": "1", "effective_on": "2026-10-01"}),
        ("consent", {"enrollment_id": str(uuid4()), "obtained_on": "2026-10-01"}),
    ],
)
async def test_stranger_cannot_be_written_to(
    signed_in: Visit, cast: Cast, recorded: Recorded, form: str, values: dict[str, str]
) -> None:
    other = await signed_in(cast.other_coordinator)
    values = values | {"checked_on": "2026-10-05", "mode": "verbal", "answer": "accepted"}
    unknown = await other.post(f"/patients/{uuid4()}/{form}", data=values)
    hidden = await other.post(f"/patients/{recorded.patient_id}/{form}", data=values)
    assert (hidden.status_code, hidden.content) == (404, unknown.content)


async def test_another_patients_enrollment_and_entry_are_not_found(
    signed_in: Visit, database: Database, cast: Cast, clock: HandClock, recorded: Recorded
) -> None:
    await log_time(database, cast, clock, recorded, minutes=5)
    other_id = await add_patient(database, cast, "Other")
    manager = Walker(await signed_in(cast.manager), other_id)
    async with database.tx(cast.manager) as tx:
        (entry,) = await times.entries(tx, recorded.patient_id, OCTOBER)
    given = {"obtained_on": "2026-10-02", "mode": "verbal", "answer": "accepted"}
    consent = await manager.send("consent", enrollment_id=str(recorded.enrollment_id), **given)
    void = await manager.send(f"entries/{entry.id}/void", reason="wrong patient")
    assert (consent.status_code, void.status_code) == (404, 404)


@pytest.mark.parametrize("role", ["billing", "auditor"])
async def test_role_that_records_nothing_sees_no_form_and_is_refused(
    signed_in: Visit, cast: Cast, recorded: Recorded, role: str
) -> None:
    reader = Walker(await signed_in(getattr(cast, role)), recorded.patient_id)
    html = (await reader.browser.get(reader.home)).text
    assert "Your role reads time and records none." in html
    assert f'action="{reader.home}' not in html
    refused = await reader.send("timer/start", program="CCM", activity="patient_call")
    assert refused.status_code == 403
    assert "time:write" in refused.text


async def test_only_a_practitioner_records_decision_making(signed_in: Visit, cast: Cast, nurse: Walker) -> None:
    assert "A billing practitioner records this." in (await nurse.browser.get(nurse.home)).text
    decided = {"month": "2026-10", "level": "high", "practitioner_id": str(cast.practitioner_id)}
    dates = {"effective_on": "2026-10-05", "checked_on": "2026-10-05"}
    refused = await nurse.send("facts/decision-making", **decided, **dates)
    assert refused.status_code == 403
    doctor = Walker(await signed_in(cast.practitioner), nurse.patient_id)
    page = await doctor.done("facts/decision-making", **decided, **dates)
    assert "High, by Priya Raman" in page


async def test_second_tab_starts_nothing_and_says_so(nurse: Walker, clock: HandClock) -> None:
    await nurse.done("timer/start", program="CCM", activity="patient_call")
    clock.advance(seconds=30)
    html = await nurse.refused("timer/start", program="CCM", activity="care_plan")
    assert "Your timer already runs for this patient; stop it first" in plain(html)
    assert 'data-elapsed="30"' in html
    await nurse.done("timer/stop", note="")
    html = await nurse.refused("timer/stop", note="From the other tab")
    assert "No timer is running; it was stopped before" in plain(html)


async def test_timer_of_another_patient_is_named_and_not_stopped_from_here(
    database: Database, cast: Cast, nurse: Walker
) -> None:
    second = await record_month(database, cast, family="Second")
    there = Walker(nurse.browser, second.patient_id)
    await there.done("timer/start", program="CCM", activity="patient_call")
    page = await nurse.page()
    assert "You are timing Eleanor Second" in page
    html = await nurse.refused("timer/stop", note="")
    assert "Your timer runs for another patient now" in plain(html)
    assert "Recording" in await there.page()


async def test_timer_stopped_within_a_second_leaves_nothing(nurse: Walker) -> None:
    await nurse.done("timer/start", program="CCM", activity="patient_call")
    page = await nurse.done("timer/stop", note="")
    assert "nothing was recorded" in page
    assert "No time yet this month" in page


async def test_void_stays_with_its_reason(
    signed_in: Visit, database: Database, cast: Cast, clock: HandClock, nurse: Walker, recorded: Recorded
) -> None:
    await log_time(database, cast, clock, recorded, minutes=14)
    async with database.tx(cast.manager) as tx:
        (entry,) = await times.entries(tx, recorded.patient_id, OCTOBER)
    nurse = Walker(await signed_in(cast.coordinator), nurse.patient_id)
    html = await nurse.refused(f"entries/{entry.id}/void", reason="  ")
    assert f'id="void-{entry.id}-reason-fault"' in html
    page = await nurse.done(f"entries/{entry.id}/void", reason="Timed the wrong patient")
    assert "Void: Timed the wrong patient (Coordinator Person)" in page
    assert "0:00:00 in October 2026" in page
    html = await nurse.refused(f"entries/{entry.id}/void", reason="again")
    assert "already void" in plain(html)


async def test_closed_month_is_frozen_on_the_page_and_the_present_one_goes_on(
    installation: Installation, signed_in: Visit, cast: Cast, clock: HandClock, recorded: Recorded
) -> None:
    database = installation.database
    await log_time(database, cast, clock, recorded, minutes=21)
    async with database.tx(cast.coordinator) as tx:
        (entry,) = await times.entries(tx, recorded.patient_id, OCTOBER)
    clock.now = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
    async with database.tx(cast.billing) as tx:
        await billing.request_close(tx, OCTOBER)
    await worker.drain(installation)
    nurse = Walker(await signed_in(cast.coordinator), recorded.patient_id)
    october = await nurse.page("?month=2026-10")
    assert "The ruling" in october
    assert "99490" in october
    assert "0:21:00 in October 2026" in october
    assert "Void this entry" not in october
    assert "October 2026 is closed: what is recorded now does not change it." in october
    assert 'class="fix"' not in (await nurse.browser.get(f"{nurse.home}?month=2026-10")).text
    assert "Monthly record" in october or "October 2026" in october.split("Documents")[1]
    refused = await nurse.browser.post(f"{nurse.home}/entries/{entry.id}/void?month=2026-10", data={"reason": "late"})
    assert refused.status_code == 422
    assert "This month is closed for the clinic" in plain(refused.text)
    await nurse.done("timer/start", program="CCM", activity="patient_call")
    clock.advance(minutes=2)
    assert "0:02:00 in November 2026" in await nurse.done("timer/stop", note="")


async def test_month_that_was_closed_on_its_last_evening_takes_no_time(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit, recorded: Recorded
) -> None:
    async with database.tx(cast.billing) as tx:
        await time_log.lock_month(tx, cast.clinic_id, OCTOBER)
    nurse = Walker(await signed_in(cast.coordinator), recorded.patient_id)
    html = await nurse.refused("timer/start", program="CCM", activity="patient_call")
    assert "closed" in plain(html)


@pytest.mark.parametrize(
    "path", ["/patients/not-a-patient", "/my-day?page=x", f"/patients/{UUID(int=1)}/facts/x", "/patients"]
)
async def test_wrong_address_is_an_error_page(signed_in: Visit, cast: Cast, path: str) -> None:
    browser: httpx.AsyncClient = await signed_in(cast.manager)
    assert (await browser.get(path)).status_code in {404, 405, 422}
