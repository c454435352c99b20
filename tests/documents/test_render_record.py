"""The monthly record as a PDF: the same bytes everywhere, its facts inside, and no name that stops it."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from caretide.documents.render import record as render
from caretide.documents.render.engine import CannotTypeset
from caretide.documents.render.record import render_record
from caretide.documents.schemas import CodeLine, MonthlyRecord, Ruling
from tests.documents.records import bare, entry, long, named, record

RENDER_AND_PRINT = """
import locale, sys
from caretide.documents.render.record import render_record
from caretide.documents.schemas import MonthlyRecord
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass
print(render_record(MonthlyRecord.model_validate_json(sys.stdin.buffer.read())).sha256)
"""


def pages(pdf: bytes) -> list[str]:
    """Return the text of every page."""
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def text(pdf: bytes) -> str:
    """Return the whole text with its line breaks as spaces."""
    return " ".join(" ".join(pages(pdf)).split())


def attached(pdf: bytes) -> bytes:
    """Return the attached facts."""
    attachments = PdfReader(io.BytesIO(pdf)).attachments
    assert list(attachments) == ["billing-record.json"]
    return attachments["billing-record.json"][0]


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return render_record(record()).pdf


def test_same_record_gives_the_same_bytes_in_every_thread() -> None:
    with ThreadPoolExecutor(4) as pool:
        rendered = list(pool.map(lambda _: render_record(record()), range(24)))
    assert len({one.pdf for one in rendered}) == 1
    assert rendered[0].sha256 == hashlib.sha256(rendered[0].pdf).hexdigest()


@pytest.mark.parametrize(
    "environment",
    [
        {"TZ": "Pacific/Kiritimati", "LC_ALL": "C"},
        {"TZ": "America/Los_Angeles", "LC_ALL": "C.UTF-8", "LANG": "de_DE.UTF-8"},
    ],
)
def test_same_record_gives_the_same_bytes_in_another_process(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RENDER_AND_PRINT],
        input=record().to_json(),
        env=os.environ | environment | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.decode().strip() == render_record(record()).sha256


def test_records_before_it_leave_no_trace_in_the_bytes() -> None:
    first = render_record(record()).sha256
    for other in (bare(), named("王"), long()):
        render_record(other)
    assert render_record(record()).sha256 == first


def test_another_fact_gives_other_bytes() -> None:
    changed = record(entries=(entry(0, seconds=313, counted_seconds=313),))
    assert render_record(changed).sha256 != render_record(record()).sha256


def test_whole_record_renders_without_a_warning() -> None:
    for one in (record(), bare(), long(), record(provisional=True)):
        assert render_record(one).warnings == ()


def test_attached_facts_come_back_whole(pdf: bytes) -> None:
    assert attached(pdf) == record().to_json()
    assert MonthlyRecord.model_validate_json(attached(pdf)) == record()


def test_printed_hash_is_that_of_the_attachment(pdf: bytes) -> None:
    printed = hashlib.sha256(attached(pdf)).hexdigest()
    assert printed in text(pdf)
    assert render_record(record()).facts_sha256 == record().facts_sha256 == printed


def test_file_claims_archival_and_accessible_form(pdf: bytes) -> None:
    reader = PdfReader(io.BytesIO(pdf))
    root = reader.root_object
    xmp = root["/Metadata"].get_object().get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in xmp
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in xmp
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    assert root["/Lang"] == "en-US"
    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712 - pypdf has a boolean of its own
    assert root["/ViewerPreferences"]["/DisplayDocTitle"] == True  # noqa: E712 - as above
    assert root["/AF"][0].get_object()["/AFRelationship"] == "/Data"


def test_title_author_and_date_come_from_the_facts(pdf: bytes) -> None:
    info = PdfReader(io.BytesIO(pdf)).metadata
    assert info is not None
    assert info.title == "Monthly record: Chronic Care Management, October 2026"
    assert info.author == "Lakeside Family Medicine"
    assert info.creation_date == info.modification_date == datetime(2026, 11, 1, 5, tzinfo=UTC)


def structure(node: object) -> Iterator[str]:
    """Walk the structure tree; yield the kind of every element."""
    node = node.get_object() if hasattr(node, "get_object") else node
    if isinstance(node, list):
        for child in node:
            yield from structure(child)
    elif isinstance(node, dict):
        if "/S" in node:
            yield str(node["/S"])
        yield from structure(node.get("/K", []))


def test_structure_has_headings_table_headers_and_a_described_figure(pdf: bytes) -> None:
    tree = PdfReader(io.BytesIO(pdf)).root_object["/StructTreeRoot"]
    kinds = list(structure(tree))
    assert kinds.count("/H1") == 1
    assert kinds.count("/H2") == 9
    assert kinds.count("/Table") == 7
    assert kinds.count("/TH") >= 7 * 2
    assert kinds.count("/Figure") == 1


@pytest.mark.skipif(shutil.which("qpdf") is None, reason="qpdf is not installed: apt-get install qpdf")
def test_qpdf_finds_no_fault(tmp_path: Path) -> None:
    for number, one in enumerate((record(), bare(), long(), named("王 \u202e"))):
        file = tmp_path / f"{number}.pdf"
        file.write_bytes(render_record(one).pdf)
        done = subprocess.run(
            [str(shutil.which("qpdf")), "--check", str(file)], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_everything_an_auditor_asks_for_is_printed(pdf: bytes) -> None:
    printed = text(pdf)
    for fact in (
        "Eleanor Whitfield", "Mar 17, 1948", "1EG4-TE5-MK73", "M0012345",
        "Priya Raman, MD", "1003000126", "Physician (MD)", "TIN ending 4417", "General supervision",
        "E11.22", "Essential hypertension", "significant risk",
        "Jun 11, 2026, 10:20", "Verbal, by phone", "ccm-consent 3, English", "Only one practitioner can be paid",
        "Annual wellness visit", "Comprehensive, version 4", "Mailed; receipt confirmed by phone", "Sep 24, 2026",
        "On-call nurse line", "since Jan 1, 2026, checked Oct 2, 2026", "Certified EHR in use",
        "09:00:07", "09:05:19", "0:05:12", "Miguel Santos, LPN", "Harbor Care Services, contracted", "Before consent",
        "0:54:40", "0:12:23", "0:42:17", "All roles",
        "CCM by another practitioner", "None found", "99490 × 1", "$66.13", "$116.57", "not a charge",
        "Oct 22, 2026", "11, office", "None recorded; default family", "PRE_CONSENT_TIME", "Adjusted",
        "CCM 2026.1", "42 CFR 410.26(b)(5): general supervision of care management", "Nov 2, 2026, 10:05",
        "Generated data", "Page 1 of 3",
    ):  # fmt: skip
        assert fact in printed, fact


def test_times_are_the_clinics_own() -> None:
    moved = record(clinic=record().clinic.model_copy(update={"time_zone": "Pacific/Honolulu"}))
    printed = text(render_record(moved).pdf)
    assert "04:00:07" in printed
    assert "Times are in Pacific/Honolulu" in printed


def test_what_nobody_recorded_is_said() -> None:
    printed = text(render_record(bare()).pdf)
    assert printed.count("Not recorded") >= 10
    assert "Nothing may be billed" in printed
    assert "No time was recorded this month." in printed
    assert "Generated data" not in printed


def test_provisional_month_says_so() -> None:
    assert "cannot be released" in text(render_record(record(provisional=True)).pdf)


def test_code_without_a_fee_has_no_total() -> None:
    lines = (
        CodeLine(code="99490", name="CCM staff", units=1, unit_cents=6613),
        CodeLine(code="99439", name="More", units=2),
    )
    ruling = Ruling(family="CCM", election="None", countable_seconds=2500, codes=lines)
    printed = text(render_record(record(ruling=ruling)).pdf)
    assert "$66.13" in printed
    assert "Total Not known" in printed


def test_two_hundred_entries_run_on_under_a_repeated_header() -> None:
    printed = pages(render_record(long()).pdf)
    assert 8 <= len(printed) <= 14
    in_table = [page for page in printed if "Oct" in page and "Counted" in page]
    assert len(in_table) >= 7
    assert sum(page.count("Adaeze Okafor, RN\n") + page.count("Miguel Santos, LPN\n") for page in printed) >= 200


def test_long_lists_of_everything_run_on() -> None:
    many = record(
        findings=record().findings * 60,
        concurrency=record().concurrency * 40,
        citations=record().citations * 40,
        totals=record().totals * 30,
    )
    rendered = render_record(many)
    assert rendered.warnings == ()
    assert text(rendered.pdf).count("UNIT_CAP") == 60


@pytest.mark.parametrize(
    "name",
    [
        "王小明",
        "สมชาย ใจดี",
        "Ada 😀 Lovelace",
        "محمد علي",
        "דוד לוי",
        "김민준",
        "たなか",
        "\ue000\uf8ff",
        "\U0001f1fa\U0001f1f8",
    ],
    ids=["chinese", "thai", "emoji", "arabic", "hebrew", "korean", "japanese", "private", "flag"],
)
def test_characters_that_no_font_has_are_replaced_and_told(name: str) -> None:
    rendered = render_record(named(name))
    (warning,) = rendered.warnings
    missing = next(character for character in name if ord(character) > 0x2FF)
    assert f"U+{ord(missing):04X}" in warning
    assert not set(name) & set(warning) - set(" U+ABCDEF0123456789abcdefghilmnoprstuvwy")
    assert "that the fonts lack" in text(rendered.pdf)
    assert "\ufffd" in text(rendered.pdf)
    assert json.loads(attached(rendered.pdf))["patient"]["name"] == name


@pytest.mark.parametrize(
    "name",
    [
        "Ñandú Ærøskøbing",
        "Łukasz Żółć",
        "Ελένη Παπαδοπούλου",
        "Юлия Щербакова",
        "Nguyễn Thị Hương",
        "अनिल",
        "O\u2019Neill\u2013Smith",
    ],
)
def test_characters_that_a_font_has_are_printed(name: str) -> None:
    assert render_record(named(name)).warnings == ()


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ('#import "secret.typ": *', '#import "secret.typ": *'),
        ("*bold* _it_ $math$ `raw` <label> @ref", "*bold* _it_ $math$ `raw` <label> @ref"),
        ('#read("/etc/passwd")', '#read("/etc/passwd")'),
        ("= Heading // gone /* gone */ -- ~ \\u{1F600} \\", "= Heading // gone /* gone */ -- ~ \\u{1F600} \\"),
        ('"; drop', '"; drop'),
        ("Ada\x00\x07\x1b[31m\tLove\nlace", "Ada\ufffd [31m Love lace"),
        ("\u202eevil\u202c \u2066x\u2069\u200f", "evil x"),
        ("Jo\u0301se\u0301", "Jósé"),
        ("half \ud83d surrogate", "half \ufffd surrogate"),
    ],
)
def test_markup_and_controls_are_only_text(name: str, printed: str) -> None:
    rendered = render_record(named(name))
    assert f"Patient {printed}" in text(rendered.pdf)
    assert not any("refused" in warning for warning in rendered.warnings)


@pytest.mark.parametrize("name", ["", " ", "x" * 5000, "x " * 3000, "\u200b\u200d\ufeff", "e" + "\u0301\u0323" * 300])
def test_extreme_names_still_render(name: str) -> None:
    assert len(pages(render_record(named(name)).pdf)) >= 1


def test_clinic_without_a_name_still_renders() -> None:
    render_record(record(clinic=record().clinic.model_copy(update={"name": "", "address": "\x00", "phone": "\u202e"})))


@given(name=st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_name_is_refused_by_the_typesetter(name: str) -> None:
    rendered = render_record(named(name))
    assert not any("typesetter" in warning for warning in rendered.warnings)


def test_text_that_the_typesetter_refuses_is_rendered_in_plain_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    typeset = render.typeset
    refused: list[str] = []

    def stubborn(template: str, view: object, attachment: bytes, at: datetime) -> object:
        if not json.dumps(view, ensure_ascii=False).isascii():
            refused.append(template)
            raise CannotTypeset
        return typeset(template, view, attachment, at)

    monkeypatch.setattr(render, "typeset", stubborn)
    rendered = render_record(named("Ñandú Žižek"))
    assert refused
    assert rendered.warnings == ("the typesetter refused a text; the record was rendered in plain ASCII",)
    assert "Zizek" in text(rendered.pdf).replace("?", "")
    assert json.loads(attached(rendered.pdf))["patient"]["name"] == "Ñandú Žižek"
