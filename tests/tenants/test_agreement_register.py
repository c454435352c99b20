"""The register of agreements as programs, auditors and administrators use it."""

from base64 import b64encode

import httpx
import pytest
from sqlalchemy import insert

from caretide.kernel.errors import CaretideError
from caretide.kernel.ids import new_id
from caretide.runtime.tx import Database
from caretide.tenants import actions, queries
from caretide.tenants.models import Agreement
from tests.cast import PAPER, Cast, assemble
from tests.client import Visit
from tests.tenants.test_agreements import REGISTER, YESTERDAY


@pytest.fixture
async def program(cast: Cast, api: Visit) -> httpx.AsyncClient:
    return await api(cast.administrator)


async def test_a_program_records_reads_and_ends_an_agreement(program: httpx.AsyncClient) -> None:
    sent = {"party": "Cloud Host", "file": b64encode(PAPER).decode(), "effective_on": "2026-01-01"}
    made = await program.post(REGISTER, json=sent | {"breach_notice_hours": 24, "subcontractors": ["Backup Inc."]})
    assert made.status_code == 201
    home = f"{REGISTER}/{made.json()['id']}"
    found = (await program.get(REGISTER)).json()
    mine = next(one for one in found["agreements"] if one["id"] == made.json()["id"])
    assert (mine["state"], mine["breach_notice_hours"], mine["subcontractors"]) == ("active", 24, ["Backup Inc."])
    assert found["lacking"] == []
    assert (await program.get(f"{home}/file")).content == PAPER
    assert (await program.post(f"{home}/end", json={"last_day": "2025-01-01", "reason": "x"})).status_code == 422
    assert (await program.post(f"{home}/end", json={"last_day": "2026-10-01", "reason": "Moved"})).status_code == 204
    found = (await program.get(REGISTER)).json()["agreements"]
    assert {one["state"] for one in found if one["id"] == made.json()["id"]} == {"ended"}
    assert (await program.get(f"{REGISTER}/{new_id()}/file")).status_code == 404


async def test_auditors_read_the_register_and_others_do_not(cast: Cast, api: Visit) -> None:
    assert (await (await api(cast.auditor)).get(REGISTER)).status_code == 200
    refused = await (await api(cast.auditor)).post(
        f"{REGISTER}/{new_id()}/end", json={"last_day": "2026-10-01", "reason": "x"}
    )
    assert refused.json()["permission"] == "tenant:write"
    for actor in (cast.manager, cast.coordinator, cast.billing, cast.practitioner):
        answer = await (await api(actor)).get(REGISTER)
        assert (answer.status_code, answer.json()["permission"]) == (403, "tenant:read")


async def test_an_administrator_records_an_agreement_on_the_page(
    database: Database, cast: Cast, signed_in: Visit
) -> None:
    browser = await signed_in(cast.administrator)
    fields = {"kind": "subcontractor", "party": "Shredding Co.", "effective_on": "2026-02-01", "ends_on": ""}
    fields |= {"breach_notice_hours": "48", "subcontractors": "One\nTwo", "at_end": "destroy", "company_id": ""}
    answer = await browser.post(REGISTER, data=fields, files={"file": ("signed.pdf", PAPER, "application/pdf")})
    assert answer.status_code == 303
    page = (await browser.get(REGISTER)).text
    assert "Shredding Co." in page
    assert "Subcontractors: One, Two" in page
    answer = await browser.post(REGISTER, data=fields, files={"file": ("signed.pdf", b"word", "application/pdf")})
    assert "The file is not a PDF" in answer.text
    answer = await browser.post(REGISTER, data=fields)
    assert "Choose the signed agreement" in answer.text
    async with database.tx(cast.system) as tx:
        mine = next(one for one in await queries.agreements(tx) if one.party == "Shredding Co.")
    sent = await browser.get(f"{REGISTER}/{mine.id}/file")
    assert (sent.content, sent.headers["content-type"]) == (PAPER, "application/pdf")
    ended = await browser.post(f"{REGISTER}/{mine.id}/end", data={"last_day": "2026-10-31", "reason": "Done"})
    assert ended.status_code == 303
    refused = await browser.post(f"{REGISTER}/{mine.id}/end", data={"last_day": "2026-10-31", "reason": "Done"})
    assert "ended already" in refused.text


async def test_a_fresh_tenant_is_told_what_is_lacking(database: Database, signed_in: Visit) -> None:
    other = await assemble(database)
    async with database.tx(other.system) as tx:
        (standing,) = await queries.agreements(tx)
        await actions.end_agreement(tx, standing.id, YESTERDAY, "Another host")
    browser = await signed_in(other.administrator)
    page = (await browser.get(REGISTER)).text
    assert "No patients can come in yet." in page
    home = (await browser.get("/admin")).text
    assert "Record the agreements" in home
    assert "1 lacking" in home


async def test_a_file_that_was_changed_in_the_vault_is_not_sent(database: Database, cast: Cast) -> None:
    async with database.tx(cast.system) as tx:
        (mine,) = await queries.agreements(tx)
        await tx.db.execute(insert(Agreement).values(id=new_id(), **_copied(mine), file_sha256="0" * 64))
        forged = next(one for one in await queries.agreements(tx) if one.file_sha256 == "0" * 64)
        with pytest.raises(CaretideError):
            await queries.agreement_file(tx, forged.id)


def _copied(one: object) -> dict[str, object]:
    names = ("kind", "party", "file_octets", "effective_on", "breach_notice_hours", "at_end")
    return {name: getattr(one, name) for name in names}
