"""A long call: nobody touches the keyboard, the screen is locked, and no second of the call is lost."""

import httpx
import pytest
from starlette.types import ASGIApp

from caretide.runtime.tx import Database
from caretide.schedule import stop_silent_timers
from tests.cast import Cast
from tests.client import Visit, browser
from tests.database import HandClock
from tests.enrollment.panel import enrolled
from tests.identity.authenticator import asked, bind, enter
from tests.time_log.test_signs import sign, start, stop
from tests.time_log.test_told import counted


@pytest.mark.req("H-03")
async def test_a_nurse_on_a_long_call_loses_no_second_to_the_locked_screen(
    database: Database,
    cast: Cast,
    application: ASGIApp,
    client: httpx.AsyncClient,
    clock: HandClock,
    signed_in: Visit,
) -> None:
    whom = await enrolled(database, cast)
    chart = f"/patients/{whom[0]}"
    device, made = await bind(await signed_in(cast.coordinator))
    assert made.status_code == 303
    async with browser(application, clock) as elsewhere:
        assert (await enter(elsewhere, device.sign(await asked(elsewhere)))).status_code == 303
    assert (await enter(client, device.sign(await asked(client)))).status_code == 303
    await start(database, cast, whom, "patient_call")
    assert (await client.get(chart)).status_code == 200
    clock.advance(minutes=25)
    await stop_silent_timers(database)
    assert (await client.get(chart)).headers["location"].startswith("/sign-in/again")
    locked = (await client.get("/sign-in/again")).text
    assert "A call that you were timing is timed on, and no second of it is lost" in locked
    question = await asked(client, "/sign-in/own-passkey-question")
    back = await client.post("/sign-in/own-passkey", data={"answer": device.sign(question), "next": chart})
    assert back.headers["location"] == chart
    # Contact that is timed is a sign of life by itself: nothing is asked, and nothing waits for a second person.
    assert "Nobody was seen here" not in (await client.get(chart)).text
    assert (await sign(database, cast)).signs.away is None
    assert await stop(database, cast) == [(1500, False)]
    assert await counted(database, cast) == [1500]
