"""Dated rule packs: codes, ladders, limits, exclusions, amounts and settings, each with its source.

`load_packs()` reads them from the package data; `Packs.at(month)` gives what holds in one month. Importing reads
nothing.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from importlib import resources
from itertools import pairwise
from typing import Any, cast

from caretide.kernel.month import Month
from caretide.programs.limits import Limit, LimitSet, limits_from_table, quarter_of
from caretide.programs.ruling import Citation

GENERAL_CODE = "G0511"


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """A code: what kind of service it is, our short name for it, when it is payable, which codes it adds to.

    `like` is the first code of its range, under which tables may list the whole range.
    """

    code: str
    kind: str
    name: str
    first: date | None = None
    last: date | None = None
    bases: tuple[str, ...] = ()
    like: str = ""

    def active(self, first: date, last: date) -> bool:
        """Whether it is payable on some day of a period."""
        return (self.first is None or self.first <= last) and (self.last is None or self.last >= first)


@dataclass(frozen=True, slots=True)
class Ladder:
    """A family of codes and the full seconds that each unit takes.

    `personal`: only the billing practitioner's own seconds count. `limit` is the most add-on units and `limit_source`
    says whose limit it is. `steps` are (code, units of that code, seconds needed).
    """

    id: str
    program: str
    base: str
    base_seconds: int
    addon: str
    addon_seconds: int
    personal: bool
    limit: int
    limit_source: str
    limit_assumed: bool
    steps: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class RemoteRules:
    """The figures of remote monitoring: days of readings, seconds of management, most add-on units."""

    device_days: int
    short_device_days: int
    first_seconds: int
    short_seconds: int
    addon_seconds: int
    addon_limit: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """Points on which sources differ, as this pack reads them; `cms-rules` numbers them. See Packs.settings_notes."""

    em_day_staff_time: str = "count"
    service_date: str = "threshold"
    supervision_elsewhere: str = "review"
    pcm_with_tcm: str = "block"
    apcm_elsewhere: str = "review"
    floor_entries: bool = False
    simultaneous_work: str = "union"
    consent_valid_months: int | None = None
    rhc_transition_default: str = "individual"
    questionable_activities: tuple[str, ...] = ()
    complex_without_election: bool = True


@dataclass(frozen=True, slots=True)
class Pack:
    """The hand-written part of one year's rules."""

    id: str
    first: Month
    last: Month
    sources: tuple[str, ...]
    families: tuple[Mapping[str, Any], ...]
    remote: RemoteRules
    rural_modes: tuple[tuple[Month, str], ...]
    models: tuple[tuple[str, Month, str], ...]
    settings: Settings
    settings_notes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MonthRules:
    """What holds in one month. `rural_mode`: `general` (one code), `choice`, or `individual` codes."""

    month: Month
    first: date
    last: date
    pack: str
    provisional: bool
    settings: Settings
    settings_notes: Mapping[str, str]
    ladders: Mapping[str, Ladder]
    by_program: Mapping[str, tuple[Ladder, ...]]
    remote: RemoteRules
    rural_mode: str
    models: Mapping[str, str]
    known_models: frozenset[str]
    codes: Mapping[str, CodeInfo]
    active: frozenset[str]
    pairs: Mapping[tuple[str, str], int]
    limits: Mapping[str, Limit]

    def kind(self, code: str) -> str | None:
        """Return what kind of service a code is, None for one that the packs do not know."""
        found = self.codes.get(code)
        return None if found is None else found.kind

    def pair(self, one: str, other: str) -> int | None:
        """Return the modifier indicator of NCCI's edit on two codes, in whichever order, None where there is none."""
        return self.pairs.get((one, other), self.pairs.get((other, one)))


@dataclass(frozen=True, slots=True)
class Fee:
    """National amounts in cents between two days, both included."""

    first: date
    last: date
    nonfacility: int
    facility: int


@dataclass(frozen=True, slots=True)
class Packs:
    """All packs and tables. Immutable in what it says; `_months` only remembers what was worked out before."""

    packs: tuple[Pack, ...]
    codes: Mapping[str, CodeInfo]
    fees: Mapping[str, tuple[Fee, ...]]
    fee_source: str
    limit_sets: tuple[LimitSet, ...]
    pairs: Mapping[tuple[str, str], int]
    citations: Mapping[str, Citation]
    cited_by: Mapping[str, tuple[Citation, ...]]
    _months: dict[Month, MonthRules | None] = field(default_factory=dict[Month, "MonthRules | None"], compare=False)

    def at(self, month: Month) -> MonthRules | None:
        """Return what holds in a month: by the last pack where none covers it yet, None before the first pack."""
        if month not in self._months:
            self._months[month] = self._work_out(month)
        return self._months[month]

    def with_limits(self, loaded: LimitSet) -> "Packs":
        """Return packs in which a table of limits holds from its quarter on; one of the same quarter is replaced."""
        others = [table for table in self.limit_sets if table.quarter != loaded.quarter]
        ordered = tuple(sorted([*others, loaded], key=lambda table: table.quarter))
        return replace(self, limit_sets=ordered, _months={})

    def _work_out(self, month: Month) -> MonthRules | None:
        covering = [pack for pack in self.packs if pack.first <= month]
        if not covering:
            return None
        pack = covering[-1]
        limits = self._limits(month)
        ladders = tuple(_ladder(row, limits, quarter_of(month)) for row in pack.families)
        extra = limits.get("99458")
        return MonthRules(
            month=month,
            first=month.first,
            last=month.last,
            pack=pack.id,
            provisional=month > pack.last,
            settings=pack.settings,
            settings_notes=pack.settings_notes,
            ladders={ladder.id: ladder for ladder in ladders},
            by_program={
                program: tuple(ladder for ladder in ladders if ladder.program == program) for program in ("CCM", "PCM")
            },
            remote=replace(pack.remote, addon_limit=extra.units if extra else 0),
            rural_mode=[mode for since, mode in pack.rural_modes if since <= month][-1],
            models={name: effect for name, since, effect in pack.models if since <= month},
            known_models=frozenset(name for name, _, _ in pack.models),
            codes=self.codes,
            active=frozenset(code for code, one in self.codes.items() if one.active(month.first, month.last)),
            pairs=self.pairs,
            limits=limits,
        )

    def _limits(self, month: Month) -> dict[str, Limit]:
        """Return the limits of the latest table up to a month; what it leaves out comes from the earlier ones."""
        wanted = quarter_of(month)
        known = [table for table in self.limit_sets if table.quarter <= wanted] or [self.limit_sets[0]]
        return {code: limit for table in known for code, limit in table.limits.items()}


def load_packs() -> Packs:
    """Read every pack and table from the package data."""
    folder = resources.files("caretide.programs") / "data"
    names = ("citations.json", "codes.json", "fees.json", "limits.json", "pairs.json")
    cited, codes, fees, limits, pairs = (json.loads((folder / name).read_text("utf-8")) for name in names)
    years = [entry for entry in (folder / "packs").iterdir() if entry.name.endswith(".json")]
    packs = sorted((_pack(json.loads(year.read_text("utf-8"))) for year in years), key=lambda pack: pack.first)
    _refuse_gaps(packs)
    citations = {key: Citation(key, row["text"], row["source"]) for key, row in cited["rules"].items()}
    return Packs(
        packs=tuple(packs),
        codes=_codes(codes),
        fees={code: tuple(_fee(row) for row in rows) for code, rows in fees["codes"].items()},
        fee_source=fees["source"],
        limit_sets=(limits_from_table(limits),),
        pairs={(first, second): indicator for first, second, indicator in pairs["pairs"]},
        citations=citations,
        cited_by={code: (citations[key],) for code, key in cited["exceptions"].items()}
        | {name: tuple(citations[key] for key in keys) for name, keys in cited["families"].items()},
    )


def _refuse_gaps(packs: Iterable[Pack]) -> None:
    for earlier, later in pairwise(packs):
        if earlier.last.next() != later.first:
            raise ValueError(f"rule packs {earlier.id} and {later.id} do not join")


def _fee(row: list[Any]) -> Fee:
    return Fee(date.fromisoformat(row[0]), date.fromisoformat(row[1]), row[2], row[3])


def _codes(table: Mapping[str, Any]) -> dict[str, CodeInfo]:
    found = {
        f"{number}": CodeInfo(f"{number}", row["kind"], row["name"], like=row["first"])
        for row in table["ranges"]
        for number in range(int(row["first"]), int(row["last"]) + 1)
    }
    return found | {code: _code(code, row) for code, row in table["codes"].items()}


def _code(code: str, row: Mapping[str, Any]) -> CodeInfo:
    first, last = (date.fromisoformat(row[key]) if key in row else None for key in ("from", "until"))
    return CodeInfo(code, row["kind"], row["name"], first, last, tuple(row.get("base", ())))


def _pack(row: Mapping[str, Any]) -> Pack:
    return Pack(
        id=row["id"],
        first=Month.parse(row["first"]),
        last=Month.parse(row["last"]),
        sources=tuple(row["sources"]),
        families=tuple(row["families"]),
        remote=RemoteRules(**row["remote_monitoring"]),
        rural_modes=tuple((Month.parse(step["from"]), step["mode"]) for step in row["rural_clinics"]),
        models=tuple((model["name"], Month.parse(model["from"]), model["effect"]) for model in row["models"]),
        settings=_settings(row["settings"]),
        settings_notes={name: setting["note"] for name, setting in row["settings"].items()},
    )


def _settings(row: Mapping[str, Any]) -> Settings:
    known = {one.name for one in fields(Settings)}
    values: dict[str, Any] = {}
    for name, setting in row.items():
        value, choices = setting["value"], setting["choices"]
        if name not in known or (choices is not None and value not in choices):
            raise ValueError(f"setting {name} of a rule pack is unknown or holds a value that is not among its choices")
        values[name] = tuple(cast("list[str]", value)) if isinstance(value, list) else value
    return Settings(**values)


def _ladder(row: Mapping[str, Any], limits: Mapping[str, Limit], quarter: str) -> Ladder:
    limit, source = _addon_limit(row, limits)
    base_seconds, addon_seconds = row["base_seconds"], row["addon_seconds"]
    more = ((row["addon"], units, base_seconds + units * addon_seconds) for units in range(1, limit + 1))
    return Ladder(
        id=row["id"],
        program=row["program"],
        base=row["base"],
        base_seconds=base_seconds,
        addon=row["addon"],
        addon_seconds=addon_seconds,
        personal=row["whose"] == "personal",
        limit=limit,
        limit_source=source,
        limit_assumed=source != "CPT" and not source.endswith(quarter),
        steps=((row["base"], 1, base_seconds), *more),
    )


def _addon_limit(row: Mapping[str, Any], limits: Mapping[str, Limit]) -> tuple[int, str]:
    """Return the lower of CPT's own limit and the MUE, CPT's where both agree or no MUE is known."""
    edit = limits.get(row["addon"])
    own: int | None = row["addon_limit"]
    if own is not None and (edit is None or own <= edit.units):
        return own, "CPT"
    if edit is not None:
        return edit.units, f"MUE of {edit.quarter}"
    return 0, "no limit is known"
