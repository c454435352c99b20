"""Runs Typst: a template and its data in, a PDF out.

PDF/A-3a (archiving, with attachments) and PDF/UA-1 (accessibility) in one file. Data goes in as JSON text, so that
nothing a person typed is ever read as markup.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from threading import local
from typing import Final

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
    inputs = {"view": json.dumps(view, ensure_ascii=False), "attachment": attachment.decode()}
    try:
        pdf, warnings = _compiler(template).compile_with_warnings(
            sys_inputs=inputs,
            format="pdf",
            pdf_standards=["a-3a", "ua-1"],
            timestamp=int(at.timestamp()),
        )
    except typst.TypstError:
        raise CannotTypeset from None
    if not isinstance(pdf, bytes):  # one file per page, or one written to disk: neither is asked for
        raise CannotTypeset
    return pdf, [warning.message for warning in warnings]


def _compiler(template: str) -> typst.Compiler:
    """Return this thread's compiler of a template: one shared by threads raises 'Already borrowed'."""
    found: dict[str, typst.Compiler] = _compilers.__dict__.setdefault("by_template", {})
    if template not in found:
        # Fonts by folder and no others: the bytes must not depend on what the host has installed.
        found[template] = typst.Compiler(
            TEMPLATES / template, root=TEMPLATES, font_paths=[*FONT_FOLDERS], ignore_system_fonts=True
        )
    return found[template]
