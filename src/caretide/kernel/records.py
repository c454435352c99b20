"""The vocabulary of what the audit records of a verb: what is done, and to which classes of data.

A class says which part of a record was seen, fine enough to answer "what of me did they look at?" (ASTM E2147, 7.1.9),
and never what stood in it. Each verb names its own classes; an event carries those of every verb that ran inside it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Act(StrEnum):
    """What a verb does with data."""

    READ = "read"
    CREATE = "create"
    CHANGE = "change"
    DECIDE = "decide"
    RECEIVE = "import"
    EXPORT = "export"
    SEND = "send"
    SIGN_IN = "sign in"
    SIGN_OUT = "sign out"


class Data(StrEnum):
    """A class of data."""

    DEMOGRAPHICS = "demographics"
    CONTACT = "contact"
    CONDITIONS = "conditions"
    MEDICATIONS = "medications"
    ALLERGIES = "allergies"
    COVERAGE = "coverage"
    ENCOUNTERS = "encounters"
    SOURCE = "source"
    CONSENT = "consent"
    ENROLLMENT = "enrollment"
    FACTS = "facts"
    ROSTER = "roster"
    TIME = "time"
    NOTES = "notes"
    ATTEMPTS = "attempts"
    MONTH = "month"
    DOCUMENT = "document"
    DISCLOSURE = "disclosure"
    STAFF = "staff"
    ACCOUNT = "account"
    SETTINGS = "settings"
    RULES = "rules"
    AUDIT = "audit"


MEANS: Final = {
    Data.DEMOGRAPHICS: "name, birth date, sex, record number, clinic",
    Data.CONTACT: "phone, address, e-mail",
    Data.CONDITIONS: "diagnoses and problems",
    Data.MEDICATIONS: "medications",
    Data.ALLERGIES: "allergies and intolerances",
    Data.COVERAGE: "insurance",
    Data.ENCOUNTERS: "visits and stays",
    Data.SOURCE: "messages as the EHR sent them",
    Data.CONSENT: "consent given and revoked",
    Data.ENROLLMENT: "programs, and the status in them",
    Data.FACTS: "care facts that a month is judged by: plan, 24/7 access, visits",
    Data.ROSTER: "who is responsible for whom",
    Data.TIME: "timers, time entries, minutes",
    Data.NOTES: "free text about a patient",
    Data.ATTEMPTS: "attempts to reach a patient, with outcomes",
    Data.MONTH: "rulings, exceptions, claim lines",
    Data.DOCUMENT: "rendered documents",
    Data.DISCLOSURE: "what was given to whom",
    Data.STAFF: "members, practitioners, invitations",
    Data.ACCOUNT: "accounts, sessions, sign-in",
    Data.SETTINGS: "tenants, clinics, settings",
    Data.RULES: "Medicare's public rules and limits",
    Data.AUDIT: "the audit trail itself",
}
"""What each class holds, for people."""

HEALTH: Final = frozenset(Data) - {Data.STAFF, Data.ACCOUNT, Data.SETTINGS, Data.RULES, Data.AUDIT}
"""The classes that say something about a patient."""

_BITS: Final = {one: 1 << place for place, one in enumerate(Data)}


@dataclass(frozen=True, slots=True)
class Records:
    """What a verb records: what it does, and the classes of data that it returns, changes or hands out, as bits."""

    act: Act
    bits: int

    @property
    def data(self) -> tuple[Data, ...]:
        """The classes."""
        return classes(self.bits)


def classes(bits: int) -> tuple[Data, ...]:
    """Return the classes that bits stand for, in the order in which they are declared."""
    return tuple(one for one, bit in _BITS.items() if bits & bit)


def _records(act: Act, data: tuple[Data, ...]) -> Records:
    if not data:
        raise ValueError("a verb names the classes of data that it deals with")
    return Records(act, sum({_BITS[one] for one in data}))


def reads(*data: Data) -> Records:
    """Declare a verb that shows data."""
    return _records(Act.READ, data)


def creates(*data: Data) -> Records:
    """Declare a verb that records something new."""
    return _records(Act.CREATE, data)


def changes(*data: Data) -> Records:
    """Declare a verb that changes, ends or supersedes what was there."""
    return _records(Act.CHANGE, data)


def decides(*data: Data) -> Records:
    """Declare a verb by which a person or the rules judge: approve, refuse, close, rule."""
    return _records(Act.DECIDE, data)


def receives(*data: Data) -> Records:
    """Declare a verb that takes data in from another system."""
    return _records(Act.RECEIVE, data)


def exports(*data: Data) -> Records:
    """Declare a verb that hands data out as a file."""
    return _records(Act.EXPORT, data)


def sends(*data: Data) -> Records:
    """Declare a verb that sends data elsewhere."""
    return _records(Act.SEND, data)


def signs_in(*data: Data) -> Records:
    """Declare a verb of signing in, or of finding out who asks."""
    return _records(Act.SIGN_IN, data)


def signs_out(*data: Data) -> Records:
    """Declare a verb that ends a session."""
    return _records(Act.SIGN_OUT, data)
