"""How many units of a code may be reported: CMS's medically unlikely edits (MUE), a table per quarter.

A table that a user loads replaces the one in the package from its quarter on. Two forms are read: JSON
(`{"quarter": "2026Q4", "limits": {"99439": 2}}`, or `[2, 3]` and `{"units": 2, "mai": 3}` for a code) and CMS's CSV.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from caretide.kernel.errors import Invalid
from caretide.kernel.month import Month

_QUARTER = re.compile(r"(20\d\d)-?Q([1-4])", re.ASCII)
_CODE = re.compile(r"[0-9A-Z]\d{3}[0-9A-Z]", re.ASCII)
_MOST_UNITS = 9999
_CODE_COLUMNS = ("hcpcs", "code", "hcpcs/cpt code")
_UNIT_COLUMNS = ("mue", "units", "practitioner services mue values", "mue values")
_MAI_COLUMNS = ("mai", "mue adjudication indicator")


@dataclass(frozen=True, slots=True)
class Limit:
    """Most units, and who may overrule: indicator 1 per line, 2 policy (nobody), 3 clinical (on appeal).

    `quarter` is that of the table it stood in, for what a later table leaves out is carried forward.
    """

    units: int
    mai: int | None = None
    quarter: str = ""


@dataclass(frozen=True, slots=True)
class LimitSet:
    """The limits of one quarter, written `2026Q4`. A month of a later quarter carries them forward as assumed."""

    quarter: str
    source: str
    limits: Mapping[str, Limit]


def quarter_of(month: Month) -> str:
    """Return the quarter of a month, so that text order is time order."""
    return f"{month.year}Q{(month.number + 2) // 3}"


def parse_limits(text: str, *, quarter: str | None = None, source: str = "loaded file") -> LimitSet:
    """Read a table of limits from JSON or CSV text; raise Invalid naming the place and the fault.

    `quarter` is for CSV, which does not say it; where JSON says it, both must agree.
    """
    body = text.removeprefix("\ufeff").lstrip()
    if not body:
        raise Invalid("the file is empty; expected JSON or CMS's CSV table of limits")
    if body[0] == "{":
        return _from_json(body, quarter, source)
    return _stamped(_known_quarter(quarter), source, _from_csv(text.removeprefix("\ufeff")))


def limits_from_table(table: Mapping[str, Any]) -> LimitSet:
    """Read the form that the package data and JSON files share; raise Invalid naming the code."""
    given = table.get("limits")
    if not isinstance(given, dict) or not given:
        raise Invalid('limits: must be an object such as {"99439": 2} with at least one code')
    found = cast("dict[str, object]", given)
    limits = {_code(code, f"limits.{code[:20]}"): _limit(value, f"limits.{code[:20]}") for code, value in found.items()}
    return _stamped(_known_quarter(table.get("quarter")), str(table.get("source", "loaded file")), limits)


def _stamped(quarter: str, source: str, limits: Mapping[str, Limit]) -> LimitSet:
    return LimitSet(quarter, source, {code: replace(limit, quarter=quarter) for code, limit in limits.items()})


def _known_quarter(quarter: object) -> str:
    match = _QUARTER.fullmatch(quarter) if isinstance(quarter, str) else None
    if match is None:
        raise Invalid("quarter: name the quarter that the limits are for, such as 2026Q4")
    return f"{match[1]}Q{match[2]}"


def _from_json(body: str, quarter: str | None, source: str) -> LimitSet:
    try:
        table: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        raise Invalid(f"line {line}: not JSON") from error
    unknown = sorted(set(table) - {"quarter", "source", "columns", "limits"})
    if unknown:
        raise Invalid(f"{unknown[0]}: is not a known key; expected quarter, source and limits")
    stated = table.get("quarter", quarter)
    if quarter is not None and _known_quarter(stated) != _known_quarter(quarter):
        raise Invalid(f"quarter: the file is for {stated}, not {quarter}")
    return limits_from_table({"source": source} | table | {"quarter": stated})


def _from_csv(text: str) -> dict[str, Limit]:
    limits: dict[str, Limit] = {}
    columns: tuple[int, int, int | None] | None = None
    for number, cells in _csv_rows(text):
        if columns is None:
            # CMS puts its copyright lines above the header.
            columns = _columns(cells)
            continue
        limits |= _csv_row(cells, columns, number, limits)
    if columns is None:
        raise Invalid("line 1: no header; expected columns such as hcpcs,mue,mai")
    if not limits:
        raise Invalid("there is no row below the header")
    return limits


def _csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text.splitlines())
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise Invalid(f"line {reader.line_num}: not CSV ({error})") from error


def _columns(cells: list[str]) -> tuple[int, int, int | None] | None:
    names = [" ".join(cell.lower().split()) for cell in cells]

    def place(wanted: tuple[str, ...]) -> int | None:
        return next((names.index(name) for name in wanted if name in names), None)

    code, units = place(_CODE_COLUMNS), place(_UNIT_COLUMNS)
    return None if code is None or units is None else (code, units, place(_MAI_COLUMNS))


def _csv_row(
    cells: list[str], columns: tuple[int, int, int | None], number: int, before: Mapping[str, Limit]
) -> dict[str, Limit]:
    where = f"line {number}"
    at_code, at_units, at_mai = columns
    if len(cells) <= max(at_code, at_units, at_mai or 0):
        raise Invalid(f"{where}: too few columns")
    code = _code(cells[at_code], where)
    if code in before:
        raise Invalid(f"{where}: {code} stands there twice")
    mai = cells[at_mai][:1] if at_mai is not None else ""  # CMS writes `2 Date of Service Edit: Policy`
    return {code: Limit(_units(cells[at_units], where), _mai(mai or None, where))}


def _limit(value: object, where: str) -> Limit:
    """Read `2`, `[2, 3]` or `{"units": 2, "mai": 3}`."""
    units, mai = value, None
    if isinstance(value, dict):
        row = cast("dict[str, object]", value)
        unknown = sorted(row.keys() - {"units", "mai"})
        if unknown:
            raise Invalid(f"{where}.{unknown[0][:20]}: is not a known key; expected units and mai")
        units, mai = row.get("units"), row.get("mai")
    elif isinstance(value, list):
        pair = cast("list[object]", value)
        if len(pair) not in {1, 2}:
            raise Invalid(f"{where}: a list must hold units and adjudication indicator")
        units, mai = pair[0], pair[1] if len(pair) > 1 else None
    return Limit(_units(units, where), _mai(mai, where))


def _code(text: str, where: str) -> str:
    if not _CODE.fullmatch(text):
        raise Invalid(f"{where}: {text[:20]!a} is not a CPT or HCPCS code")
    return text


def _units(value: object, where: str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 4:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_UNITS:
        raise Invalid(f"{where}: units must be a whole number from 0 to {_MOST_UNITS}, not {str(value)[:20]!a}")
    return value


def _mai(value: object, where: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or str(value) not in {"1", "2", "3"}:
        raise Invalid(f"{where}: the adjudication indicator must be 1, 2 or 3, not {str(value)[:20]!a}")
    return int(str(value))
