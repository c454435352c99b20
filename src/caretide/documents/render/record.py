"""The monthly record as a PDF."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Final

from caretide.documents.render.engine import CannotTypeset, typeset
from caretide.documents.render.text import Tree, ascii_tree, showable_tree
from caretide.documents.render.view import record_view
from caretide.documents.schemas import MonthlyRecord

ATTACHMENT: Final = "billing-record.json"
"""What the facts are called inside the PDF."""

_TEMPLATE: Final = "monthly_record.typ"
_NAMED: Final = 20


@dataclass(frozen=True)
class Rendered:
    """A rendered document: its bytes, their SHA-256, the SHA-256 of the facts inside, and what somebody should know.

    Warnings name code points and never quote a text.
    """

    pdf: bytes
    sha256: str
    facts_sha256: str
    warnings: tuple[str, ...]


def render_record(record: MonthlyRecord) -> Rendered:
    """Render a monthly record: the same record gives the same bytes in every process, time zone and locale.

    Characters that the fonts lack are replaced on the page and named in a warning; the attached JSON keeps them.
    """
    facts = record.to_json()
    facts_sha256 = hashlib.sha256(facts).hexdigest()
    replaced: Counter[str] = Counter()
    view = showable_tree(record_view(record), replaced)
    notes = _replaced_notes(replaced)
    warnings = [_replaced_warning(replaced)] if replaced else []
    try:
        pdf, told = typeset(_TEMPLATE, _page(view, notes, facts_sha256), facts, record.as_of)
    except CannotTypeset:
        notes = ["Text on these pages was reduced to plain letters; the attached JSON holds it in full."]
        warnings.append("the typesetter refused a text; the record was rendered in plain ASCII")
        pdf, told = typeset(_TEMPLATE, _page(ascii_tree(view), notes, facts_sha256), facts, record.as_of)
    warnings.extend(f"typesetter: {message}" for message in told)
    return Rendered(pdf, hashlib.sha256(pdf).hexdigest(), facts_sha256, tuple(warnings))


def _page(view: Tree, notes: list[str], facts_sha256: str) -> Tree:
    return {"record": view, "notes": notes, "facts_sha256": facts_sha256, "attachment": ATTACHMENT}


def _replaced_notes(replaced: Counter[str]) -> list[str]:
    count = replaced.total()
    if not count:
        return []
    characters, were = ("character", "was") if count == 1 else ("characters", "were")
    return [f"{count} {characters} that the fonts lack {were} replaced on these pages; the attached JSON holds them."]


def _replaced_warning(replaced: Counter[str]) -> str:
    # Sorted, so that the code points do not spell the name.
    points = [f"U+{ord(character):04X}" for character in sorted(replaced)]
    more = f" and {len(points) - _NAMED} more" if len(points) > _NAMED else ""
    return f"characters that the fonts lack were replaced: {', '.join(points[:_NAMED])}{more}"
