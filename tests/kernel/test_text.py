"""What may be typed into a field."""

import pytest

from caretide.kernel.errors import Invalid
from caretide.kernel.text import clean_text


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("  Moved  ", "Moved"), ("one\r\ntwo\tthree", "one\ntwo\tthree"), ("\u200b\u200b", ""), ("Zo\u00eb", "Zo\u00eb")],
)
def test_text_is_kept_without_its_edges(sent: str, kept: str) -> None:
    assert clean_text(sent, field="note", limit=20) == kept


@pytest.mark.parametrize("sent", ["a\x00b", "a\x1bb", "a\x7fb", "a\ud800b", "a\rb", "CANARY" * 4])
def test_unfit_text_is_refused_by_field_and_not_repeated(sent: str) -> None:
    with pytest.raises(Invalid) as caught:
        clean_text(sent, field="note", limit=20)
    assert caught.value.field == "note"
    assert "CANARY" not in caught.value.message


@pytest.mark.parametrize("sent", ["", " \n", "\u200b"])
def test_required_text_is_more_than_blanks(sent: str) -> None:
    with pytest.raises(Invalid, match="Fill this in"):
        clean_text(sent, field="reason", limit=20, required=True)
