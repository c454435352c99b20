"""The months' time: on weekdays, in everybody's own hours, nobody in two places, and never in whole minutes."""

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from statistics import median

import pytest

from caretide.demo.houses import CASCADIA, HOUSES, LAKESIDE, House, seat
from caretide.demo.people import people
from caretide.demo.relay import SHARED
from caretide.demo.schedule import Stretch, lay_out, shift
from caretide.demo.story import HELD, SECONDS, Story, panel, workdays, write
from caretide.kernel.month import Month
from caretide.kernel.permissions import Role

MONTHS = [Month(2026, 10), Month(2026, 2), Month(2025, 11)]
OCTOBER, TODAY = MONTHS[0], date(2026, 11, 21)


def told(house: House = LAKESIDE, month: Month = OCTOBER, count: int = 150, today: date | None = None) -> Story:
    return write(people(1, count, month, house), house, month, today or month.next().first + timedelta(days=20), 1)


def seconds(runs: list[Stretch], kind: str = "entries") -> list[int]:
    return [
        int((run.end - run.start).total_seconds()) for run in runs if (run.kind == "attempt") == (kind == "attempt")
    ]


@pytest.mark.parametrize("house", HOUSES, ids=lambda house: house.key)
@pytest.mark.parametrize("month", MONTHS, ids=str)
def test_work_lies_on_weekdays_in_everybodys_own_hours_and_never_overlaps(house: House, month: Month) -> None:
    story = told(house, month)
    for place in range(3):
        ends: dict[str, datetime] = {}
        for run in lay_out(story, place, 1):
            opens, closes = shift(house, run.who, run.start.date())
            assert Month.of(run.start.date()) == story.months[place]
            assert run.start.weekday() < 5
            assert opens <= run.start < run.end <= closes
            assert run.who not in ends or ends[run.who] <= run.start
            ends[run.who] = run.end


def test_whoever_works_in_both_health_systems_is_never_in_both_at_once() -> None:
    for who in SHARED:
        (_, leaves), (comes, _) = (shift(house, who, TODAY) for house in HOUSES)
        if seat(who).role is Role.COORDINATOR:
            assert leaves <= comes


def test_entries_are_no_whole_minutes_and_their_median_is_near_seven() -> None:
    lengths = seconds(lay_out(told(), 1, 1))
    assert all(length % 60 for length in lengths if length > 120)
    assert 330 < median(lengths) < 470


def test_last_month_has_the_shares_that_programs_have() -> None:
    story = told(count=600)
    turns = Counter(part.turn for part in story.parts)
    assert 0.06 < sum(turns[turn] for turn in HELD) / len(story.parts) < 0.1
    programs = Counter(part.program for part in story.parts)
    assert programs["PCM"] / len(story.parts) == pytest.approx(0.12, abs=0.02)
    here = [part for part in story.parts if part.joined_on <= OCTOBER.last]
    short = sum(part.goals[1][1] < (1800 if part.program == "PCM" else 1200) for part in here)
    assert short / len(here) == pytest.approx(0.18, abs=0.02)


def test_present_month_has_the_shares_of_its_day() -> None:
    story = told(count=600, today=TODAY)
    here = [part for part in story.parts if part.turn != "unassigned" and part.joined_on <= TODAY]
    bands = Counter(part.goals[2] for part in here)
    assert bands[SECONDS["under_40"]] / len(here) == pytest.approx(0.40, abs=0.03)
    assert (bands[SECONDS["none"]] + bands[SECONDS["under_10"]]) / len(here) == pytest.approx(0.24, abs=0.03)
    first = told(count=600, today=date(2026, 11, 2))
    assert Counter(part.goals[2] for part in first.parts).most_common(1)[0][0] == SECONDS["none"]


def test_closed_months_are_the_same_on_every_day_of_the_present_one() -> None:
    early, late = told(today=date(2026, 11, 3)), told(today=date(2026, 11, 27))
    for place in (0, 1):
        assert lay_out(early, place, 1) == lay_out(late, place, 1)


def test_panels_follow_the_language_and_whoever_is_away_is_covered() -> None:
    for house in HOUSES:
        drawn = people(1, 600, OCTOBER, house)
        for person in drawn:
            if person.language in house.speakers:
                assert panel(house, drawn)[person.number] == house.speakers[person.language]
                assert person.language in seat(house.speakers[person.language]).languages
    story = told(CASCADIA)
    covered = [part for part in story.parts if part.coordinator == "anneke"]
    assert {part.later for part in covered} == set(CASCADIA.cover)
    assert all(run.who != "anneke" for run in lay_out(story, 2, 1))


def test_minutes_of_each_patient_lie_in_the_range_that_the_story_gives() -> None:
    story = told()
    sums: dict[int, int] = defaultdict(int)
    for run in lay_out(story, 1, 1):
        if run.kind != "attempt" and run.activity != "unsuccessful_outreach":
            sums[run.part] += int((run.end - run.start).total_seconds())
    for number, part in enumerate(story.parts):
        least, most = part.goals[1]
        if part.until > OCTOBER.last and part.consented_on <= OCTOBER.last:
            # Above the range lie time before consent and time in hospital, which do not count.
            assert least <= sums[number] <= most + 2400


def test_nobody_is_enrolled_before_the_visit_that_begins_care() -> None:
    for house in HOUSES:
        story = told(house)
        days = {day for month in story.months for day in workdays(month)}
        for part in story.parts:
            assert part.visit_on < part.joined_on <= part.consented_on
            assert part.joined_on in days
