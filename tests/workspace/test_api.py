"""The workspace for programs: the same roster and the same ruling as the pages show."""

from uuid import uuid4

from caretide.runtime.tx import Database
from tests.billing.months import log_time, record_month
from tests.cast import Cast
from tests.client import Visit
from tests.database import HandClock


async def test_day_lists_the_roster_with_its_reasons(
    api: Visit, database: Database, cast: Cast, clock: HandClock
) -> None:
    recorded = await record_month(database, cast)
    await log_time(database, cast, clock, recorded, minutes=5)
    day = (await (await api(cast.coordinator)).get("/my-day")).json()
    (row,) = day["enrolled"]
    assert (row["patient_id"], row["seconds"], row["reason"]) == (str(recorded.patient_id), 300, "15:00 min to 20")
    assert row["thresholds"][0] == 1200
    assert day["counts"] == {"all": 1, "consent": 0, "held": 0, "under": 1, "candidates": 0}
    assert (await (await api(cast.other_coordinator)).get("/my-day")).json()["enrolled"] == []


async def test_month_gives_the_ruling_as_it_stands(
    api: Visit, database: Database, cast: Cast, clock: HandClock
) -> None:
    recorded = await record_month(database, cast, without="care-plan-copy")
    await log_time(database, cast, clock, recorded, minutes=21)
    program = await api(cast.billing)
    (ruling,) = (await program.get(f"/patients/{recorded.patient_id}/month/2026-10")).json()
    assert (ruling["seconds"], ruling["countable"], ruling["codes"], ruling["closed"]) == (1260, 1260, [], False)
    (held,) = [one for one in ruling["exceptions"] if one["severity"] == "block"]
    assert held["code"] == "FACT_UNKNOWN"
    assert "care plan" in held["message"]


async def test_unknown_patient_and_wrong_month_are_refused(api: Visit, database: Database, cast: Cast) -> None:
    recorded = await record_month(database, cast)
    stranger = await api(cast.other_coordinator)
    unknown = await stranger.get(f"/patients/{uuid4()}/month/2026-10")
    hidden = await stranger.get(f"/patients/{recorded.patient_id}/month/2026-10")
    assert (hidden.status_code, hidden.content) == (404, unknown.content)
    program = await api(cast.billing)
    wrong = await program.get(f"/patients/{recorded.patient_id}/month/October")
    assert wrong.status_code == 422
    assert wrong.json()["field"] == "month"
