"""What a mapper may know beside the resource itself: the other resources, by reference."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from tidegate.resources import AnyResource, Practitioner, PractitionerRole, Reference

Key = tuple[str, str]
"""Resource type and id."""

ID: Final = re.compile(r"[A-Za-z0-9\-._]{1,64}")
NPI_SYSTEMS: Final = frozenset({"http://hl7.org/fhir/sid/us-npi", "urn:oid:2.16.840.1.113883.4.6"})

_POINTER: Final = re.compile(
    r"(?:.*/)?([A-Z][A-Za-z]{1,50})/([A-Za-z0-9\-._]{1,64})(?:/_history/[A-Za-z0-9\-._]+)?", re.DOTALL
)
_BY_NPI: Final = re.compile(r"Practitioner\?identifier=http://hl7\.org/fhir/sid/us-npi\|(\d{10})", re.ASCII)

R = TypeVar("R", bound=AnyResource)


@dataclass(frozen=True)
class Context:
    """The resources at hand, and where references of one Bundle point. Nothing is ever fetched.

    `scope` maps a Bundle's `fullUrl`s to `Type/id`; `by_npi` an NPI to a practitioner's id; `dropped` counts values
    that were left out, by what they were.
    """

    resources: Mapping[Key, AnyResource]
    by_npi: Mapping[str, str]
    dropped: Counter[str]
    scope: Mapping[str, str] = field(default_factory=dict[str, str])

    def within(self, scope: Mapping[str, str]) -> "Context":
        """Return this context with the scope of a Bundle."""
        return replace(self, scope=scope) if scope or self.scope else self

    def key(self, reference: Reference | None) -> Key | None:
        """Return what a reference points to, None when it names no resource (a display alone, contained, foreign)."""
        if reference is None or reference.reference is None:
            return None
        target = self.scope.get(reference.reference, reference.reference)
        if match := _BY_NPI.fullmatch(target):
            found = self.by_npi.get(match[1])
            return ("Practitioner", found) if found else None
        match = _POINTER.fullmatch(target)
        return (match[1], match[2]) if match else None

    def find(self, reference: Reference | None, kind: type[R]) -> R | None:
        """Return the resource that a reference points to, if it is here and of that kind."""
        key = self.key(reference)
        found = self.resources.get(key) if key else None
        return found if isinstance(found, kind) else None

    def practitioner_id(self, reference: Reference | None) -> str | None:
        """Return the id of the practitioner that is here and referred to, directly or by role."""
        role = self.find(reference, PractitionerRole)
        target = role.practitioner if role else reference
        key = self.key(target)
        return key[1] if key and self.find(target, Practitioner) else None

    def drop(self, what: str) -> None:
        """Count a value that is left out."""
        self.dropped[what] += 1
