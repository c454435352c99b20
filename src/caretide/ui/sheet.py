"""Tables as files for spreadsheets."""

from collections.abc import Iterable, Sequence
from typing import Final

_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection), signs of full width among it."""


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return CSV as RFC 4180 has it. A cell that a spreadsheet would reckon with gets an apostrophe in front."""
    lines = ([_quoted(one) for one in row] for row in (columns, *([_safe(one) for one in row] for row in rows)))
    return "".join(",".join(line) + "\r\n" for line in lines)


def _quoted(text: str) -> str:
    """Return a cell, in quotation marks where it holds what a spreadsheet may divide it at: some go by semicolons."""
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',;"\t\r\n') else text


def _safe(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_STARTS) else text
