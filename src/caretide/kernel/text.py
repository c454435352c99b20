"""What people type into a field: without control characters, without blank edges, and never longer than it may be."""

import re
import unicodedata
from typing import Final

from caretide.kernel.errors import Invalid

REASON_LENGTH: Final = 500
NAME_LENGTH: Final = 200
ADDRESS_LENGTH: Final = 500
DETAIL_LENGTH: Final = 500
SHORT_LENGTH: Final = 50
"""The longest phone number, and the longest credential."""

_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def clean_text(value: str, *, field: str, limit: int, required: bool = False) -> str:
    """Return a text without blanks at its ends; raise Invalid naming the field where it cannot be kept.

    Refused are control characters other than line feed and tab, lone surrogates, and what is longer than `limit`
    code points. A line ends in a line feed, however it was sent. What holds nothing that can be seen, such as
    zero-width spaces alone, is empty; `required` refuses that. The message never repeats what was sent.
    """
    text = value.replace("\r\n", "\n").strip()
    if _UNFIT.search(text):
        raise Invalid("This holds characters that are no text; type it anew", field=field)
    if all(unicodedata.category(character)[0] in "CZ" for character in text):
        text = ""
    if required and not text:
        raise Invalid("Fill this in", field=field)
    if len(text) > limit:
        raise Invalid(f"Use at most {limit} characters", field=field)
    return text
