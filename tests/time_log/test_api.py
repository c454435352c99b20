"""The walk from a chart to recorded time, as a program takes it."""

from datetime import timedelta
from uuid import uuid4

from caretide.runtime.tx import Database
from tests.cast import Cast
from tests.client import Visit
from tests.database import HandClock
from tests.enrollment.panel import new_patient


async def test_a_patient_is_enrolled_consents_and_is_called(
    database: Database, cast: Cast, clock: HandClock, api: Visit
) -> None:
    patient = f"/patients/{await new_patient(database, cast, 'I10', 'E11.9', coverage='medicare_advantage')}"
    manager, coordinator = await api(cast.manager), await api(cast.coordinator)
    assert (await coordinator.get(f"{patient}/eligibility")).status_code == 404
    given = await manager.post(f"{patient}/designation", json={"member_id": str(cast.coordinator.member_id)})
    assert given.json() == {"changed": 1}
    assert (await manager.get(f"{patient}/designation")).json()["name"] == "Coordinator Person"
    assert (await coordinator.get(f"{patient}/eligibility")).json()["ccm"] is True

    body = {"program": "CCM", "practitioner_id": str(cast.practitioner_id), "started_on": "2026-10-01"}
    enrolled = await coordinator.post(f"{patient}/enrollments", json=body)
    assert enrolled.status_code == 201
    enrollment_id = enrolled.json()["id"]
    asked = {
        "decision": "accepted",
        "mode": "verbal",
        "decided_at": "2026-10-01T09:30:00-05:00",
        "disclosures": ["available", "cost_sharing", "one_practitioner", "may_stop", "sharing"],
    }
    assert (await coordinator.post(f"/enrollments/{enrollment_id}/consents", json=asked)).status_code == 201
    (listed,) = (await coordinator.get(f"{patient}/enrollments")).json()
    assert (listed["consent"]["status"], listed["enrollment"]["program"]) == ("documented", "CCM")
    assert len((await coordinator.get(f"/enrollments/{enrollment_id}/history")).json()) == 1

    fact = {"value": {"month": "2026-10", "stays": []}, "checked_on": "2026-10-05"}
    assert (await coordinator.post(f"{patient}/facts/facility-stays", json=fact)).status_code == 201
    assert (await coordinator.get(f"{patient}/facts")).json()[0]["kind"] == "facility-stays"
    assert list((await coordinator.get(f"{patient}/facts/2026-10")).json()) == ["facility-stays"]

    start = {"patient_id": patient.rsplit("/", 1)[1], "enrollment_id": enrollment_id, "activity_type": "patient_call"}
    assert (await coordinator.get("/timer")).json() is None
    assert (await coordinator.post("/timer/start", json=start)).json()["program"] == "CCM"
    assert (await coordinator.post("/timer/start", json=start)).status_code == 409
    clock.now += timedelta(minutes=10)
    (made,) = (await coordinator.post("/timer/stop", json={"note": "Salt"})).json()
    assert made["seconds"] == 600
    assert (await coordinator.post("/timer/stop", json={})).status_code == 404
    (entry,) = (await coordinator.get(f"{patient}/entries", params={"month": "2026-10"})).json()
    assert entry["note"] == "Salt"
    assert (await coordinator.post(f"/entries/{made['id']}/void", json={"reason": "Test"})).status_code == 204
    assert (await coordinator.post(f"/entries/{made['id']}/void", json={"reason": "Test"})).status_code == 409
    ended = await coordinator.post(
        f"/enrollments/{enrollment_id}/end", json={"ended_on": "2026-10-05", "reason": "Moved"}
    )
    assert ended.status_code == 204


async def test_wrong_requests_are_named_by_field(database: Database, cast: Cast, api: Visit) -> None:
    manager = await api(cast.manager)
    patient = f"/patients/{await new_patient(database, cast)}"
    extra = await manager.post(f"{patient}/designation", json={"member_id": str(cast.tenant_id), "more": 1})
    assert (extra.status_code, extra.json()["errors"][0]["field"]) == (422, "body.more")
    fact = {"value": {"plan": "vague"}, "effective_on": "2026-10-01", "checked_on": "2026-10-05"}
    wrong = await manager.post(f"{patient}/facts/care-plan", json=fact)
    assert (wrong.status_code, wrong.json()["field"]) == (422, "plan")
    assert (await manager.get(f"{patient}/entries", params={"month": "soon"})).status_code == 422
    auditor = await api(cast.auditor)
    refused = await auditor.post("/timer/stop", json={})
    assert (refused.status_code, refused.json()["permission"]) == (403, "time:write")


async def test_activities_and_rosters_are_listed(database: Database, cast: Cast, api: Visit) -> None:
    manager = await api(cast.manager)
    codes = {kind["code"]: kind["counts"] for kind in (await manager.get("/activities")).json()}
    assert (codes["patient_call"], codes["scheduling"]) == (True, False)
    patient_id = str(await new_patient(database, cast))
    sent = {"member_id": str(cast.coordinator.member_id), "patient_ids": [patient_id]}
    assert (await manager.post("/designations", json=sent)).json() == {"changed": 1}
    assert (await manager.get(f"/members/{cast.coordinator.member_id}/roster")).json() == [patient_id]
    assert (await manager.get(f"/clinics/{cast.clinic_id}/timers")).json() == []
    told = {"end": "2026-10-05T15:00:00Z", "reason": "Left on"}
    sent = await manager.post(f"/members/{cast.coordinator.member_id}/timer/stop", json=told)
    assert sent.status_code == 404
    unknown = uuid4()
    assert (await manager.get(f"/members/{unknown}/roster")).status_code == 404
    assert (await manager.get(f"/clinics/{unknown}/timers")).status_code == 404
