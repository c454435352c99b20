"""What ends with somebody's access, and how soon: sessions, tokens, links, and a timer that runs."""

from email import message_from_bytes

import httpx
import pytest
from sqlalchemy import func, select, update

from caretide.identity import actions as identity
from caretide.identity.models import Account, Session
from caretide.kernel.actor import Actor
from caretide.kernel.errors import Conflict, Forbidden
from caretide.reports import actions
from caretide.runtime.mail import FolderPost
from caretide.runtime.models import AuditEvent, AuditEventPatient
from caretide.runtime.tx import Database
from caretide.tenants import actions as tenants
from caretide.tenants import queries
from caretide.tenants.models import AccessEnding
from caretide.tenants.rules.settings import TenantSettings
from caretide.time_log import actions as time_log
from caretide.time_log.models import TimeEntry, Timer
from tests.cast import Cast
from tests.client import Visit, open_session
from tests.database import HandClock
from tests.enrollment.panel import enrolled
from tests.identity.accounts import enter, give_password

TOKEN = {"name": "Warehouse", "days": 30, "scopes": ["patient:read"]}


def place(actor: Actor) -> str:
    return f"/admin/users/{actor.member_id}"


@pytest.mark.req("H-11")
async def test_every_session_and_token_ends_with_the_next_request(database: Database, cast: Cast, api: Visit) -> None:
    programs = [await api(cast.coordinator) for _ in range(40)]
    made = (await programs[0].post("/me/tokens", json=TOKEN)).json()["token"]
    programs[1].headers["authorization"] = f"Bearer {made}"
    assert {(await one.get("/patients")).status_code for one in programs} == {200}
    assert (await (await api(cast.administrator)).post(f"{place(cast.coordinator)}/suspend")).status_code == 204
    assert {(await one.get("/patients")).status_code for one in programs} == {401}
    async with database.tx(cast.system) as tx:
        (event,) = (await tx.db.execute(select(AccessEnding.__table__))).all()
    assert (event.member_id, event.sessions, event.tokens, event.had_timer) == (
        cast.coordinator.member_id,
        40,
        1,
        False,
    )


async def timing(database: Database, cast: Cast, clock: HandClock, *, alive: float, away: float) -> tuple[str, str]:
    """Start a timer; its member gives a sign of life after some minutes, and is gone for others; return patient."""
    whom = await enrolled(database, cast)
    async with database.tx(cast.coordinator) as tx:
        await time_log.start_timer(tx, *whom, "patient_call")
    clock.advance(minutes=alive)
    await open_session(database, cast.coordinator)
    clock.advance(minutes=away)
    return str(whom[0]), str(whom[1])


@pytest.mark.req("H-11")
async def test_running_timer_stops_at_the_last_sign_of_life_and_awaits_approval(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    patient_id, _ = await timing(database, cast, clock, alive=7, away=9)
    browser = await signed_in(cast.administrator)
    home = f"/admin/people/{cast.coordinator.member_id}"
    asked = (await browser.get(f"{home}/suspend")).text
    assert "stops at their last sign of life" in asked
    assert (await browser.post(f"{home}/suspend")).status_code == 303
    page = (await browser.get(home)).text
    assert "7 min 0 s await approval" in page
    async with database.tx(cast.system) as tx:
        assert (await tx.db.execute(select(func.count()).select_from(Timer))).scalar_one() == 0
        (entry,) = (await tx.db.execute(select(TimeEntry.__table__))).all()
        assert (entry.duration_secs, entry.source, entry.entered_by) == (420, "manual", cast.administrator.member_id)
        seen = select(AuditEventPatient.patient_id).join(AuditEvent, AuditEvent.id == AuditEventPatient.id)
        touched = (await tx.db.execute(seen.where(AuditEvent.verb == "reports.end_access"))).scalars().all()
    assert [str(one) for one in touched] == [patient_id]


async def test_timer_without_a_sign_of_life_ends_with_nothing_recorded(
    database: Database, cast: Cast, clock: HandClock, api: Visit
) -> None:
    whom = await enrolled(database, cast)
    async with database.tx(cast.coordinator) as tx:
        await time_log.start_timer(tx, *whom, "patient_call")
    clock.advance(minutes=30)
    program = await api(cast.administrator)
    assert (await program.post(f"{place(cast.coordinator)}/suspend")).status_code == 204
    (event,) = (await program.get("/admin/access-endings")).json()
    assert (event["had_timer"], event["timer_seconds"], event["name"]) == (True, 0, "Coordinator Person")
    async with database.tx(cast.system) as tx:
        assert (await tx.db.execute(select(func.count()).select_from(TimeEntry))).scalar_one() == 0


@pytest.mark.req("H-11")
async def test_administrator_without_health_data_ends_a_timer_all_the_same(
    database: Database, cast: Cast, clock: HandClock, api: Visit
) -> None:
    async with database.tx(cast.administrator) as tx:
        await tenants.change_settings(tx, TenantSettings(administrators_see_health=False))
    await timing(database, cast, clock, alive=5, away=1)
    program = await api(cast.administrator)
    assert (await program.get("/patients")).status_code == 403
    assert (await program.post(f"{place(cast.coordinator)}/suspend")).status_code == 204
    (event,) = (await program.get("/admin/access-endings")).json()
    assert event["timer_seconds"] == 300
    assert (await program.get("/patients")).status_code == 403


@pytest.mark.req("H-12")
async def test_event_is_written_with_the_ending_or_not_at_all(database: Database, cast: Cast) -> None:
    async def events() -> int:
        async with database.tx(cast.system) as tx:
            return (await tx.db.execute(select(func.count()).select_from(AccessEnding))).scalar_one()

    assert cast.coordinator.member_id is not None

    async def ended_by_halves() -> None:
        async with database.tx(cast.administrator) as tx:
            await actions.end_access(tx, cast.coordinator.member_id or cast.tenant_id)
            raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        await ended_by_halves()
    assert await events() == 0
    async with database.tx(cast.administrator) as tx:
        assert (await queries.member(tx, cast.coordinator.member_id)).status == "active"
        await actions.end_access(tx, cast.coordinator.member_id)
    assert await events() == 1
    with pytest.raises(Conflict, match="ended already"):
        async with database.tx(cast.administrator) as tx:
            await actions.end_access(tx, cast.coordinator.member_id)
    async with database.tx(cast.system) as tx:
        noted = select(AuditEvent.details).where(AuditEvent.verb == "reports.end_access", AuditEvent.outcome == "done")
        (details,) = (await tx.db.execute(noted)).scalars().all()
    assert details["event"] == "workforce.access_ended"


@pytest.mark.req("H-12")
async def test_feed_goes_on_where_it_was_left(cast: Cast, api: Visit, clock: HandClock) -> None:
    program = await api(cast.administrator)
    for one in (cast.coordinator, cast.billing, cast.manager):
        assert (await program.post(f"{place(one)}/suspend")).status_code == 204
        clock.advance(minutes=1)
    events = (await program.get("/admin/access-endings")).json()
    assert [one["name"] for one in events] == ["Coordinator Person", "Billing Person", "Manager Person"]
    later = await program.get("/admin/access-endings", params={"after": events[0]["id"]})
    assert [one["id"] for one in later.json()] == [one["id"] for one in events[1:]]
    since = await program.get("/admin/access-endings", params={"since": events[2]["ended_at"]})
    assert [one["id"] for one in since.json()] == [events[2]["id"]]
    assert (await (await api(cast.auditor)).get("/admin/access-endings")).status_code == 403


@pytest.mark.req("H-12")
async def test_privacy_contact_is_told_without_a_name(database: Database, cast: Cast, api: Visit) -> None:
    async with database.tx(cast.administrator) as tx:
        await tenants.change_settings(tx, TenantSettings(privacy_contact="privacy@example.com"))
    assert (await (await api(cast.administrator)).post(f"{place(cast.coordinator)}/suspend")).status_code == 204
    post = database.stores.post
    assert isinstance(post, FolderPost)
    letters = [message_from_bytes(path.read_bytes()) for path in post.folder.iterdir()]
    (told,) = [one for one in letters if str(cast.coordinator.member_id) in str(one.get_payload())]
    assert (told["to"], "workforce.access_ended" in told["subject"]) == ("privacy@example.com", True)
    assert "Coordinator" not in told.as_string()


@pytest.mark.req("H-11")
async def test_ended_account_opens_nothing_anywhere(
    database: Database, cast: Cast, api: Visit, client: httpx.AsyncClient
) -> None:
    address = await give_password(database, cast.coordinator)
    program = await api(cast.coordinator)
    made = (await program.post("/me/tokens", json=TOKEN)).json()["token"]
    async with database.tx(Actor.operator()) as tx:
        places = await identity.end_account(tx, address.upper())
    assert places == [(cast.tenant_id, cast.coordinator.member_id)]
    assert (await program.get("/me")).status_code == 401
    program.headers["authorization"] = f"Bearer {made}"
    assert (await program.get("/me")).status_code == 401
    assert (await enter(client, address)).status_code == 401
    async with database.tx(Actor.operator()) as tx:
        await identity.reopen_account(tx, address)
    assert (await enter(client, address)).status_code == 303


async def test_only_the_operator_ends_an_account(database: Database, cast: Cast) -> None:
    with pytest.raises(Forbidden, match="company:write"):
        async with database.tx(cast.administrator) as tx:
            await identity.end_account(tx, "anybody@example.com")


async def test_own_access_and_the_last_administrators_stay(database: Database, cast: Cast, api: Visit) -> None:
    program = await api(cast.administrator)
    assert (await program.post(f"{place(cast.administrator)}/suspend")).status_code == 403
    assert cast.administrator.member_id is not None
    with pytest.raises(Conflict, match="last active administrator"):
        async with database.tx(cast.system) as tx:
            await actions.end_access(tx, cast.administrator.member_id)


async def test_sessions_of_another_tenant_stay(database: Database, cast: Cast, api: Visit) -> None:
    """A tenant ends what is its own; the account goes on elsewhere."""
    assert cast.coordinator.account_id is not None
    await open_session(database, Actor.account(cast.coordinator.account_id, "Coordinator Person"))
    assert (await (await api(cast.administrator)).post(f"{place(cast.coordinator)}/suspend")).status_code == 204
    async with database.tx(Actor.nobody()) as tx:
        open_ones = select(func.count()).where(
            Session.account_id == cast.coordinator.account_id, Session.ended_at.is_(None)
        )
        assert (await tx.db.execute(open_ones)).scalar_one() == 1
        await tx.db.execute(update(Account).where(Account.id == cast.coordinator.account_id).values(ended_at=tx.now))


async def test_time_of_a_closed_stretch_never_holds_up_an_ending(
    database: Database, cast: Cast, clock: HandClock, api: Visit
) -> None:
    """Three days of signs of life are nobody's work: the timer ends, nothing is recorded, and the ending says so."""
    await timing(database, cast, clock, alive=3 * 24 * 60, away=1)
    program = await api(cast.administrator)
    assert (await program.post(f"{place(cast.coordinator)}/suspend")).status_code == 204
    (event,) = (await program.get("/admin/access-endings")).json()
    assert (event["had_timer"], event["timer_seconds"]) == (True, 0)
