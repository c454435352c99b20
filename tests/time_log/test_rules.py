"""Whole seconds, months, hashes."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caretide.kernel.month import Month
from caretide.programs.evaluate import rule
from caretide.programs.month_facts import Activity, TimeEntry
from caretide.time_log.rules import (
    ACTIVITY_TYPES,
    ActivityType,
    EntryFacts,
    canonical,
    row_hash,
    split_by_month,
    verify,
    whole_seconds,
)
from tests.programs.build import facts, packs

MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - naive bounds, as asked
# Daylight saving and none, west and east of the date line, half an hour's shift.
ZONES = st.sampled_from(
    [
        ZoneInfo(name)
        for name in (
            "America/Chicago",
            "America/Phoenix",
            "Pacific/Honolulu",
            "Pacific/Guam",
            "America/Puerto_Rico",
            "Australia/Lord_Howe",
        )
    ]
)
ENTRY = EntryFacts(
    id=UUID(int=1),
    tenant_id=UUID(int=2),
    patient_id=UUID(int=3),
    coordinator_id=UUID(int=4),
    account_id=None,
    enrollment_id=UUID(int=5),
    clinic_id=UUID(int=6),
    program="CCM",
    activity_type="patient_call",
    start_time=datetime(2026, 10, 5, 15, 0, tzinfo=UTC),
    end_time=datetime(2026, 10, 5, 15, 20, tzinfo=UTC),
    service_month=date(2026, 10, 1),
    staff_role="clinical_staff",
    credential="RN",
    source="timer",
    note=b"sealed",
)


@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_no_second_is_invented(start: datetime, length: timedelta) -> None:
    whole = whole_seconds(start, start + length)
    if whole is None:
        assert length < timedelta(seconds=2)
        return
    assert start <= whole[0] < whole[1] <= start + length
    assert whole[0].microsecond == whole[1].microsecond == 0
    assert length - (whole[1] - whole[0]) < timedelta(seconds=2)


def test_a_clock_that_was_set_back_leaves_nothing() -> None:
    now = datetime(2026, 10, 5, 15, 0, tzinfo=UTC)
    assert whole_seconds(now, now - timedelta(seconds=5)) is None


@pytest.mark.req("R-13")
@given(MOMENTS, st.integers(1, 90 * 86400), ZONES)
def test_pieces_lie_in_one_month_each_and_add_up(start: datetime, seconds: int, zone: ZoneInfo) -> None:
    start = start.replace(microsecond=0)
    end = start + timedelta(seconds=seconds)
    pieces = split_by_month(start, end, zone)
    assert (pieces[0].start, pieces[-1].end) == (start, end)
    assert all(one.end == other.start for one, other in pairwise(pieces))
    for piece in pieces:
        assert Month.of(piece.start.astimezone(zone).date()) == piece.month
        assert Month.of((piece.end - timedelta(seconds=1)).astimezone(zone).date()) == piece.month
        assert piece.start < piece.end


@pytest.mark.req("R-13")
def test_an_hour_that_comes_twice_counts_twice() -> None:
    zone = ZoneInfo("America/Chicago")
    start = datetime(2026, 11, 1, 0, 30, tzinfo=zone).astimezone(UTC)
    end = datetime(2026, 11, 1, 2, 30, tzinfo=zone).astimezone(UTC)
    (piece,) = split_by_month(start, end, zone)
    assert piece.end - piece.start == timedelta(hours=3)


def test_the_canonical_form_is_the_documented_one() -> None:
    assert canonical(ENTRY) == (
        b"caretide time entry 1\n"
        b'{"account_id":null,"activity_type":"patient_call","clinic_id":"00000000-0000-0000-0000-000000000006",'
        b'"coordinator_id":"00000000-0000-0000-0000-000000000004","credential":"RN",'
        b'"end_time":"2026-10-05T15:20:00Z","enrollment_id":"00000000-0000-0000-0000-000000000005",'
        b'"id":"00000000-0000-0000-0000-000000000001",'
        b'"note":"c9d0036bed6744bcdf692fc980d8717d7e5f5a4f4e8266b4a84982602fb1cd09",'
        b'"patient_id":"00000000-0000-0000-0000-000000000003","program":"CCM","service_month":"2026-10-01",'
        b'"source":"timer","staff_role":"clinical_staff","start_time":"2026-10-05T15:00:00Z","supersedes_id":null,'
        b'"tenant_id":"00000000-0000-0000-0000-000000000002"}'
    )


def test_a_reason_has_a_canonical_form_of_its_own_and_leaves_the_others_as_they_were() -> None:
    head, body = canonical(replace(ENTRY, entry_reason=b"sealed")).split(b"\n")
    assert head == b"caretide time entry 2"
    digest = json.loads(body).pop("entry_reason")
    assert digest == json.loads(body)["note"]
    assert b"entry_reason" not in canonical(ENTRY)


@pytest.mark.req("A-20")
@pytest.mark.parametrize("name", list(EntryFacts.__dataclass_fields__))
def test_a_change_of_any_field_shows(name: str) -> None:
    values = {field: getattr(ENTRY, field) for field in EntryFacts.__dataclass_fields__}
    old = values[name]
    if isinstance(old, datetime):
        values[name] = old + timedelta(seconds=1)
    elif isinstance(old, date):
        values[name] = old + timedelta(days=31)
    else:
        values[name] = {str: "other", bytes: b"other"}.get(type(old), UUID(int=9))
    if name == "entry_reason":
        values[name] = b"other"
    assert verify(ENTRY, row_hash(ENTRY))
    assert not verify(EntryFacts(**values), row_hash(ENTRY))


@pytest.mark.parametrize("kind", ACTIVITY_TYPES.values(), ids=lambda kind: kind.code)
def test_what_is_said_to_count_is_what_the_rules_count(kind: ActivityType) -> None:
    noon = datetime(2026, 5, 5, 12, tzinfo=ZoneInfo("America/Chicago"))
    entries = (
        TimeEntry("call", "n", "clinical_staff", 1500, start=noon),
        TimeEntry(
            "other",
            "n",
            "clinical_staff",
            300,
            start=noon + timedelta(hours=1),
            activity=cast("Activity | None", kind.ruling),
        ),
    )
    ruling = rule(replace(facts(), entries=entries), packs())
    counted = {one.id: one.counted for one in ruling.entries}
    assert counted["call"] == 1500
    assert (counted["other"] > 0) == kind.counts
