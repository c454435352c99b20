"""Sample months: open, blocked, closing."""

from dataclasses import replace
from datetime import date

from caretide.billing.schemas import (
    BlockedGroup,
    CloseProgress,
    CodeUnits,
    ExceptionLine,
    MonthPage,
    MonthTotals,
    RulingRow,
)
from caretide.kernel.month import Month
from caretide.ui.forms import Option
from tests.ui.samples import PATIENTS, uid


def ruling_rows() -> tuple[RulingRow, ...]:
    amounts = [(1320, 6613, 1), (2712, 11657, 2), (3720, 16701, 3), (1287, 6613, 1), (1904, 6780, 4)]
    rows: list[RulingRow] = []
    for number, (seconds, amount, shape) in enumerate(amounts):
        codes = {
            1: (CodeUnits(code="99490", units=1),),
            2: (CodeUnits(code="99490", units=1), CodeUnits(code="99439", units=1)),
            3: (CodeUnits(code="99490", units=1), CodeUnits(code="99439", units=2)),
            4: (CodeUnits(code="99426", units=1),),
        }[shape]
        remark = ExceptionLine(
            code="UNIT_CAP",
            severity="info",
            title="Unit cap",
            message="1:02:00 recorded; two units of 99439 are the limit",
        )
        rows.append(
            RulingRow(
                patient_id=uid(number),
                name=PATIENTS[number][0],
                practitioner="Priya Raman, MD",
                program="PCM" if shape == 4 else "CCM",
                seconds=seconds,
                codes=codes,
                amount=amount,
                service_date=date(2026, 10, 12 + number),
                exceptions=(remark,) if shape == 3 else (),
                document_id=uid(900 + number) if number != 3 else None,
            )
        )
    return tuple(rows)


def month() -> MonthPage:
    return MonthPage(
        month=Month(2026, 10),
        months=tuple(Option(str(m), m.title) for m in (Month(2026, 11), Month(2026, 10), Month(2026, 9))),
        clinics=(Option("lakeside", "Lakeside Family Medicine"), Option("harbor", "Harbor Internists")),
        clinic="",
        state="open",
        totals=MonthTotals(patients=58, ready=41, blocked=17, lines=63, seconds=71_204, amount=380_412),
        ready=ruling_rows(),
        page=1,
        pages=5,
        may_close=True,
    )


def blocked_month() -> MonthPage:
    def row(number: int, code: str, title: str, message: str, anchor: str) -> RulingRow:
        fact = ExceptionLine(
            code=code,
            severity="block",
            title=title,
            message=message,
            fix=f"/patients/{uid(number)}{anchor}" if anchor else "",
        )
        return RulingRow(
            patient_id=uid(number),
            name=PATIENTS[number][0],
            practitioner="Luis Ortega, NP",
            program="CCM",
            seconds=1100 + number * 61,
            exceptions=(fact,),
        )

    consent = [
        row(n, "NO_CONSENT", "No consent.", "None was recorded before October 31, 2026.", "#consent") for n in (1, 3)
    ]
    below = [
        row(n, "BELOW_THRESHOLD", "Below threshold.", f"{19 - n}:41 counted of the 20:00 that 99490 needs.", "")
        for n in (2, 4, 5)
    ]
    return replace(
        month(),
        show="blocked",
        clinic="lakeside",
        blocked=(
            BlockedGroup(code="NO_CONSENT", title="No consent on file", rows=tuple(consent)),
            BlockedGroup(code="BELOW_THRESHOLD", title="Not enough countable time", rows=tuple(below)),
        ),
        may_close=False,
        why_not="Closing a month is for billing staff.",
        pages=1,
    )


def closing_month() -> MonthPage:
    return replace(
        month(), state="closing", may_close=False, progress=CloseProgress(done=41, total=58, records_done=12, failed=1)
    )
