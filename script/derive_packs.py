"""Write the package data of `caretide.programs` that is derived from public files of CMS.

    script/derive-packs [DATA] [OUT]

DATA holds cms/*.csv and codes/ccw30_*.csv.gz (default: ../shared/data beside the clone); OUT is where the JSON goes
(default: src/caretide/programs/data). Same input, same bytes. Only codes and numbers are kept, never CPT's wording.
"""
# ruff: noqa: INP001 -- a script is run, not imported

import csv
import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGE_DATA = ROOT / "src" / "caretide" / "programs" / "data"

# The codes that a ruling may bring forth: an edit that names none of them cannot bear on one.
OURS = frozenset(
    [
        "99424",
        "99425",
        "99426",
        "99427",
        "99437",
        "99439",
        "99487",
        "99489",
        "99490",
        "99491",
        "G0506",
        "G0511",
        "99453",
        "99454",
        "99457",
        "99458",
    ]
)


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file, plain or gzipped."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines)


def to_cents(dollars: str) -> int:
    """Return `61.56` as 6156 without a detour through floating point."""
    whole, _, rest = dollars.partition(".")
    return int(whole) * 100 + int(rest.ljust(2, "0")[:2])


def fees(data: Path) -> dict[str, Any]:
    """Return national amounts per code and period, in cents, and the conversion factors they rest on."""
    amounts: dict[str, list[list[Any]]] = defaultdict(list)
    factors: dict[str, str] = {}
    for row in rows(data / "cms" / "pfs-care-codes-2024-2026.csv"):
        first, last = row["period"].split("..")
        factors[first] = row["cf"]
        pair = [to_cents(row["nonfac_usd"]), to_cents(row["fac_usd"])]
        amounts[row["hcpcs"]].append([first, last, *pair])
    return {
        "source": "CMS RVU24A, RVU24C, PPRRVU2025_Oct, PPRRVU2026_Jan (non-QP): total RVU times conversion factor",
        "columns": ["first", "last", "nonfacility_cents", "facility_cents"],
        "conversion_factors": dict(sorted(factors.items())),
        "codes": {code: sorted(amounts[code]) for code in sorted(amounts)},
    }


def limits(data: Path) -> dict[str, Any]:
    """Return the units per day (and month) that CMS's practitioner table allows, with its adjudication indicator."""
    table = {row["hcpcs"]: [int(row["mue"]), int(row["mai"])] for row in rows(data / "cms/mue-2024mid-carecodes.csv")}
    return {
        "quarter": "2024Q2",
        "source": "CMS NCCI medically unlikely edits, practitioner table, 2024 Q2",
        "columns": ["units", "mai"],
        "limits": dict(sorted(table.items())),
    }


def pairs(data: Path) -> dict[str, Any]:
    """Return the edits in force that name a code of ours: first code, second code, modifier indicator."""
    found = {
        (row["column1"], row["column2"], int(row["modifier_indicator"]))
        for row in rows(data / "cms" / "ncci-ptp-2024mid-carecodes.csv")
        if row["active_or_end_date"] == "active" and (row["column1"] in OURS or row["column2"] in OURS)
    }
    return {
        "source": "CMS NCCI procedure-to-procedure edits, practitioner tables, mid-2024",
        "columns": ["column1", "column2", "modifier_indicator"],
        "pairs": sorted(found),
    }


def conditions(data: Path) -> dict[str, Any]:
    """Return CMS's 27 chronic condition categories with their ICD-10-CM codes."""
    names = {row["Condition"]: row["Condition_long"] for row in rows(data / "codes" / "ccw30_CC_Desc.csv.gz")}
    names["HYPERL"] = "Hyperlipidemia"  # misspelled in the file
    codes: dict[str, set[str]] = defaultdict(set)
    for row in rows(data / "codes" / "ccw30_CC_Codes.csv.gz"):
        if row["CodeType"] == "ICD10DX":
            codes[row["Condition"]].add(row["DxCode"])
    return {
        "source": "CMS Chronic Conditions Data Warehouse, 27 conditions, February 2022",
        "categories": {key: {"name": names[key], "codes": sorted(codes[key])} for key in sorted(codes)},
    }


def lines(value: Any, depth: int = 0) -> Iterable[str]:
    """Yield JSON with one line per innermost list, so that a change of one figure is a change of one line."""
    pad = " " * depth
    if isinstance(value, dict) and any(isinstance(item, dict | list) for item in value.values()):
        yield pad + "{"
        for number, (key, item) in enumerate(value.items(), start=1):
            body = list(lines(item, depth + 1))
            body[0] = f"{pad} {json.dumps(key)}: {body[0].lstrip()}"
            body[-1] += "," if number < len(value) else ""
            yield from body
        yield pad + "}"
    elif isinstance(value, list | tuple) and any(isinstance(item, list | tuple) for item in value):
        yield pad + "["
        for number, item in enumerate(value, start=1):
            yield f"{pad} {json.dumps(item)}" + ("," if number < len(value) else "")
        yield pad + "]"
    else:
        yield pad + json.dumps(value)


DERIVED = {"fees.json": fees, "limits.json": limits, "pairs.json": pairs, "chronic_conditions.json": conditions}


def derive(data: Path) -> dict[str, str]:
    """Return the text of every derived file by its name."""
    return {name: "\n".join(lines(make(data))) + "\n" for name, make in DERIVED.items()}


def main(arguments: list[str]) -> None:
    """Write every derived file."""
    data = Path(arguments[0]) if arguments else ROOT.parent / "shared" / "data"
    out = Path(arguments[1]) if len(arguments) > 1 else PACKAGE_DATA
    if not data.is_dir():
        sys.exit(f"{data}: no such folder; name the one that holds cms/ and codes/")
    for name, text in derive(data).items():
        (out / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
