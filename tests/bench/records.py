"""Monthly records: our Typst rendering against WeasyPrint's of the same record as HTML.

Both make one PDF/A file with tags and the facts attached, from the same words, in the same type. PDF/UA beside PDF/A in
one file is what only the first can do, so the peer has less to do.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

import jinja2
import weasyprint
from fontTools.subset import Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont
from weasyprint.text.fonts import FontConfiguration

from caretide.documents.render.record import ATTACHMENT, render_record
from caretide.documents.render.text import FONT_FOLDERS
from caretide.documents.render.view import record_view
from caretide.documents.schemas import MonthlyRecord, Patient
from tests.bench.ground import Ground
from tests.bench.measure import Measured, Sample, Size, repeated, timed
from tests.documents.records import entry, record

ENTRIES: Final = 12
ROUNDS: Final = {"small": 2, "full": 7}
RECORDS: Final = {"small": 12, "full": 60}
PEER_RECORDS: Final = {"small": 2, "full": 8}
UNITS: Final = {
    "records_per_core_second": "1/s",
    "cpu_ms": "ms",
    "wall_ms": "ms",
    "weasyprint_records_per_core_second": "1/s",
    "weasyprint_cpu_ms": "ms",
    "weasyprint_wall_ms": "ms",
    "ratio_cpu_weasyprint_to_ours": "x",
}

Render = Callable[[MonthlyRecord], object]


def run(ground: Ground, size: Size) -> Measured:
    """Render different records in turn, a few by each engine in every round."""
    theirs = peer(ground.folder)
    # The first of each loads fonts and templates.
    ours_bytes, their_bytes = len(render_record(numbered(0)).pdf), len(theirs(numbered(0)))
    rounds = repeated(size, ROUNDS[size], lambda number: _round(theirs, RECORDS[size], PEER_RECORDS[size], number))
    setup = {"entries": ENTRIES, "records_per_round": RECORDS[size], "weasyprint_records_per_round": PEER_RECORDS[size]}
    return Measured(UNITS, rounds, setup | {"bytes": ours_bytes, "weasyprint_bytes": their_bytes})


def _round(theirs: Render, count: int, peer_count: int, number: int) -> Sample:
    first = number * count
    ours = timed(lambda: [render_record(numbered(first + one)) for one in range(count)])
    weasy = timed(lambda: [theirs(numbered(first + one)) for one in range(peer_count)])
    return {
        "records_per_core_second": count / ours.cpu,
        "cpu_ms": ours.cpu / count * 1000,
        "wall_ms": ours.wall / count * 1000,
        "weasyprint_records_per_core_second": peer_count / weasy.cpu,
        "weasyprint_cpu_ms": weasy.cpu / peer_count * 1000,
        "weasyprint_wall_ms": weasy.wall / peer_count * 1000,
        "ratio_cpu_weasyprint_to_ours": (weasy.cpu / peer_count) / (ours.cpu / count),
    }


def numbered(number: int) -> MonthlyRecord:
    """Return a record of twelve entries that differs from every other: a cache must not do the work."""
    who = Patient(name=f"Eleanor Whitfield {number}", birth_date=date(1948, 3, 17), mbi=None, mrn=f"M{number:07d}")
    return record(patient=who, entries=tuple(entry(number + place) for place in range(ENTRIES)))


def peer(folder: Path) -> Callable[[MonthlyRecord], bytes]:
    """Return WeasyPrint's rendering, with its template, style and fonts read once."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True)
    template = environment.get_template("record.html")
    fonts = FontConfiguration()
    faces = "\n".join(
        f"@font-face {{ font-family: Inter; font-weight: {weight}; src: url('{_face(folder, weight).as_uri()}'); }}"
        for weight in (400, 600)
    )
    style = weasyprint.CSS(string=faces + Path(__file__).with_name("record.css").read_text(), font_config=fonts)

    def render(facts: MonthlyRecord) -> bytes:
        page = template.render(record=record_view(facts), facts_sha256=facts.facts_sha256)
        attached = weasyprint.Attachment(string=facts.to_json(), name=ATTACHMENT, relationship="Data")
        made = weasyprint.HTML(string=page).write_pdf(
            stylesheets=[style], font_config=fonts, pdf_variant="pdf/a-3b", pdf_tags=True, attachments=[attached]
        )
        assert made is not None
        return made

    return render


def _face(folder: Path, weight: int) -> Path:
    """Return one weight of Inter as a static font of the letters needed, without kerning and other features.

    Given the variable font, WeasyPrint works out its weights again for every document, which doubles its time.
    """
    font = TTFont(next(FONT_FOLDERS[0].glob("Inter[[]*.ttf")))
    for table in ("GDEF", "GPOS", "GSUB"):
        del font[table]
    wanted = Subsetter()
    wanted.populate(unicodes=[*range(0x20, 0x250), *range(0x2000, 0x2100), 0x2713])
    wanted.subset(font)
    path = folder / f"inter-{weight}.ttf"
    instantiateVariableFont(font, {"wght": weight, "opsz": 14}).save(path)
    return path
