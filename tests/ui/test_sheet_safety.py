"""Whatever a cell holds, a spreadsheet reads it as text, and reads back what was written."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caretide.ui.sheet import csv_text

HARMFUL = st.tuples(
    st.sampled_from(["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff20", '="', "=cmd|'/C calc'!A0"]), st.text()
).map("".join)
CELLS = st.lists(st.lists(st.one_of(st.text(), HARMFUL, st.none(), st.integers()), min_size=3, max_size=3), max_size=5)


@pytest.mark.req("V-02")
@given(rows=CELLS)
def test_no_cell_is_a_formula_and_none_is_lost(rows: list[list[object]]) -> None:
    read = list(csv.reader(io.StringIO(csv_text(["a", "b", "c"], rows), newline="")))
    assert len(read) == len(rows) + 1
    for was, now in zip(rows, read[1:], strict=True):
        for before, after in zip(was, now, strict=True):
            assert not after.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff20"))
            assert after.removeprefix("'") == ("" if before is None else str(before)).removeprefix("'")


@pytest.mark.req("V-02")
def test_no_formula_begins_after_a_mark_that_some_spreadsheets_divide_at() -> None:
    assert csv_text(["a", "b"], [["x;=1+1", "y\t=1"], ["plain", 'a "b"']]) == (
        'a,b\r\n"x;=1+1","y\t=1"\r\nplain,"a ""b"""\r\n'
    )
