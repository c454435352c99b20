"""What stands beside a patient's page: the queue, and the patients of the command palette."""

from caretide.runtime.tx import Database
from tests.billing.months import add_patient, record_month
from tests.cast import Cast
from tests.client import Visit


async def test_palette_names_whom_one_may_see_and_nobody_else(database: Database, cast: Cast, signed_in: Visit) -> None:
    mine = await record_month(database, cast, family="Whitfield")
    other = await add_patient(database, cast, "Whitman")
    nurse, biller = await signed_in(cast.coordinator), await signed_in(cast.billing)
    found = (await nurse.post("/patients/find", data={"q": "whit"})).text
    assert f'data-href="/patients/{mine.patient_id}"' in found
    assert str(other) not in found
    assert str(other) in (await biller.post("/patients/find", data={"q": "whit"})).text
    assert "option" not in (await nurse.post("/patients/find", data={"q": ""})).text


async def test_palette_asks_only_with_the_sessions_token(cast: Cast, signed_in: Visit) -> None:
    nurse = await signed_in(cast.coordinator)
    without = {"x-csrf-token": ""}
    assert (await nurse.post("/patients/find", data={"q": "whit"}, headers=without)).status_code == 403


async def test_queue_holds_the_rows_of_my_day(database: Database, cast: Cast, signed_in: Visit) -> None:
    mine = await record_month(database, cast, family="Whitfield", without="consent")
    queue = (await (await signed_in(cast.coordinator)).get("/my-day/queue")).text
    assert f'href="/patients/{mine.patient_id}"' in queue
    assert "Consent missing" in queue
    assert "Nobody is on your list" in (await (await signed_in(cast.other_coordinator)).get("/my-day/queue")).text
