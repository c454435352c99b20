"""Patients for programs."""

from uuid import uuid4

from caretide.patients.models import Condition
from caretide.runtime.tx import Database
from tests.cast import Cast, assemble
from tests.client import Visit
from tests.patients.cohort import admit, chart


async def test_list_comes_in_pages(database: Database, cast: Cast, api: Visit) -> None:
    ids = [str(await admit(database, cast, family=family)) for family in ("Abel", "Baker", "Cole")]
    program = await api(cast.manager)
    first = (await program.get("patients", params={"limit": 2})).json()
    second = (await program.get("patients", params={"limit": 2, "after": first["next"]})).json()
    assert [row["id"] for row in first["patients"] + second["patients"]] == ids
    assert (first["next"], second["next"]) == (ids[1], None)


async def test_search_travels_in_the_body(database: Database, cast: Cast, api: Visit) -> None:
    patient_id = await admit(database, cast)
    await admit(database, cast, family="Stone")
    program = await api(cast.manager)
    answer = await program.post("patients/search", json={"text": "Vega, Ana"})
    assert [row["id"] for row in answer.json()["patients"]] == [str(patient_id)]
    assert (await program.post("patients/search", json={"name": "Vega"})).status_code == 422
    assert (await program.get("patients", params={"limit": 0})).status_code == 422


async def test_patient_comes_with_the_whole_chart(database: Database, cast: Cast, api: Visit) -> None:
    patient_id = await admit(database, cast, phone="555-0101")
    row = {"icd10": "I10", "name": "Hypertension", "is_active": True, "is_problem": True}
    await chart(database, cast, patient_id, Condition, [row])
    answer = (await (await api(cast.practitioner)).get(f"patients/{patient_id}")).json()
    assert (answer["patient"]["family"], answer["patient"]["phone"]) == ("Vega", "555-0101")
    assert [item["icd10"] for item in answer["conditions"]] == ["I10"]
    assert answer["medications"] == answer["allergies"] == answer["coverages"] == answer["encounters"] == []


async def test_foreign_and_unknown_patients_answer_alike(database: Database, cast: Cast, api: Visit) -> None:
    foreign = await admit(database, await assemble(database))
    program = await api(cast.administrator)
    answers = [await program.get(f"patients/{patient_id}") for patient_id in (foreign, uuid4())]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
