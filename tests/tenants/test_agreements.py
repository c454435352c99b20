"""No patient data before an agreement is in force: asked of the database, of the API, of the pages."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, update

from caretide import worker
from caretide.ehr.models import EhrMessage, ImportRun
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.patients.models import Patient
from caretide.runtime.installation import Installation
from caretide.runtime.mail import FolderPost
from caretide.runtime.tx import Database
from caretide.schedule import queue_notices
from caretide.tenants import actions, queries
from caretide.tenants.models import Agreement
from caretide.tenants.rules.agreements import (
    AgreementRow,
    Ending,
    NewAgreement,
    check_pdf,
    endings,
    lacking,
    overlapping,
)
from tests.cast import PAPER, Cast, agree
from tests.client import Visit
from tests.database import HandClock

REGISTER = "/admin/agreements"
LONG_AGO, YESTERDAY = date(2020, 1, 1), date(2026, 1, 31)
FAR = date(2090, 1, 1)


async def bare(database: Database) -> Actor:
    """Make a tenant without any agreement; return its command line, with a clinic behind it."""
    tenant_id = new_id()
    system = Actor.system(tenant_id)
    async with database.tx(system) as tx:
        await actions.create_tenant(tx, slug=f"t-{tenant_id.hex}", name="Bare", is_generated=True)
        await actions.create_clinic(tx, actions.NewClinic(name="Site", time_zone="America/Chicago", tin_group="T"))
    return system


def new(**changes: object) -> NewAgreement:
    known: dict[str, object] = {"kind": "operator", "party": "Host", "file": PAPER, "effective_on": LONG_AGO}
    return NewAgreement(**(known | changes))  # pyright: ignore[reportArgumentType] - each test changes what it is about


async def admit(database: Database, system: Actor) -> UUID:
    """Put a patient in, as an import would."""
    patient_id = new_id()
    person = {"family": "Vega", "given": "Ana", "birth_date": date(1948, 3, 7), "sex": "female"}
    async with database.tx(system) as tx:
        clinic_id = (await queries.clinics(tx))[0].id
        whose = {"clinic_id": clinic_id, "source": "test", "source_id": patient_id.hex}
        await tx.db.execute(insert(Patient).values(id=patient_id, **whose, **person))
    return patient_id


async def patients_of(database: Database, system: Actor) -> int:
    async with database.tx(system) as tx:
        return (await tx.db.execute(select(func.count()).select_from(Patient))).scalar_one()


# How a tenant's register can stand, and whether the database takes a patient.
STATES: Mapping[str, tuple[list[dict[str, object]], bool]] = {
    "none": ([], False),
    "active": ([{}], True),
    "to come": ([{"effective_on": FAR}], False),
    "expired": ([{"ends_on": YESTERDAY}], False),
    "expired and renewed": ([{"ends_on": YESTERDAY}, {"ends_on": FAR}], True),
    "a subcontractor's alone": ([{"kind": "subcontractor"}], False),
}


@pytest.mark.req("P-06")
@pytest.mark.parametrize("state", STATES)
async def test_no_patient_before_an_agreement_is_in_force(state: str, database: Database) -> None:
    recorded, takes = STATES[state]
    system = await bare(database)
    async with database.tx(system) as tx:
        for changes in recorded:
            await actions.add_agreement(tx, new(**changes))
        assert (await queries.lacking_agreements(tx) == ()) is takes
    if takes:
        await admit(database, system)
    else:
        with pytest.raises(Conflict, match="No patient data before an agreement is in force with who runs"):
            await admit(database, system)
    assert await patients_of(database, system) == int(takes)


@pytest.mark.req("P-06")
async def test_an_agreement_that_was_ended_lets_nobody_in(database: Database) -> None:
    system = await bare(database)
    async with database.tx(system) as tx:
        agreement_id = await agree(tx)
    await admit(database, system)
    async with database.tx(system) as tx:
        await actions.end_agreement(tx, agreement_id, YESTERDAY, "Another host")
    with pytest.raises(Conflict, match="No patient data"):
        await admit(database, system)
    with pytest.raises(Conflict, match="ended already"):
        async with database.tx(system) as tx:
            await actions.end_agreement(tx, agreement_id, YESTERDAY, "Again")


@pytest.mark.req("P-06")
async def test_a_company_that_serves_needs_an_agreement_of_its_own(database: Database) -> None:
    system = await bare(database)
    async with database.tx(Actor.operator()) as tx:
        company_id = await actions.create_company(tx, slug=f"c-{new_id().hex}", name="Harbor Care")
    async with database.tx(system) as tx:
        await agree(tx)
        await actions.serve_tenant(tx, company_id)
        assert await queries.lacking_agreements(tx) == ("company",)
    with pytest.raises(Conflict, match="the company that serves this tenant"):
        await admit(database, system)
    async with database.tx(system) as tx:
        await agree(tx, company_id)
    await admit(database, system)


@pytest.mark.req("P-06")
async def test_imports_and_messages_are_refused_as_well(database: Database) -> None:
    system = await bare(database)
    async with database.tx(system) as tx:
        clinic_id = (await queries.clinics(tx))[0].id
    rows = (
        insert(ImportRun).values(id=new_id(), clinic_id=clinic_id, source="ehr", started_at=func.now(), counts={}),
        insert(EhrMessage).values(id=new_id()),
    )
    for row in rows:
        with pytest.raises(Conflict, match="No patient data"):
            async with database.tx(system) as tx:
                await tx.db.execute(row)


@pytest.mark.req("P-06")
async def test_of_another_agreement_lets_nobody_in(database: Database, cast: Cast) -> None:
    system = await bare(database)
    with pytest.raises(Conflict, match="No patient data"):
        await admit(database, system)
    await admit(database, cast.system)
    async with database.tx(cast.system) as tx:
        (theirs,) = await queries.agreements(tx)
    with pytest.raises(NotFound):
        async with database.tx(system) as tx:
            await queries.agreement(tx, theirs.id)


async def test_nothing_of_an_agreement_can_be_changed(database: Database, cast: Cast) -> None:
    changes = ({"effective_on": LONG_AGO}, {"party": "X"}, {"file_sha256": "0" * 64}, {"ends_on": FAR})
    for change in changes:
        with pytest.raises(Exception, match="permission denied"):
            async with database.tx(cast.system) as tx:
                await tx.db.execute(update(Agreement).values(**change))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "friend"}, "kind"),
        ({"kind": "company"}, "company_id"),
        ({"company_id": new_id()}, "company_id"),
        ({"at_end": "keep"}, "at_end"),
        ({"breach_notice_hours": 0}, "breach_notice_hours"),
        ({"breach_notice_hours": 1441}, "breach_notice_hours"),
        ({"effective_on": date(1990, 1, 1)}, "effective_on"),
        ({"ends_on": date(2019, 12, 31)}, "ends_on"),
        ({"party": "  "}, "party"),
        ({"file": b""}, "file"),
        ({"file": b"MZ not a PDF"}, "file"),
        ({"file": b"%PDF-1.7 cut short"}, "file"),
        ({"file": b"%PDF-1.7\n%%EOF" + b" " * 1024}, "file"),
        ({"file": b"%PDF-\n%%EOF"}, "file"),
        ({"file": b"%PDF-9.0\n%%EOF"}, "file"),
        ({"file": b"%PDF-1.x\n%%EOF"}, "file"),
        ({"subcontractors": tuple("abc" * 17)}, "subcontractors"),
    ],
)
async def test_what_is_no_agreement_is_refused_by_field(
    change: dict[str, object], field: str, database: Database, cast: Cast
) -> None:
    with pytest.raises(Invalid) as refused:
        async with database.tx(cast.administrator) as tx:
            await actions.add_agreement(tx, new(**change))
    assert refused.value.field == field


def test_a_file_is_as_large_as_an_agreement_at_most() -> None:
    with pytest.raises(Invalid, match="larger than 10 MB"):
        check_pdf(paper(10 * 1024 * 1024 + 1))
    check_pdf(paper(10 * 1024 * 1024))


def paper(size: int) -> bytes:
    """Return a PDF of so many bytes."""
    return b"%PDF-2.0\n" + b" " * (size - 14) + b"%%EOF"


async def test_a_file_beyond_one_megabyte_is_taken_and_one_beyond_ten_is_refused_in_the_pages_words(
    cast: Cast, signed_in: Visit, api: Visit
) -> None:
    browser, program = await signed_in(cast.administrator), await api(cast.administrator)
    assert "A PDF of up to 10 MB." in (await browser.get(REGISTER)).text
    fields = {"kind": "subcontractor", "party": "Long Papers", "effective_on": "2026-02-01"}
    for size, status in ((2 * 1024 * 1024, 303), (10 * 1024 * 1024, 303), (10 * 1024 * 1024 + 1, 422)):
        answer = await browser.post(REGISTER, data=fields, files={"file": ("a.pdf", paper(size), "application/pdf")})
        assert answer.status_code == status
    assert re.search(r'id="agreement-file-fault">.*The file is larger than 10 MB', answer.text)
    sent = {"party": "Long Papers", "effective_on": "2026-02-01"}
    for size, status in ((10 * 1024 * 1024, 201), (10 * 1024 * 1024 + 1, 422)):
        answer = await program.post(REGISTER, json=sent | {"file": b64encode(paper(size)).decode()})
        assert answer.status_code == status
    assert "larger than 10 MB" in answer.text
    # Whatever else is sent there keeps its limit.
    answer = await browser.post(f"{REGISTER}/{new_id()}/end", data={"last_day": "2026-10-31", "reason": "x" * 1024**2})
    assert answer.status_code == 413


async def test_agreements_that_bind_on_the_same_days_are_warned_of_and_taken(
    cast: Cast, database: Database, signed_in: Visit, api: Visit
) -> None:
    browser, program = await signed_in(cast.administrator), await api(cast.administrator)
    sent = {"kind": "subcontractor", "party": "Print House", "file": b64encode(PAPER).decode()}
    first = (await program.post(REGISTER, json=sent | {"effective_on": "2026-01-01"})).json()
    assert first["overlaps"] == []
    assert "Two agreements bind on the same days" not in (await browser.get(REGISTER)).text
    second = (await program.post(REGISTER, json=sent | {"party": " print  house", "effective_on": "2026-02-01"})).json()
    assert second["overlaps"] == [first["id"]]
    page = (await browser.get(REGISTER)).text
    assert "Two agreements bind on the same days</b> with" in page
    assert page.count("overlaps another one") == 2
    register = {one["id"]: one["overlaps"] for one in (await program.get(REGISTER)).json()["agreements"]}
    assert (register[first["id"]], register[second["id"]]) == ([second["id"]], [first["id"]])
    async with database.tx(cast.system) as tx:
        await actions.end_agreement(tx, UUID(first["id"]), date(2026, 1, 31), "Replaced")
        assert await queries.agreements_beside(tx, UUID(second["id"])) == []


def test_only_the_same_party_in_the_same_days_overlaps() -> None:
    today = date(2026, 11, 2)
    one = agreement_row(effective_on=date(2026, 1, 1), ends_on=date(2026, 12, 31))
    next_day, same_day = agreement_row(effective_on=date(2027, 1, 1)), agreement_row(effective_on=date(2026, 12, 31))
    gone = agreement_row(ends_on=date(2026, 10, 31))
    others = [replace(same_day, party="Another"), replace(same_day, kind="company", company_id=new_id())]
    assert overlapping(one, [one, next_day, gone, *others], today) == []
    assert overlapping(one, [one, same_day], today) == [same_day]
    assert overlapping(gone, [gone, one], today) == []


async def test_alarms_begin_ninety_days_before_the_end(database: Database, cast: Cast, clock: HandClock) -> None:
    today = clock.now.date()
    async with database.tx(cast.system) as tx:
        for days in (0, 90, 91):
            await actions.add_agreement(tx, new(party=str(days), ends_on=today + timedelta(days=days)))
        found = {one.party: one for one in await queries.agreements(tx)}
    assert [name for name in ("0", "90", "91") if found[name].alarms(today)] == ["0", "90"]
    assert found["0"].state(today + timedelta(days=1)) == "ended"
    assert lacking([found["0"]], None, today) == ()
    assert lacking([found["0"]], None, today + timedelta(days=1)) == ("operator",)


@pytest.mark.req("P-06")
async def test_each_alarm_is_written_once_to_administrators_and_the_privacy_contact(
    installation: Installation, cast: Cast, clock: HandClock
) -> None:
    database, ends_on = installation.database, clock.now.date() + timedelta(days=91)
    async with database.tx(cast.administrator) as tx:
        known = await queries.settings(tx)
        await actions.change_settings(tx, replace(known, privacy_contact="privacy@example.org"))
        await actions.add_agreement(tx, new(kind="subcontractor", party="Print House", ends_on=ends_on))
        people = [one.email for one in await queries.members(tx) if one.role == "administrator"]
    sent: dict[int, int] = {}
    for left in (91, 90, 89, 31, 30, 29, 6, 0):
        clock.now = datetime(ends_on.year, ends_on.month, ends_on.day, 11, 23, tzinfo=UTC) - timedelta(days=left)
        before = len(letters(installation, "Print House"))
        await queue_notices(database)
        await worker.drain(installation)
        sent[left] = len(letters(installation, "Print House")) - before
    told = len(people) + 1
    assert sent == {91: 0, 90: told, 89: 0, 31: 0, 30: told, 29: 0, 6: told, 0: 0}
    first = letters(installation, "Print House")[0]
    assert (first["Subject"], first["To"]) == (
        "An agreement ends in 90 days",
        min([*people, "privacy@example.org"]),
    )


@pytest.mark.req("P-06")
def test_an_agreement_that_is_followed_without_a_gap_is_not_told_of() -> None:
    today = date(2026, 11, 2)
    ending = agreement_row(ends_on=today + timedelta(days=10))
    on_time, late = agreement_row(effective_on=today + timedelta(days=11)), agreement_row(effective_on=FAR)
    other = replace(on_time, kind="company", company_id=new_id())
    assert endings([ending, on_time], (), today) == []
    for rows in ([ending, late], [ending, other], [ending]):
        assert endings(rows, (), today) == [Ending(ending, (90, 30))]


def agreement_row(effective_on: date = LONG_AGO, ends_on: date | None = None) -> AgreementRow:
    """Return an agreement with the operator as it is kept."""
    return AgreementRow(
        id=new_id(),
        kind="operator",
        party="Host",
        company_id=None,
        file_sha256="0" * 64,
        file_octets=1,
        effective_on=effective_on,
        ends_on=ends_on,
        breach_notice_hours=72,
        subcontractors=[],
        at_end="return",
        recorded_by=None,
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
        ended_on=None,
        ended_because=None,
    )


def letters(installation: Installation, party: str) -> list[EmailMessage]:
    """Return what was posted about one party, in order: other tenants' letters lie in the same folder."""
    post = installation.database.stores.post
    found = sorted(post.folder.glob("*.eml")) if isinstance(post, FolderPost) else []
    read = [message_from_bytes(one.read_bytes(), policy=policy.default) for one in found]
    return [one for one in read if party in one.get_content()]
