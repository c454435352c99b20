"""What is given away stands in the ledger, and an accounting has exactly what belongs in it."""

import csv
import io
from datetime import date, timedelta
from uuid import UUID

import pytest

from caretide.disclosures import actions, models, queries, rules
from caretide.disclosures.rules import Given
from caretide.documents.actions import NewDocument
from caretide.documents.actions import keep as keep_document
from caretide.kernel.errors import Invalid
from caretide.kernel.month import Month
from caretide.runtime.tx import Database
from caretide.ui.sheet import csv_text
from tests.cast import Cast
from tests.client import Visit
from tests.patients.cohort import admit


def given(basis: str, recipient: str = "County health department") -> Given:
    return Given(recipient=recipient, address="1 Main St", purpose="As asked", basis=basis)


@pytest.mark.req("P-02")
async def test_accounting_has_exactly_the_accountable_ones(database: Database, cast: Cast) -> None:
    patient = await admit(database, cast)
    bases = [*rules.BASES, *rules.BASES][:40]
    async with database.tx(cast.manager) as tx:
        today = tx.now.date()
        for place, basis in enumerate(bases):
            day = today - timedelta(days=place)
            await actions.record_disclosure(tx, patient, given(basis, f"R{place}"), what="Labs", disclosed_on=day)
    async with database.tx(cast.auditor) as tx:
        lines = list(csv.DictReader(io.StringIO(await queries.accounting(tx, patient))))
        whole = await queries.ledger(tx, patient)
    expected = [f"R{place}" for place, basis in enumerate(bases) if basis not in rules.NOT_ACCOUNTED]
    assert [one["recipient"] for one in lines] == expected
    assert (len(whole), len(bases)) == (40, 40)
    assert {one["accountable"] for one in lines} == {"yes"}
    assert set(lines[0]) >= {"date", "recipient", "address", "what", "purpose"}


@pytest.mark.req("P-02")
async def test_accounting_goes_six_years_back_and_leaves_out_what_an_agency_holds_back(
    database: Database, cast: Cast
) -> None:
    patient = await admit(database, cast)
    async with database.tx(cast.manager) as tx:
        today = tx.now.date()
        first = rules.six_years_before(today)
        held = Given(recipient="FBI", address="x", purpose="y", basis="law_enforcement", held_until=today)
        await actions.record_disclosure(tx, patient, held, what="All", disclosed_on=today)
        for day in (first, first - timedelta(days=1)):
            await actions.record_disclosure(tx, patient, given("oversight"), what="All", disclosed_on=day)
    async with database.tx(cast.auditor) as tx:
        found = await queries.ledger(tx, patient, accountable=True)
    assert [one.disclosed_on for one in found] == [first]
    assert rules.six_years_before(date(2028, 2, 29)) == date(2022, 2, 28)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (Given(recipient=" ", address="x", purpose="y", basis="treatment"), "recipient"),
        (Given(recipient="x", address="x", purpose="", basis="treatment"), "purpose"),
        (Given(recipient="x", address="x", purpose="y", basis="because"), "basis"),
        (Given(recipient="x", address="", purpose="y", basis="judicial"), "address"),
    ],
)
def test_disclosure_without_recipient_purpose_or_basis_is_refused(wrong: Given, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.checked(wrong)
    assert refused.value.field == field


def test_database_computes_what_the_rules_say() -> None:
    assert set(models.LEFT_OUT.replace("'", "").split(", ")) == rules.NOT_ACCOUNTED
    assert set(models.BY.replace("'", "").split(", ")) == set(rules.WAYS)


@pytest.mark.req("P-02")
async def test_document_is_released_with_its_row_or_not_at_all(
    database: Database, cast: Cast, signed_in: Visit, api: Visit
) -> None:
    patient = await admit(database, cast)
    document = await keep(database, cast, patient)
    browser, path = await signed_in(cast.billing), f"/documents/{document}/release"
    assert "To whom it goes" in (await browser.get(path)).text
    sent = {"recipient": "Auditor General", "address": "Capitol", "purpose": "Audit", "basis": "oversight"}
    refused = await browser.post(path, data=sent | {"basis": ""})
    assert (refused.status_code, refused.headers["content-type"]) == (422, "text/html; charset=utf-8")
    async with database.tx(cast.auditor) as tx:
        assert await queries.ledger(tx, patient) == []
    file = await browser.post(path, data=sent)
    assert (file.status_code, file.content, file.headers["content-type"]) == (200, b"%PDF-kept", "application/pdf")
    again = await (await api(cast.billing)).post(path, json=sent)
    assert again.content == b"%PDF-kept"
    page = (await browser.get(f"/patients/{patient}/disclosures")).text
    assert page.count("Auditor General") == 2
    assert "Belongs in it" in page
    denied = await (await signed_in(cast.auditor)).post(path, data=sent)
    assert denied.status_code == 403
    assert b"PDF-kept" not in denied.content


async def test_other_ways_are_recorded_by_form_and_by_program(
    database: Database, cast: Cast, signed_in: Visit, api: Visit
) -> None:
    patient = await admit(database, cast)
    body = {"recipient": "=Dr. Ames", "purpose": "Referral", "basis": "treatment", "what": "Care plan"}
    day = {"disclosed_on": "2026-10-01"}
    browser, path = await signed_in(cast.manager), f"/patients/{patient}/disclosures"
    assert (await browser.post(path, data=body | day)).status_code == 303
    late = await browser.post(path, data=body | {"disclosed_on": "2027-01-01"})
    assert (late.status_code, "once it was made" in late.text) == (422, True)
    program = await api(cast.manager)
    assert (await program.post(path, json=body | day)).status_code == 201
    listed = (await program.get(path)).json()
    assert [(one["what"], one["is_accountable"]) for one in listed] == [("Care plan", False)] * 2
    assert (await program.get(path, params={"accountable": True})).json() == []
    whole = await browser.get(f"{path}.csv")
    assert whole.headers["content-type"].startswith("text/csv")
    assert whole.text.count("'=Dr. Ames") == 2
    assert "Ames" not in (await browser.get(f"/patients/{patient}/accounting.csv")).text


@pytest.mark.req("V-02")
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_cell_that_a_spreadsheet_would_reckon_with_is_text(start: str) -> None:
    (_, row) = csv.reader(io.StringIO(csv_text(("a", "b"), [(f"{start}1+1", None)]), newline=""))
    assert row == [f"'{start}1+1", ""]


async def keep(database: Database, cast: Cast, patient: UUID) -> UUID:
    """Keep a document as the close does."""
    new = NewDocument(
        patient_id=patient, kind="monthly-record", month=Month(2026, 9), title="September 2026", pdf=b"%PDF-kept"
    )
    async with database.tx(cast.system) as tx:
        return await keep_document(tx, new)
