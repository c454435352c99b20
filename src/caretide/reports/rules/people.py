"""How people are listed: words, filters, orders."""

from collections.abc import Callable
from typing import Any, Final, Literal

from caretide.tenants.rules import LANGUAGES

Tone = Literal["good", "warn", "bad", "info", "neutral"]

STAFF_ROLES: Final = {
    "clinical_staff": "Clinical staff",
    "clinical_staff_contracted": "Clinical staff of a contractor",
    "clinical_staff_outside_us": "Staff outside the United States (not billable)",
    "clinical_staff_excluded": "Excluded from Medicare (not billable)",
    "billing_practitioner": "Billing practitioner",
    "qhp_incident_to": "Other practitioner, incident to",
    "non_clinical": "Nobody's: not clinical (not billable)",
}
"""As whose minutes time counts -> how it reads."""

STATUSES: Final[dict[str, tuple[str, Tone]]] = {
    "active": ("Active", "good"),
    "invited": ("Invited", "info"),
    "suspended": ("Access ended", "neutral"),
}


def spoken(tags: tuple[str, ...]) -> str:
    """Return languages in words; a tag without a name is shown as it is."""
    return ", ".join(LANGUAGES.get(tag, tag) for tag in tags)


def sort_key(asked: str) -> Callable[[Any], tuple[Any, ...]]:
    """Return the order of people's lines for a column; what is unknown comes last when rising. Names break ties."""
    order = _ORDERS.get(asked.removeprefix("-"))
    return lambda line: (*(order(line) if order else ()), line.name.casefold(), str(line.member_id))


_ORDERS: Final[dict[str, Callable[[Any], tuple[Any, ...]]]] = {
    "role": lambda line: (line.role,),
    "hours": lambda line: (line.hours is None, line.hours or 0.0),
    "status": lambda line: (line.status,),
    "seen": lambda line: (line.seen_at is not None, line.seen_at.timestamp() if line.seen_at else 0.0),
}
