"""What a stretch of time becomes: whole seconds, cut at the clinic's months, under a hash that anyone can recompute."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, count, pairwise
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from caretide.kernel.errors import Invalid
from caretide.kernel.month import Month


@dataclass(frozen=True, slots=True)
class ActivityType:
    """A kind of work. `counts`: its seconds can count toward a program. `is_contact`: the patient was reached by it.

    `ruling` is its name in the ruling format where the rules look at it; there it may still be judged otherwise.
    """

    code: str
    label: str
    counts: bool = True
    is_contact: bool = False
    ruling: str | None = None


ACTIVITY_TYPES: Final = {
    kind.code: kind
    for kind in (
        ActivityType("patient_call", "Call with patient or caregiver", is_contact=True),
        ActivityType("secure_message", "Secure message with patient or caregiver", is_contact=True),
        ActivityType("care_plan", "Care plan: assess, revise, share"),
        ActivityType("medication_review", "Medication review and reconciliation"),
        ActivityType("education", "Education and self-management", is_contact=True),
        ActivityType("coordination", "Coordination with other clinicians"),
        ActivityType("transition", "Transition: referral, discharge or ED follow-up"),
        ActivityType("community_services", "Community and social services"),
        ActivityType("results_review", "Chart and results review"),
        ActivityType("preventive_care", "Preventive care"),
        ActivityType("prior_authorization", "Prior authorization", counts=False, ruling="prior_authorization"),
        ActivityType("equipment", "Medical equipment", counts=False, ruling="dme_coordination"),
        ActivityType(
            "unsuccessful_outreach", "Attempt, nobody reached (never bills alone)", ruling="unsuccessful_outreach"
        ),
        ActivityType("scheduling", "Scheduling and clerical", counts=False, ruling="administrative_scheduling"),
        ActivityType("supervision", "Supervision of staff", counts=False, ruling="supervision_only"),
    )
}
"""Code -> kind of work. What counts follows the elements of care management (CMS MLN909188) for CCM and PCM alike.

Attempts count beside other service; of a month of attempts alone nothing is billed (NO_SERVICE_DELIVERED).
"""

LABEL_LENGTH: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Offering:
    """A name of a tenant's for a kind of work, at a version of it; version 0 is a standard type nobody touched.

    `standard` decides how its time counts, and nothing else does. `id` is the version's; None for version 0.
    """

    code: str
    label: str
    standard: ActivityType
    is_offered: bool = True
    version: int = 0
    id: UUID | None = None

    @property
    def is_own(self) -> bool:
        """Whether the tenant added it."""
        return self.code != self.standard.code

    @property
    def words_id(self) -> UUID | None:
        """The version that an entry points at; None where the standard type's own words say it all."""
        return self.id if self.is_own or self.label != self.standard.label else None


def offerings(versions: Iterable[Offering]) -> dict[str, Offering]:
    """Return what stands, by code: each standard type in its order, the tenant's own behind the one they stand on."""
    newest: dict[str, Offering] = {}
    for one in versions:
        if one.code not in newest or newest[one.code].version < one.version:
            newest[one.code] = one
    found: dict[str, Offering] = {}
    for code, kind in ACTIVITY_TYPES.items():
        found[code] = newest.get(code) or Offering(code=code, label=kind.label, standard=kind)
        own = [one for one in newest.values() if one.is_own and one.standard.code == code]
        found |= {one.code: one for one in sorted(own, key=lambda one: one.label.casefold())}
    return found


def check_offerings(wanted: Iterable[Offering]) -> None:
    """Refuse two names that nobody could tell apart, and to offer nothing whose time could count."""
    names: set[str] = set()
    for one in wanted:
        if one.label.casefold() in names:
            raise Invalid("There is an activity of this name already", field="label")
        names.add(one.label.casefold())
    if not any(one.is_offered and one.standard.counts for one in wanted):
        raise Invalid("Offer at least one activity whose time counts", field="is_offered")


def own_code(label: str, taken: Container[str]) -> str:
    """Return the code of a new activity, made from its name; a number is added where it is taken."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:50]
    stem = stem if stem[:1].isalpha() else f"own_{stem}".rstrip("_")
    return next(code for code in chain([stem], (f"{stem}_{number}" for number in count(2))) if code not in taken)


AWAITING: Final = ("manual", "correction_adding")
"""Sources of time that was told rather than taken: it counts once a second person approved it."""


def whole_seconds(started_at: datetime, stopped_at: datetime) -> tuple[datetime, datetime] | None:
    """Return the interval in whole seconds of UTC, or None where less than one is left.

    The start is rounded up and the stop down: no second is invented.
    """
    start, stop = started_at.astimezone(UTC), stopped_at.astimezone(UTC)
    first = start.replace(microsecond=0) + timedelta(seconds=1 if start.microsecond else 0)
    last = stop.replace(microsecond=0)
    return (first, last) if first < last else None


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an interval that lies in one service month."""

    start: datetime
    end: datetime
    month: Month


def split_by_month(start: datetime, end: datetime, zone: ZoneInfo) -> list[Piece]:
    """Cut an interval at midnight of each month's first day in the clinic's zone; the parts add up to the whole."""
    pieces: list[Piece] = []
    while start < end:
        month = Month.of(start.astimezone(zone).date())
        cut = min(end, month.bounds(zone)[1].astimezone(UTC))
        pieces.append(Piece(start, cut, month))
        start = cut
    return pieces


LONGEST_TAKEN: Final = timedelta(hours=4)
"""The longest stretch that a timer's word is taken for: one that ran longer was forgotten, and its end must be told."""
LONGEST_TOLD: Final = timedelta(hours=24)
"""The longest stretch of time that is told at once: more is a day or a year mistyped."""


ANSWER: Final = timedelta(minutes=10)
"""How long a timer's question waits for an answer; then it is stopped at the last sign of life."""
CALL: Final = timedelta(hours=1)
"""How long a call is a sign of life by itself: contact that is timed, or a call that somebody told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What is known of whoever a timer runs for. `away` is a stretch without a sign that nobody accounted for yet.

    `alive_at` is None where no page has shown the timer yet.
    """

    started_at: datetime
    activity_type: str
    alive_at: datetime | None = None
    call_until: datetime | None = None
    away: tuple[datetime, datetime] | None = None

    @property
    def last(self) -> datetime:
        """The last sign of life; the end of a call that was told of, which may lie ahead."""
        return max(one for one in (self.started_at, self.alive_at, self.call_until) if one is not None)

    def patience(self, ask: timedelta) -> timedelta:
        """How long the timer waits before it asks: a call's length where contact is timed."""
        kind = ACTIVITY_TYPES.get(self.activity_type)
        return CALL if kind is not None and kind.is_contact else ask

    def asks_at(self, ask: timedelta) -> datetime:
        """When the timer asks: so long after the last sign of life."""
        return self.last + self.patience(ask)

    def stops_at(self, ask: timedelta) -> datetime | None:
        """When a question that nobody answers stops the timer.

        None where there is no sign to stop it at, and for one that was forgotten before: its person tells the end.
        """
        if self.alive_at is None or self.last - self.started_at > LONGEST_TAKEN:
            return None
        return self.asks_at(ask) + ANSWER


def worked(start: datetime, end: datetime, away: tuple[datetime, datetime] | None) -> list[tuple[datetime, datetime]]:
    """Return what lies before and behind a stretch away, in whole seconds of UTC; all of it where there is none."""
    cuts = [(start, end)] if away is None else [(start, min(away[0], end)), (min(away[1], end), end)]
    return [whole for one, two in cuts if (whole := whole_seconds(one, two)) is not None]


def told_interval(start: datetime, end: datetime, now: datetime) -> tuple[datetime, datetime]:
    """Return a told interval in whole seconds of UTC; raise Invalid, by field, for one that cannot have been worked."""
    if start.tzinfo is None or end.tzinfo is None:
        raise Invalid("Give the time with its time zone", field="start" if start.tzinfo is None else "end")
    if end > now:
        raise Invalid("This time has not come yet", field="end")
    whole = whole_seconds(start, end)
    if whole is None:
        raise Invalid("The end comes after the start", field="end")
    if end - start > LONGEST_TOLD:
        raise Invalid("This is more than 24 hours; check the days", field="end")
    return whole


def told_end(day: str, end: str, zone: ZoneInfo) -> datetime:
    """Return the moment that a day (YYYY-MM-DD) and a time (HH:MM) name in a zone; raise Invalid by field."""
    try:
        on = date.fromisoformat(day.strip())
    except ValueError:
        raise Invalid("Write the day as YYYY-MM-DD", field="day") from None
    try:
        at = time.fromisoformat(end.strip())
    except ValueError:
        raise Invalid("Write the time as HH:MM", field="end") from None
    found = datetime.combine(on, at.replace(tzinfo=None), zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) != datetime.combine(on, at.replace(tzinfo=None)):
        raise Invalid("The clocks skipped this hour on that day", field="end")
    return found


@dataclass(frozen=True, slots=True)
class Corrected:
    """A part of a corrected interval; `adds` where it lies outside the old one, or counts where the old did not."""

    start: datetime
    end: datetime
    adds: bool


def corrected(old: tuple[datetime, datetime], new: tuple[datetime, datetime], *, keeps: bool) -> list[Corrected]:
    """Cut a corrected interval where the old one begins and ends, in the order of time.

    What lies inside the old one counts as it did, so that nobody loses counted time by telling of more; `keeps` is
    False where even that would count anew, as when the old entry did not.
    """
    start, end = new
    if not keeps:
        return [Corrected(start, end, adds=True)]
    cuts = sorted({start, end, *(cut for cut in old if start < cut < end)})
    return [Corrected(one, two, adds=one < old[0] or two > old[1]) for one, two in pairwise(cuts)]


def counts_as(activity_type: str, staff_role: str) -> str:
    """Return what an entry's seconds count as: `staff`, `practitioner` or `uncounted`. As `ctx.counts_as` in SQL."""
    kind = ACTIVITY_TYPES.get(activity_type)
    if kind is None or not kind.counts or staff_role == "non_clinical":
        return "uncounted"
    return "practitioner" if staff_role == "billing_practitioner" else "staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFacts:
    """Everything about an entry that is fixed when it is inserted. `note` and `entry_reason` are as stored: sealed.

    `source` says how it came about: `timer`, `timer_stopped_by_another` (in old rows: who stops somebody else's
    timer tells its end); `manual`, told after the fact, wholly or as the end of a forgotten timer; `correction`, which
    takes nothing beyond the entry it supersedes; `correction_adding`, which does.
    """

    id: UUID
    tenant_id: UUID
    patient_id: UUID
    coordinator_id: UUID
    account_id: UUID | None
    enrollment_id: UUID
    clinic_id: UUID
    program: str
    activity_type: str
    start_time: datetime
    end_time: datetime
    service_month: date
    staff_role: str
    credential: str
    source: str
    note: bytes | None = None
    supersedes_id: UUID | None = None
    entry_reason: bytes | None = None
    activity_id: UUID | None = None


def canonical(entry: EntryFacts) -> bytes:
    """Return the bytes that an entry's hash covers.

    The line `caretide time entry 1`, a line feed, then one JSON object in ASCII with its keys sorted and no white
    space: every field of `EntryFacts` by name; ids as lower-case text with dashes, times as `2026-10-05T15:00:00Z`, the
    month as its first day, `note` as the lower-case SHA-256 of its sealed bytes, what is empty as null. An entry with
    an `entry_reason` has the line `caretide time entry 2` and that field, as the note. An entry with an `activity_id`,
    under a name of the tenant's own, has the line `caretide time entry 3`, that field and `entry_reason`, which may be
    null. Others have none of these. What the database adds (when and by whom it was inserted, whether it was voided or
    approved) is not covered here but by the seal.
    """
    values: dict[str, str | None] = {
        "account_id": _text(entry.account_id),
        "activity_type": entry.activity_type,
        "clinic_id": _text(entry.clinic_id),
        "coordinator_id": _text(entry.coordinator_id),
        "credential": entry.credential,
        "end_time": _instant(entry.end_time),
        "enrollment_id": _text(entry.enrollment_id),
        "id": _text(entry.id),
        "note": None if entry.note is None else hashlib.sha256(entry.note).hexdigest(),
        "patient_id": _text(entry.patient_id),
        "program": entry.program,
        "service_month": entry.service_month.isoformat(),
        "source": entry.source,
        "staff_role": entry.staff_role,
        "start_time": _instant(entry.start_time),
        "supersedes_id": _text(entry.supersedes_id),
        "tenant_id": _text(entry.tenant_id),
    }
    version = 1
    if entry.entry_reason is not None:
        version = 2
        values["entry_reason"] = hashlib.sha256(entry.entry_reason).hexdigest()
    if entry.activity_id is not None:
        version = 3
        values.setdefault("entry_reason", None)
        values["activity_id"] = _text(entry.activity_id)
    return f"caretide time entry {version}\n".encode() + json.dumps(
        values, sort_keys=True, separators=(",", ":")
    ).encode("ascii")


def row_hash(entry: EntryFacts) -> bytes:
    """Return the SHA-256 of an entry's canonical bytes."""
    return hashlib.sha256(canonical(entry)).digest()


def verify(entry: EntryFacts, stored: bytes) -> bool:
    """Tell whether an entry is still what was inserted."""
    return row_hash(entry) == bytes(stored)


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
