"""Lists: what their addresses say, and that an address cannot ask for what is not there."""

import pytest

from caretide.ui.forms import Option
from caretide.ui.tables import Column, Filter, Listing, sort_of

NAME, HOURS, PLAIN = Column("Name", "name"), Column("Hours", "hours", "number", falling=True), Column("Note")
ROLE = Filter("role", "Role", (Option("", "All"), Option("nurse", "Nurses")), "nurse")


def rows(**changes: object) -> Listing:
    return Listing(**({"path": "/team", "columns": (NAME, HOURS, PLAIN), "total": 1150} | changes))


@pytest.mark.parametrize(
    ("page", "total", "span"),
    [
        (1, 1150, "1–50 of 1,150"),
        (23, 1150, "1,101–1,150 of 1,150"),
        (2, 51, "51 of 51"),
        (1, 0, "0 of 0"),
        (1, 1, "1 of 1"),
    ],
)
def test_span_says_which_rows_these_are(page: int, total: int, span: str) -> None:
    assert rows(page=page, total=total).span == span


@pytest.mark.parametrize(("asked", "shown", "pages"), [(-3, 1, 3), (1, 1, 3), (9, 3, 3), (3, 3, 3)])
def test_page_past_either_end_becomes_the_nearest(asked: int, shown: int, pages: int) -> None:
    found = rows().at(asked, 101)
    assert (found.page, found.pages, found.offset) == (shown, pages, (shown - 1) * 50)


def test_head_turns_the_order_round_and_goes_back_to_the_first_page() -> None:
    found = rows(sort="name", page=4, query={"month": "2026-10"}, filters=(ROLE,))
    assert found.direction(NAME) == "ascending"
    assert found.sort_address(NAME) == "/team?month=2026-10&role=nurse&sort=-name"
    assert rows(sort="-name").direction(NAME) == "descending"
    assert rows(sort="-name").sort_address(NAME) == "/team?sort=name"


def test_figures_sort_downward_first() -> None:
    assert rows().sort_address(HOURS) == "/team?sort=-hours"
    assert rows().direction(HOURS) == rows(sort="hours").direction(PLAIN) == "none"


def test_page_keeps_order_and_filters_and_the_filter_form_keeps_the_order_alone() -> None:
    found = rows(sort="-hours", page=2, filters=(ROLE,))
    assert found.page_address(3) == "/team?sort=-hours&role=nurse&page=3"
    assert found.page_address(1) == "/team?sort=-hours&role=nurse"
    assert (found.kept, found.bare, found.is_filtered) == ({"sort": "-hours"}, "/team?sort=-hours", True)
    assert not rows().is_filtered


@pytest.mark.parametrize("asked", ["", "note", "password", "--name", "name;drop", "-"])
def test_unknown_order_falls_back(asked: str) -> None:
    assert sort_of(asked, (NAME, HOURS, PLAIN), "-hours") == "-hours"


@pytest.mark.parametrize("asked", ["name", "-name", "-hours"])
def test_known_order_is_taken(asked: str) -> None:
    assert sort_of(asked, (NAME, HOURS, PLAIN), "name") == asked
