"""The month's page: from what is kept, from what changed since, and from what was frozen."""

from datetime import UTC, datetime

import pytest

from caretide.billing import actions as billing
from caretide.billing.queries import board, closes
from caretide.billing.queries.board import Wanted, month_page
from caretide.billing.schemas import CloseProgress, MonthPage
from caretide.rosters import actions as rosters
from caretide.runtime.tx import Database
from tests.billing.months import OCTOBER, log_time, record_month, rule_all
from tests.cast import Cast
from tests.client import Visit
from tests.database import HandClock, statements


async def seen(database: Database, cast: Cast, wanted: Wanted) -> MonthPage:
    async with database.tx(cast.billing) as tx:
        return await month_page(tx, OCTOBER, wanted)


async def test_page_is_the_same_before_and_after_ruling_closing_and_freezing(
    database: Database, cast: Cast, clock: HandClock
) -> None:
    for family in ("Ready", "Able"):
        who = await record_month(database, cast, family=family)
        await log_time(database, cast, clock, who, minutes=25)
    for family, lacking in (("Unasked", "consent"), ("Planless", "care-plan"), ("Aimless", "care-plan")):
        await record_month(database, cast, family=family, without=lacking)
    clock.now = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
    live = [await seen(database, cast, Wanted(show=show)) for show in ("ready", "blocked")]
    await rule_all(database, cast)
    kept = [await seen(database, cast, Wanted(show=show)) for show in ("ready", "blocked")]
    assert kept == live
    assert [row.name for row in live[0].ready] == ["Eleanor Able", "Eleanor Ready"]
    assert [(group.code, group.total, len(group.rows)) for group in live[1].blocked] == [
        ("FACT_UNKNOWN", 2, 2),
        ("NO_CONSENT", 1, 1),
    ]
    assert (live[0].totals.ready, live[0].totals.blocked, live[0].totals.patients) == (2, 3, 5)
    async with database.tx(cast.billing) as tx:
        await billing.request_close(tx, OCTOBER)
    asked = await seen(database, cast, Wanted())
    assert (asked.state, asked.progress) == ("closing", CloseProgress(done=0, total=5))
    async with database.tx(cast.system) as tx:
        await billing.close_clinic(tx, cast.clinic_id, str(OCTOBER))
    just_closed = [await seen(database, cast, Wanted(show=show)) for show in ("ready", "blocked")]
    await rule_all(database, cast)
    frozen = [await seen(database, cast, Wanted(show=show)) for show in ("ready", "blocked")]
    assert [page.totals for page in (*just_closed, *frozen)] == [live[0].totals] * 4
    assert [page.state for page in frozen] == ["closing", "closing"]
    assert [page.progress for page in (*just_closed, *frozen)] == [CloseProgress(done=5, total=5)] * 4
    async with database.tx(cast.system) as tx:
        (first, _) = await closes.unrendered(tx, cast.clinic_id, OCTOBER)
        await billing.render_month(tx, first)
    assert (await seen(database, cast, Wanted())).progress == CloseProgress(done=5, total=5, records_done=1)
    assert frozen[1].blocked == live[1].blocked
    assert frozen[0].ready == live[0].ready


async def test_pages_of_groups_add_up_and_ask_the_same_however_many(database: Database, cast: Cast) -> None:
    numbers: list[int] = []
    for family in ("Ames", "Bell"):
        await record_month(database, cast, family=family, without="consent")
        await rule_all(database, cast)
        with statements(database) as asked:
            await seen(database, cast, Wanted(show="blocked"))
        numbers.append(len(asked))
    assert numbers[0] == numbers[1] <= 22
    sizes = {"A": 3, "B": 2}
    parts = [list(board.parts(sizes, start, 2)) for start in (0, 2, 4)]
    assert parts == [[("A", 0, 2)], [("A", 2, 1), ("B", 0, 1)], [("B", 1, 1)]]


async def test_month_is_narrowed_to_a_coordinator_and_is_not_closed_by_the_narrowed_sums(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    other = await record_month(database, cast, family="Ames", without="care-plan")
    async with database.tx(cast.administrator) as tx:
        assert cast.manager.member_id
        await rosters.designate(tx, other.patient_id, cast.manager.member_id)
    await record_month(database, cast, family="Bell", without="care-plan")
    await rule_all(database, cast)
    clock.now = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
    whole = await seen(database, cast, Wanted(show="blocked"))
    assert ([one.value for one in whole.programs], whole.may_close) == (["CCM"], True)
    whose = next(one for one in whole.coordinators if one.value == str(cast.coordinator.member_id))
    assert str(cast.billing.member_id) not in {one.value for one in whole.coordinators}
    narrowed = await seen(database, cast, Wanted(show="blocked", coordinator=whose.value))
    assert [row.name for group in narrowed.blocked for row in group.rows] == ["Eleanor Bell"]
    assert (narrowed.totals.blocked, narrowed.may_close) == (1, False)
    page = (await (await signed_in(cast.billing)).get(f"/months/{OCTOBER}?show=blocked&coordinator={whose.value}")).text
    assert "Show everybody" in page
    assert f'value="{whose.value}" selected' in page
    assert "Eleanor Ames" not in page
    picked = f"month={OCTOBER}&show=blocked&coordinator={whose.value}"
    other_month = await (await signed_in(cast.billing)).get(f"/months?{picked}", follow_redirects=False)
    assert other_month.headers["location"] == f"/months/{OCTOBER}?show=blocked&coordinator={whose.value}"


async def test_choice_of_a_coordinator_names_those_who_have_a_roster(database: Database, cast: Cast) -> None:
    who = await record_month(database, cast)
    before = {one.value for one in (await seen(database, cast, Wanted())).coordinators}
    assert before == {str(one.member_id) for one in (cast.coordinator, cast.other_coordinator)}
    async with database.tx(cast.administrator) as tx:
        assert cast.manager.member_id
        await rosters.designate(tx, who.patient_id, cast.manager.member_id)
    after = (await seen(database, cast, Wanted())).coordinators
    assert {one.value for one in after} == before | {str(cast.manager.member_id)}
    assert [one.label for one in after] == sorted(one.label for one in after)
    chosen = await seen(database, cast, Wanted(coordinator=str(cast.practitioner.member_id)))
    assert str(cast.practitioner.member_id) in {one.value for one in chosen.coordinators}


@pytest.mark.parametrize(
    ("month", "words", "status"),
    [
        ("1999-01", "no month before it is billed", 422),
        ("2014-12", "no month before it is billed", 200),
        ("2026-11", "November 2026 has not begun", 200),
        ("2150-06", "June 2150 has not begun", 422),
    ],
)
async def test_a_month_of_which_there_is_nothing_says_so(
    cast: Cast, signed_in: Visit, month: str, words: str, status: int
) -> None:
    browser = await signed_in(cast.billing)
    for address in (f"/months/{month}", f"/months?month={month}", f"/months/{month}/close"):
        answer = await browser.get(address, follow_redirects=True)
        assert answer.status_code == status
        assert words in answer.text
        assert 'href="/months/2026-09"' in answer.text
    assert (await browser.get("/months/2026-13")).status_code == 422


async def test_a_past_month_in_which_nobody_was_enrolled_says_so(
    database: Database, cast: Cast, signed_in: Visit
) -> None:
    await record_month(database, cast)
    browser = await signed_in(cast.billing)
    for show in ("ready", "blocked"):
        assert "No patient was in a program in June 2019" in (await browser.get(f"/months/2019-06?show={show}")).text
    assert "Nobody was enrolled" not in (await browser.get(f"/months/{OCTOBER}")).text


async def test_what_blocks_is_headed_in_words_and_not_by_its_code(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    await log_time(database, cast, clock, await record_month(database, cast), minutes=4)
    await rule_all(database, cast)
    clock.now = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
    page = (await (await signed_in(cast.billing)).get(f"/months/{OCTOBER}?show=blocked")).text
    assert "<h2>Not enough time</h2>" in page
    assert "What counts is less than the first code asks for." in page
    assert "Time that counts" in page
    assert "BELOW_THRESHOLD" not in page


async def test_facts_that_nobody_recorded_share_a_line_of_links(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    await record_month(database, cast, family="Ames", without="hospice-home-health")
    await rule_all(database, cast)
    clock.now = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
    page = (await (await signed_in(cast.billing)).get(f"/months/{OCTOBER}?show=blocked")).text
    assert "2 things are not recorded" in page
    assert page.count("#fact-hospice-home-health") == 2
