"""Telling time after the fact and deciding over it, by page and by program."""

from datetime import UTC, datetime
from typing import Any

import pytest

from caretide.runtime.tx import Database
from caretide.time_log import actions, queries
from tests.cast import Cast
from tests.client import Visit
from tests.database import HandClock
from tests.enrollment.panel import enrolled
from tests.time_log.test_told import OCTOBER, counted, span, tell


@pytest.fixture
async def whom(database: Database, cast: Cast, clock: HandClock) -> tuple[Any, Any]:
    """A patient of the coordinator's, two days before the present."""
    found = await enrolled(database, cast)
    clock.now = datetime(2026, 10, 7, 15, 0, tzinfo=UTC)
    return found


async def test_the_approvals_page_decides_over_several(
    database: Database, cast: Cast, whom: tuple[Any, Any], signed_in: Visit
) -> None:
    manager = await signed_in(cast.manager)
    assert "Nothing awaits approval" in (await manager.get("/approvals")).text
    made = [await tell(database, cast.coordinator, whom, *span(start)) for start in (0, 30, 60)]
    mine = await tell(database, cast.manager, whom)
    page = (await manager.get("/approvals")).text
    assert page.count('type="checkbox"') == 3
    assert "4 entries await" in page
    assert "The phone rang" in page
    assert "Somebody else decides" in page
    none = await manager.post("/approvals", data={"decision": "approve"})
    assert (none.status_code, "Choose at least one entry" in none.text) == (422, True)
    wrong = await manager.post("/approvals", data={"decision": "refuse", "entry": str(made[2].id)})
    assert (wrong.status_code, "Fill this in" in wrong.text) == (422, True)
    both = {"decision": "approve", "entry": [str(made[0].id), str(made[1].id)]}
    assert (await manager.post("/approvals", data=both)).status_code == 303
    own = await manager.post("/approvals", data={"decision": "approve", "entry": [str(made[2].id), str(mine.id)]})
    assert (own.status_code, "second person" in own.text) == (422, True)
    last = {"decision": "refuse", "entry": str(made[2].id), "reason": "Nobody was there"}
    assert (await manager.post("/approvals", data=last)).status_code == 303
    assert await counted(database, cast) == [1200, 1200]
    alone = (await manager.get("/approvals")).text
    assert "None of these is yours to decide" in alone
    async with database.tx(cast.system) as tx:
        await actions.lock_month(tx, cast.clinic_id, OCTOBER)
    closed = (await manager.get("/approvals")).text
    assert "All of these belong to months that are closed" in closed
    assert "Refuse the chosen" not in closed
    assert "0 entries await a second person; 1 more belongs to closed months" in closed
    assert "1 entry in closed months" in closed
    assert (await (await signed_in(cast.coordinator)).get("/approvals")).status_code == 403


async def test_a_program_tells_corrects_and_decides(
    database: Database, cast: Cast, whom: tuple[Any, Any], api: Visit
) -> None:
    coordinator, manager = await api(cast.coordinator), await api(cast.manager)
    body: dict[str, Any] = {"patient_id": str(whom[0]), "enrollment_id": str(whom[1]), "activity_type": "care_plan"}
    body |= {"start": "2026-10-05T12:00:00-05:00", "end": "2026-10-05T12:10:00-05:00", "reason": "On the road"}
    sent = await coordinator.post("/entries/manual", json=body)
    assert (sent.status_code, [one["awaits"] for one in sent.json()]) == (201, [True])
    assert (await coordinator.post("/entries/manual", json=body | {"start": "2026-10-05T12:00:00"})).status_code == 422
    (waiting,) = (await manager.get("/approvals")).json()
    assert (waiting["seconds"], waiting["zone"], waiting["reason"]) == (600, "America/Chicago", "On the road")
    assert (await manager.post(f"/entries/{waiting['id']}/approve")).status_code == 204
    what = {"start": body["start"], "end": "2026-10-05T12:20:00-05:00", "activity_type": "care_plan", "reason": "Late"}
    corrected = await coordinator.post(f"/entries/{waiting['id']}/correct", json=what)
    assert [(one["seconds"], one["awaits"]) for one in corrected.json()] == [(600, False), (600, True)]
    late = corrected.json()[1]["id"]
    assert (await manager.post(f"/entries/{late}/refuse", json={"reason": "No"})).status_code == 204
    assert (await manager.get("/approvals")).json() == []
    assert (await coordinator.get("/approvals")).status_code == 403


async def test_the_patients_page_tells_and_corrects(
    database: Database, cast: Cast, whom: tuple[Any, Any], signed_in: Visit
) -> None:
    coordinator, home = await signed_in(cast.coordinator), f"/patients/{whom[0]}"
    form = {"program": "CCM", "activity": "patient_call", "day": "2026-10-05", "start": "12:00", "end": "12:20"}
    wrong = await coordinator.post(f"{home}/entries", data=form)
    assert (wrong.status_code, "Fill this in" in wrong.text) == (422, True)
    early = await coordinator.post(f"{home}/entries", data=form | {"reason": "Forgot", "end": "11:00"})
    assert (early.status_code, "The end comes after the start" in early.text) == (422, True)
    assert (await coordinator.post(f"{home}/entries", data=form | {"reason": "Forgot"})).status_code == 303
    page = (await coordinator.get(home)).text
    assert "Awaits approval: Forgot" in page
    assert "20:00</span> awaits approval" in page
    async with database.tx(cast.manager) as tx:
        (waiting,) = await queries.awaiting(tx)
        await actions.approve_entry(tx, waiting.id)
    fixed = form | {"start": "12:00:00", "end": "12:10:00", "reason": "Shorter"}
    assert (await coordinator.post(f"{home}/entries/{waiting.id}/correct", data=fixed)).status_code == 303
    page = (await coordinator.get(home)).text
    assert "Corrected: Shorter" in page
    assert "Void: Shorter" in page
    assert await counted(database, cast) == [600]
