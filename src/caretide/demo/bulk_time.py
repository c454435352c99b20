"""A coordinator's recorded month, drawn from a seed: who is called when and for how long, as rows of the time log.

The working day is dealt out in equal slots, a call to each, so that nobody is in two places at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from caretide.demo.bulk_charts import Cared
from caretide.demo.bulk_practice import Coordinator, Site
from caretide.kernel.ids import new_id
from caretide.kernel.month import Month
from caretide.kernel.permissions import Role
from caretide.tenants.rules import staff_role_of
from caretide.time_log.rules import EntryFacts, row_hash

THRESHOLD: Final = {"CCM": 1200, "PCM": 1800}
"""Seconds of the first unit (99490, 99426)."""

LONGEST: Final = 620
"""Seconds of a call on average at most: more time means more calls."""

OPENS: Final = time(8)
DAY_SECONDS: Final = 9 * 3600
FRIDAY: Final = 4
ACTIVITIES: Final = {
    "patient_call": 8,
    "medication_review": 4,
    "results_review": 3,
    "care_plan": 3,
    "coordination": 3,
    "education": 2,
    "secure_message": 2,
}


@dataclass(frozen=True, slots=True)
class Call:
    """One stretch of work for a patient, in whole seconds of UTC."""

    cared: Cared
    activity: str
    start: datetime
    seconds: int


def calls(roster: Sequence[Cared], month: Month, site: Site, until: datetime, rng: Random) -> Iterator[Call]:
    """Yield the month's calls to a roster in the order of time, as far as the present."""
    wanted = [piece for cared in roster for piece in _pieces(cared, rng)]
    rng.shuffle(wanted)
    days = workdays(month)
    zone = site.clinic.zone
    # The first days get one more where it does not divide.
    shares = [len(wanted) // len(days) + (place < len(wanted) % len(days)) for place in range(len(days))]
    left = iter(wanted)
    for day, share in zip(days, shares, strict=True):
        opening = datetime.combine(day, OPENS, zone).astimezone(UTC)
        free = 0
        for place in range(share):
            cared, activity, seconds = next(left)
            slot = DAY_SECONDS * place // share
            begin = max(free, slot + rng.randrange(60))
            free = begin + seconds
            start = opening + timedelta(seconds=begin)
            if start + timedelta(seconds=seconds) > until:
                return
            yield Call(cared, activity, start, seconds)


def workdays(month: Month) -> list[date]:
    """Return a month's days from Monday to Friday."""
    days = (month.first + timedelta(days=number) for number in range(month.last.day))
    return [day for day in days if day.weekday() <= FRIDAY]


def _pieces(cared: Cared, rng: Random) -> Iterator[tuple[Cared, str, int]]:
    """Yield a patient's month: activities and seconds. The first is a call, so that somebody was reached."""
    total = _seconds(cared, rng)
    count = max(1, -(-total // LONGEST), min(total // 120, rng.randint(3, 5)))
    for place in range(count):
        seconds = total // count + (place < total % count)
        if count > 1:
            # Pairs borrow from one another: the sum stays.
            swing = total // count // 4
            seconds += 0 if place == count - 1 and count % 2 else (swing if place % 2 else -swing)
        activity = rng.choices(_KINDS, _LIKELY)[0] if place else "patient_call"
        yield cared, activity, seconds


_KINDS: Final = tuple(ACTIVITIES)
_LIKELY: Final = tuple(ACTIVITIES.values())


def _seconds(cared: Cared, rng: Random) -> int:
    """Return a month's seconds: most a little over the first unit, some two or three, one in six too few."""
    first = THRESHOLD[cared.program]
    if cared.turn == "short":
        return rng.randrange(240, first - 60)
    units = rng.choices((1, 2, 3), (72, 21, 7))[0]
    return first * units + rng.randrange(20, first - 30)


def entry_rows(site: Site, coordinator: Coordinator, tenant_id: UUID, found: Sequence[Call]) -> list[dict[str, Any]]:
    """Return rows of the time log as stopped timers leave them, each under its hash."""
    return [_entry_row(site, coordinator, tenant_id, call) for call in found]


def _entry_row(site: Site, coordinator: Coordinator, tenant_id: UUID, call: Call) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "id": new_id(),
        "tenant_id": tenant_id,
        "patient_id": call.cared.patient_id,
        "coordinator_id": coordinator.member_id,
        "account_id": coordinator.account_id,
        "enrollment_id": call.cared.enrollment_id,
        "clinic_id": site.clinic.id,
        "program": call.cared.program,
        "activity_type": call.activity,
        "start_time": call.start,
        "end_time": call.start + timedelta(seconds=call.seconds),
        "service_month": Month.of(call.start.astimezone(site.clinic.zone).date()).first,
        "staff_role": _STAFF_ROLE,
        "credential": coordinator.credential,
        "source": "timer",
    }
    return facts | {"row_hash": row_hash(EntryFacts(**facts))}


_STAFF_ROLE: Final = staff_role_of(Role.COORDINATOR)
