"""Which diagnoses are chronic conditions, by ICD-10-CM code.

CMS has no closed list for care management. Here are the 27 conditions of its Chronic Conditions Warehouse, and a list
of our own for what that leaves out. They propose; whether a condition qualifies is the practitioner's to say.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources


@dataclass(frozen=True, slots=True)
class ChronicConditions:
    """Categories by code. Codes are kept without the dot, as X12 writes them; both spellings are understood.

    Immutable in what it says; `_known` only remembers what was looked up before: a practice has few different codes.
    """

    names: Mapping[str, str]
    by_code: Mapping[str, frozenset[str]]
    by_prefix: Mapping[str, str]
    _known: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]], compare=False, repr=False)

    def warehouse_categories(self, icd10_codes: Iterable[str]) -> set[str]:
        """Return the categories of CMS's Chronic Conditions Warehouse that the codes fall into, such as `CHF`."""
        return {name for code in icd10_codes for name in self._warehouse(_bare(code))}

    def chronic_categories(self, icd10_codes: Iterable[str]) -> set[str]:
        """Return all chronic categories that the codes fall into, CMS's and our own."""
        found: set[str] = set()
        for code in icd10_codes:
            found |= self.categories_of(code)
        return found

    def categories_of(self, icd10_code: str) -> frozenset[str]:
        """Return the chronic categories that one code falls into."""
        known = self._known.get(icd10_code)
        if known is None:
            bare = _bare(icd10_code)
            known = self._warehouse(bare) or self._further(bare)
            if known:
                # What is none of theirs is not remembered: anything may be asked for.
                self._known[icd10_code] = known
        return known

    def is_chronic(self, icd10_code: str) -> bool:
        """Whether a diagnosis is a chronic condition by either list."""
        return bool(self.chronic_categories([icd10_code]))

    def _warehouse(self, bare: str) -> frozenset[str]:
        # The list is of 2022; a code that was divided since then is found under the code it came from.
        for length in range(len(bare), 2, -1):
            if found := self.by_code.get(bare[:length]):
                return found
        return frozenset()

    def _further(self, bare: str) -> frozenset[str]:
        lengths = range(len(bare), 2, -1)
        return frozenset(self.by_prefix[bare[:length]] for length in lengths if bare[:length] in self.by_prefix)


def load_conditions() -> ChronicConditions:
    """Read both lists from the package data."""
    folder = resources.files("caretide.programs") / "data"
    listed, further = (
        json.loads((folder / name).read_text("utf-8"))["categories"]
        for name in ("chronic_conditions.json", "further_conditions.json")
    )
    by_code: dict[str, set[str]] = {}
    for name, row in listed.items():
        for code in row["codes"]:
            by_code.setdefault(_bare(code), set()).add(name)
    return ChronicConditions(
        names={name: row["name"] for name, row in (listed | further).items()},
        by_code={code: frozenset(names) for code, names in by_code.items()},
        by_prefix={_bare(prefix): name for name, row in further.items() for prefix in row["prefixes"]},
    )


def _bare(code: str) -> str:
    return code.strip().upper().replace(".", "")
