"""The facts of a record: refused when they make no sense, canonical when written."""

import hashlib
import json
from datetime import datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from caretide.documents.schemas import MonthlyRecord
from tests.documents.records import named, record


def test_json_is_canonical_and_reads_back() -> None:
    written = record().to_json()
    assert (
        written == json.dumps(json.loads(written), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    )
    assert MonthlyRecord.model_validate_json(written).to_json() == written


def test_hash_is_that_of_the_json() -> None:
    assert record().facts_sha256 == hashlib.sha256(record().to_json()).hexdigest()


def test_moment_of_any_zone_is_written_in_utc_to_the_second() -> None:
    east = datetime(2026, 11, 1, 7, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    facts = record().model_dump() | {"as_of": east}
    assert MonthlyRecord.model_validate(facts).to_json() == record().to_json()


def test_text_that_utf8_cannot_hold_is_replaced_and_other_text_kept() -> None:
    assert named("a\ud800b\x00c 王\u202e").patient.name == "a\ufffdb\ufffdc 王\u202e"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("month", "2026-13"),
        ("as_of", "2026-11-01T00:00:00"),
        ("format", "caretide.monthly-record/2"),
        ("surprise", 1),
    ],
)
def test_facts_that_make_no_sense_are_refused(key: str, value: object) -> None:
    facts = record().model_dump(mode="json") | {key: value}
    with pytest.raises(ValidationError, match=key):
        MonthlyRecord.model_validate(facts)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "", "Chicago"])
def test_unknown_time_zone_is_refused(zone: str) -> None:
    facts = record().model_dump(mode="json")
    facts["clinic"]["time_zone"] = zone
    with pytest.raises(ValidationError, match="time zone"):
        MonthlyRecord.model_validate(facts)
