"""What a permission opens, field by field."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel

from caretide.kernel.fields import Needs, all_shown, fields_of, shown
from caretide.kernel.permissions import Permission


@dataclass(frozen=True, slots=True)
class Line:
    seconds: int
    note: Annotated[str | None, Needs(Permission.NOTE_READ)]


class Answer(BaseModel):
    kind: ClassVar[str] = "answer"

    lines: list[Line]
    chart: Annotated[list[Line] | None, Needs(Permission.CHART_READ)]
    by_name: dict[str, Line]
    anything: dict[str, Any]


def test_a_field_is_withheld_from_who_lacks_its_permission() -> None:
    line = Line(60, "said")
    assert shown(line, {Permission.NOTE_READ}) is line
    assert shown(line, set()) == Line(60, None)
    assert all_shown([line, line], set()) == [Line(60, None)] * 2


def test_fields_are_named_with_the_permission_that_opens_them() -> None:
    note, chart = Permission.NOTE_READ, Permission.CHART_READ
    assert fields_of(list[Answer]) == [
        ("anything", None),
        ("by_name.note", note),
        ("by_name.seconds", None),
        ("chart.note", note),
        ("chart.seconds", chart),
        ("lines.note", note),
        ("lines.seconds", None),
    ]


def test_an_answer_without_fields_has_none() -> None:
    assert fields_of(list[str]) == fields_of(None) == []
