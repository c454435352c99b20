"""The messages that both sides speak."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from tidegate import contract
from tidegate.contract import BadMessage, Condition, PatientMessage, Retracted, When

FIRST = Condition(source_id="a", icd10="I10")
SECOND = Condition(source_id="b", icd10="E11.9", onset=When(month="2019-03"))


def test_message_survives_the_way_there_and_back() -> None:
    message = PatientMessage(
        source_id="p", conditions=(FIRST, SECOND), retracted=(Retracted(kind="allergy", source_id="x"),)
    )
    assert contract.decode(contract.encode(message)) == message


def test_messages_are_told_apart_by_type() -> None:
    header = contract.decode(b'{"type":"header","contract":1,"source":"ndjson"}')
    assert header == contract.Header(contract=1, source="ndjson")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"source_id":"a"}',
        b'{"type":"visitor"}',
        b'{"type":"patient"}',
        b'{"type":"patient","source_id":"a b"}',
        b'{"type":"patient","source_id":"a\\n"}',
        b'{"type":"patient","source_id":"a","nickname":"x"}',
        b'{"type":"patient","source_id":"a","mbi":"123"}',
        b'{"type":"patient","source_id":"a","birth_date":{}}',
        b'{"type":"patient","source_id":"a","birth_date":{"day":"1950-01-01","year":"1950"}}',
        b'{"type":"patient","source_id":"a","deceased_on":{"instant":"2020-01-01T00:00:00"}}',
        b'{"type":"patient","source_id":"a","conditions":[{"source_id":"c","icd10":"diabetes"}]}',
        b'{"type":"patient","source_id":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(BadMessage):
        contract.decode(line)


def test_refusal_does_not_repeat_the_value() -> None:
    with pytest.raises(BadMessage) as caught:
        contract.decode(b'{"type":"patient","source_id":"Ada King"}')
    assert "Ada" not in str(caught.value)


def test_digest_does_not_depend_on_order() -> None:
    one = PatientMessage(source_id="p", conditions=(FIRST, SECOND))
    other = PatientMessage(source_id="p", conditions=(SECOND, FIRST))
    assert contract.digest(one) == contract.digest(other)


def test_digest_changes_with_any_field() -> None:
    digests = {
        contract.digest(PatientMessage(source_id="p")),
        contract.digest(PatientMessage(source_id="q")),
        contract.digest(PatientMessage(source_id="p", active=False)),
        contract.digest(PatientMessage(source_id="p", active=True)),
        contract.digest(PatientMessage(source_id="p", conditions=(FIRST,))),
        contract.digest(contract.PractitionerMessage(source_id="p")),
    }
    assert len(digests) == 6


def test_digest_of_a_known_message_stays_what_it_was() -> None:
    assert contract.digest(PatientMessage(source_id="a")) == (
        "e1f82d3ac9ca7409027681512fe93de23c6ac874c3ea5ca8cb33c790777c4a43"
    )


def test_messages_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        FIRST.icd10 = "I11.0"  # pyright: ignore[reportAttributeAccessIssue] - what is tested


@pytest.mark.parametrize(
    ("point", "precision", "text", "first", "last"),
    [
        (When(year="2019"), "year", "2019", date(2019, 1, 1), date(2019, 12, 31)),
        (When(month="2020-02"), "month", "2020-02", date(2020, 2, 1), date(2020, 2, 29)),
        (When(day=date(2020, 2, 3)), "day", "2020-02-03", date(2020, 2, 3), date(2020, 2, 3)),
        (
            When(instant=datetime(2020, 2, 3, 4, 5, tzinfo=UTC)),
            "instant",
            "2020-02-03T04:05:00+00:00",
            date(2020, 2, 3),
            date(2020, 2, 3),
        ),
    ],
)
def test_point_in_time_says_how_precise_it_is(point: When, precision: str, text: str, first: date, last: date) -> None:
    assert (point.precision, point.text, point.first_day, point.last_day) == (precision, text, first, last)


def test_point_in_time_needs_exactly_one_value() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        When()
    with pytest.raises(ValueError, match="exactly one"):
        When(year="2019", month="2019-01")


def test_every_message_has_a_schema() -> None:
    assert set(msgspec.json.schema(contract.AnyMessage)["discriminator"]["mapping"]) == {
        "header",
        "practitioner",
        "patient",
        "rejected",
        "summary",
    }
