"""Seconds: the month's boundary, the day and the moment of consent, clocks that go back, who brought what."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from caretide.kernel.month import Month
from caretide.programs.evaluate import rule
from caretide.programs.month_facts import Consent, TimeEntry
from caretide.programs.packs import Settings
from caretide.programs.ruling import OTHER_FAMILY, OUTSIDE_MONTH
from tests.programs.build import billed, entry, facts, judge, named, packs

EASTERN = ZoneInfo("America/New_York")


def timed(start: datetime, end: datetime, name: str = "e1", **more: str) -> TimeEntry:
    seconds = int(end.timestamp() - start.timestamp())
    return TimeEntry(name, "RN-1", "clinical_staff", seconds, day=start.date(), start=start, end=end, **more)


def test_call_across_the_last_midnight_is_split() -> None:
    night = [entry(25, start="2026-01-31T23:50", end="2026-02-01T00:15")]
    assert judge(month="2026-01", time_log=night).countable_seconds == 600
    assert judge(month="2026-02", time_log=night).countable_seconds == 900


def test_entry_outside_the_month_is_named_as_such() -> None:
    verdict = judge(time_log=[entry(25, date="2026-06-01")]).entries[0]
    assert (verdict.counted, verdict.reason) == (0, OUTSIDE_MONTH)


def test_day_of_25_hours_has_its_seconds() -> None:
    first = datetime(2026, 11, 1, 0, 50, tzinfo=EASTERN)
    last = datetime(2026, 11, 1, 1, 10, fold=1, tzinfo=EASTERN)
    month = replace(facts(), month=Month(2026, 11), entries=(timed(first, last),))
    assert rule(month, packs()).countable_seconds == 80 * 60


def test_consent_splits_its_day_where_the_moment_is_known() -> None:
    at = datetime(2026, 5, 15, 10, 10, tzinfo=UTC)
    consent = Consent("documented", obtained_on=at.date(), obtained_at=at, elements_complete=True)
    around = timed(datetime(2026, 5, 15, 10, 0, tzinfo=UTC), datetime(2026, 5, 15, 10, 40, tzinfo=UTC))
    ruling = rule(replace(facts(), consent=consent, entries=(around,)), packs())
    assert ruling.countable_seconds == 30 * 60
    assert ("PRE_CONSENT_TIME", "adjust") in named(ruling)
    assert ruling.entries[0].reason == "PRE_CONSENT_TIME"


def test_unapproved_time_does_not_count() -> None:
    late = TimeEntry("late", "RN-1", "clinical_staff", 900, day=date(2026, 5, 4), approved=False)
    ruling = rule(replace(facts(), entries=(late,)), packs())
    assert ("UNAPPROVED_TIME", "block") in named(ruling)
    approved = rule(replace(facts(), entries=(replace(late, seconds=1200, approved=True),)), packs())
    assert billed(approved) == "99490"


def test_practitioner_code_rests_on_the_practitioner_alone() -> None:
    ruling = judge(election="practitioner", time_log=[entry(20), entry(30, "billing_practitioner")])
    assert [verdict.counted for verdict in ruling.entries] == [0, 1800]
    assert ruling.entries[0].reason == OTHER_FAMILY
    assert (ruling.staff_seconds, ruling.practitioner_seconds) == (1200, 1800)


def test_shared_minutes_are_credited_once() -> None:
    both = {"start": "10:00", "end": "10:10", "date": "2026-05-04"}
    ruling = judge(time_log=[entry(10, "billing_practitioner", **both), entry(10, **both), entry(10)])
    assert [verdict.counted for verdict in ruling.entries] == [0, 600, 600]
    assert ruling.entries[0].reason == "OVERLAPPING_TIME"


def test_label_joins_an_undated_clock_to_its_dated_partner() -> None:
    dated = entry(20, overlaps="x", start="2026-05-04T10:00", end="2026-05-04T10:20")
    undated = entry(20, overlaps="x", start="10:10", end="10:30")
    assert judge(time_log=[dated, undated]).countable_seconds == 30 * 60


def test_untimed_partner_of_a_label_adds_only_what_is_longer() -> None:
    clocked = entry(20, overlaps="x", start="10:00", end="10:20")
    assert judge(time_log=[clocked, entry(25, overlaps="x"), entry(5, overlaps="x")]).countable_seconds == 25 * 60


def test_service_date_is_the_day_the_last_billed_unit_was_earned() -> None:
    log = [entry(20, date="2026-05-20"), entry(15, date="2026-05-08"), entry(10, date="2026-05-12")]
    ruling = judge(time_log=log)
    assert billed(ruling) == "99490 99439"
    assert ruling.earliest_service_date == date(2026, 5, 20)
    assert judge(time_log=log[:1]).earliest_service_date == date(2026, 5, 20)


def test_service_date_is_unknown_where_time_has_no_day() -> None:
    assert judge(time_log=[entry(15, date="2026-05-08"), entry(5)]).earliest_service_date is None


def test_cutting_entries_to_minutes_is_a_setting() -> None:
    floor = replace(packs(), packs=tuple(replace(p, settings=Settings(floor_entries=True)) for p in packs().packs))
    floor = replace(floor, _months={})
    month = facts(time_log=[entry(10.5), entry(9.5)])
    assert rule(month, packs()).countable_seconds == 1200
    ruling = rule(month, floor)
    assert ruling.countable_seconds == 1140
    assert {verdict.reason for verdict in ruling.entries} == {"CUT_TO_MINUTES"}
