"""Keeping to what the fonts can show."""

from collections import Counter

import pytest

from caretide.documents.render.text import coverage, showable, showable_tree


def shown(text: str) -> str:
    """Return the text as shown, ignoring what was replaced."""
    return showable(text, Counter())


def test_both_fonts_are_read() -> None:
    inter, noto = coverage()
    assert ord("é") in inter
    assert ord("अ") in noto
    assert ord("王") not in inter | noto


def test_replacement_itself_is_covered() -> None:
    assert any(0xFFFD in font for font in coverage())


def test_replaced_characters_are_counted() -> None:
    replaced: Counter[str] = Counter()
    assert showable("王 Ada 王小", replaced) == "\ufffd Ada \ufffd\ufffd"
    assert replaced == {"王": 2, "小": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a\tb\nc\r\nd\x00e", "a b c d e"),
        ("a\u2028b\u00a0c", "a b c"),
        ("\u202eabc\u202c\u200e", "abc"),
        ("co\u00adop", "coop"),
        ("e\u0301", "é"),
        ("\x85next", "next"),
    ],
)
def test_text_becomes_one_line_without_marks(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_mark_that_no_font_joins_to_its_letter_is_left_out_and_counted() -> None:
    replaced: Counter[str] = Counter()
    assert showable("a\u20dd", replaced) in {"a", "a\u20dd"}
    assert showable("a\u1dff\u0fff", replaced).startswith("a")
    assert "\u0fff" in replaced


def test_long_word_may_break_without_losing_a_letter() -> None:
    word = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"
    assert "\u200b" in shown(word)
    assert shown(word).replace("\u200b", "") == word
    assert "\u200b" not in shown("Wolfeschlegelsteinhausen")


def test_every_string_of_a_tree_is_looked_at_and_nothing_else() -> None:
    replaced: Counter[str] = Counter()
    tree = {"a": ["王", 1, None, True, {"b": ("x", "小")}]}
    assert showable_tree(tree, replaced) == {"a": ["\ufffd", 1, None, True, {"b": ["x", "\ufffd"]}]}
    assert replaced.total() == 2
