"""The month's time: on weekdays, in office hours, nobody in two places, and never in whole minutes."""

from collections import Counter, defaultdict
from datetime import datetime
from statistics import median
from zoneinfo import ZoneInfo

import pytest

from caretide.demo.people import people
from caretide.demo.schedule import Stretch, lay_out
from caretide.demo.story import HELD, Story, write
from caretide.kernel.month import Month

ZONE = ZoneInfo("America/Chicago")
MONTHS = [Month(2026, 10), Month(2026, 2), Month(2026, 3), Month(2025, 11)]


def told(month: Month, seed: int = 1) -> tuple[Story, list[Stretch]]:
    story = write(people(seed, 60, month), month, seed)
    return story, lay_out(story, ZONE, seed)


@pytest.mark.parametrize("month", MONTHS, ids=str)
def test_time_lies_on_weekdays_in_office_hours_and_never_overlaps(month: Month) -> None:
    ends: dict[str, datetime] = {}
    for run in told(month)[1]:
        assert Month.of(run.start.date()) == month
        assert run.start.weekday() < 5
        assert (run.start.hour, run.start.minute) >= (9, 0)
        assert (run.end.hour, run.end.minute) <= (16, 45)
        assert run.who not in ends or ends[run.who] <= run.start
        ends[run.who] = run.end


def test_entries_are_no_whole_minutes_and_their_median_is_near_seven() -> None:
    lengths = [int((run.end - run.start).total_seconds()) for run in told(MONTHS[0])[1]]
    assert all(length % 60 for length in lengths if length > 120)
    assert 340 < median(lengths) < 460


def test_sixty_become_fifty_enrolled_in_the_proportions_that_programs_have() -> None:
    story, _ = told(MONTHS[0])
    assert (len(story.parts), len(story.waiting), len(story.others)) == (50, 6, 4)
    turns = Counter(part.turn for part in story.parts)
    assert turns["short"] == 9
    assert sum(turns[turn] for turn in HELD) == 4
    assert Counter(part.program for part in story.parts) == {"CCM": 44, "PCM": 6}


def test_caseloads_are_alike_and_spanish_speakers_share_a_coordinator() -> None:
    story, _ = told(MONTHS[0])
    loads = Counter(part.coordinator for part in story.parts)
    assert max(loads.values()) - min(loads.values()) <= 8
    assert len({part.coordinator for part in story.parts if part.person.language == "es"}) == 1


def test_minutes_of_each_patient_lie_in_the_range_that_the_story_gives() -> None:
    story, runs = told(MONTHS[0])
    seconds: dict[int, int] = defaultdict(int)
    for run in runs:
        seconds[run.part] += int((run.end - run.start).total_seconds())
    for number, part in enumerate(story.parts):
        least, most = part.seconds
        # Above the range lie attempts, time before consent and time in hospital, which do not count.
        assert least <= seconds[number] <= most + 2600


def test_nobody_is_called_before_the_visit_that_begins_care() -> None:
    story, _ = told(MONTHS[0])
    for part in story.parts:
        assert part.visit_on < part.started_on <= part.consented_on <= part.planned_on
        assert part.started_on <= story.month.first
