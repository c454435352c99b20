"""Runs Typst: a template and its data in, a PDF out.

PDF/A-3a (archiving, with attachments) and PDF/UA-1 (accessibility) in one file. A template is a module with a function
`document-of(view, attachment)`. It is called with JSON in string literals, so that nothing a person typed is ever read
as markup. `sys.inputs` would be the plainer way: they are part of Typst's library, and a document with others of them
throws away what was remembered of the one before (headings, labels, fonts): an eighth of the time.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from threading import local
from typing import Final

import orjson
import typst

from caretide.documents.render.text import FONT_FOLDERS, Tree

TEMPLATES: Final = Path(__file__).parent.parent / "templates" / "documents"

_compilers = local()


class CannotTypeset(Exception):
    """The typesetter refused the data.

    It carries no text of the typesetter's: that may quote a patient.
    """


def typeset(template: str, view: Tree, attachment: bytes, at: datetime) -> tuple[bytes, Sequence[str]]:
    """Return the PDF that a template makes of a view, and the typesetter's warnings.

    `attachment` (UTF-8) is what the template attaches, `at` the date of the document.
    """
    given = f"{_literal(orjson.dumps(view).decode())}, {_literal(attachment.decode())}"
    try:
        pdf, warnings = _compiler().compile_with_warnings(
            f'#import "{template}": document-of\n#document-of({given})\n'.encode(),
            format="pdf",
            pdf_standards=["a-3a", "ua-1"],
            timestamp=int(at.timestamp()),
        )
    except typst.TypstError:
        raise CannotTypeset from None
    if not isinstance(pdf, bytes):  # one file per page, or one written to disk: neither is asked for
        raise CannotTypeset
    return pdf, [warning.message for warning in warnings]


def _literal(text: str) -> str:
    """Return a string of Typst's: between quotes nothing but a quote and a backslash means anything."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _compiler() -> typst.Compiler:
    """Return this thread's compiler: one shared by threads raises 'Already borrowed'."""
    found: typst.Compiler | None = _compilers.__dict__.get("compiler")
    if found is None:
        # Fonts by folder and no others: the bytes must not depend on what the host has installed.
        found = typst.Compiler(root=TEMPLATES, font_paths=[*FONT_FOLDERS], ignore_system_fonts=True)
        _compilers.__dict__["compiler"] = found
    return found
