"""Which seconds count: entries cut to the month, dropped for a reason, and merged where they ran at the same time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import get_args

from caretide.kernel.month import Month
from caretide.programs.claims import is_visit, live_claims, same_practice
from caretide.programs.month_facts import PatientMonth, Role, TimeEntry
from caretide.programs.overlaps import Measured, Span, measure
from caretide.programs.packs import GENERAL_CODE, MonthRules
from caretide.programs.ruling import (
    CUT_TO_MINUTES,
    OTHER_FAMILY,
    OTHER_PROGRAM,
    OUTSIDE_MONTH,
    EntryVerdict,
    ExceptionCode,
)

# Who never counts. A reason that lies in the person or the place is told before any other.
FIRST_BY_ROLE = {
    "clinical_staff_excluded": ExceptionCode.EXCLUDED_INDIVIDUAL,
    "clinical_staff_outside_us": ExceptionCode.OFFSHORE_STAFF,
    "non_clinical": ExceptionCode.NONCLINICAL_TIME,
}
# They work for other services; where an entry says for which, that is the better reason.
THEN_BY_ROLE = {
    "behavioral_care_manager": ExceptionCode.NOT_CLINICAL_STAFF,
    "auxiliary_certified_chw": ExceptionCode.NOT_CLINICAL_STAFF,
    "automation": ExceptionCode.NOT_CLINICAL_STAFF,
}
PRACTITIONER_ROLES = frozenset({"billing_practitioner", "qhp_incident_to", "other_practitioner_same_group"})
PLAIN_ROLES = frozenset(get_args(Role)) - FIRST_BY_ROLE.keys() - THEN_BY_ROLE.keys()
BY_ACTIVITY = {
    "supervision_only": ExceptionCode.SUPERVISION_TIME,
    "administrative_scheduling": ExceptionCode.NONCLINICAL_TIME,
}
# A day is 23 hours long when clocks go forward: what ends an hour before midnight crosses none.
_SURELY_SAME_DAY = 23 * 3600
PART_A_STAYS = frozenset({"inpatient_hospital", "SNF_part_A"})


@dataclass(frozen=True, slots=True)
class Window:
    """When time can count: from the consent on, up to death, outside Part A stays, apart from visits.

    Time of unknown day counts only where every day of the month would.
    """

    first: date
    last: date
    consent_day: date | None
    consent_second: int | None
    death: date | None
    stays: tuple[tuple[date, date], ...]
    visit_days: frozenset[date]
    visit_somewhere: bool
    open: bool
    """No day of the month is shut and no visit is known: time counts unless the entry itself speaks against it."""

    def before_consent(self, span: Span) -> bool:
        """Whether a span lies, or may lie, before the consent."""
        if self.consent_day is None:
            return False
        if self.consent_second is not None and span.begin is not None and not span.timeline:
            return span.begin < self.consent_second
        return (span.day or self.first) < self.consent_day

    def after_death(self, span: Span) -> bool:
        """Whether a span lies, or may lie, after death."""
        return self.death is not None and (span.day or self.last) > self.death

    def in_stay(self, span: Span) -> bool:
        """Whether a span lies, or may lie, on a day of a Part A stay."""
        if span.day is None:
            return bool(self.stays)
        return any(first <= span.day <= last for first, last in self.stays)

    def in_visit(self, span: Span) -> bool:
        """Whether work face to face was, or may have been, part of a billed visit."""
        if span.day is None:
            return self.visit_somewhere or bool(self.visit_days)
        return self.visit_somewhere or span.day in self.visit_days


@dataclass(slots=True)
class Removed:
    """Seconds that one reason took away, and the known days on which they lie."""

    seconds: int = 0
    days: set[date] = field(default_factory=set[date])

    def add(self, span: Span) -> None:
        """Count a span in."""
        self.seconds += span.seconds
        if span.day is not None:
            self.days.add(span.day)


@dataclass(frozen=True, slots=True)
class Tally:
    """The month's time for one program. `pooled` merges staff and practitioner; `others` is what staff brought."""

    spans: tuple[Span, ...]
    pooled: Measured
    personal_spans: tuple[Span, ...]
    personal: Measured
    staff: int
    removed: dict[ExceptionCode, Removed]
    also: dict[ExceptionCode, Removed]
    outside: dict[int, str]
    reasons: dict[int, ExceptionCode]
    visit_day_seconds: int

    def resting_on(self, *, personal: bool) -> tuple[tuple[Span, ...], Measured]:
        """Return the spans that a family rests on, and what they come to."""
        return (self.personal_spans, self.personal) if personal else (self.spans, self.pooled)

    @property
    def attempts_only(self) -> bool:
        """Whether all that would count is attempts to reach the patient."""
        return bool(self.spans) and all(span.entry.activity == "unsuccessful_outreach" for span in self.spans)


def tally(facts: PatientMonth, rules: MonthRules, program: str) -> Tally:
    """Return what counts for one program, and what does not with its reason."""
    window = _window(facts, rules)
    own_codes = {code for ladder in rules.by_program.get(program, ()) for code in (ladder.base, ladder.addon)}
    own_codes.add(GENERAL_CODE)
    spans: list[Span] = []
    removed: dict[ExceptionCode, Removed] = {}
    also: dict[ExceptionCode, Removed] = {}
    outside: dict[int, str] = {}
    reasons: dict[int, ExceptionCode] = {}
    visit_day_seconds = 0
    for span in _spans(facts, rules, window, program, outside):
        why = _reasons(span, window, rules, own_codes)
        if not why:
            spans.append(span)
            if window.visit_days and span.day in window.visit_days:
                visit_day_seconds += span.seconds
            continue
        removed.setdefault(why[0], Removed()).add(span)
        reasons[span.place] = why[0]
        for further in why[1:]:
            also.setdefault(further, Removed()).add(span)
    personal = tuple(span for span in spans if span.entry.role == "billing_practitioner")
    pooled = measure(spans)
    staff = pooled.total
    if personal:
        staff = measure([span for span in spans if span.entry.role != "billing_practitioner"]).total
    return Tally(
        spans=tuple(spans),
        pooled=pooled,
        personal_spans=personal,
        personal=measure(personal),
        staff=staff,
        removed=removed,
        also=also,
        outside=outside,
        reasons=reasons,
        visit_day_seconds=visit_day_seconds,
    )


def verdicts(facts: PatientMonth, found: Tally, *, personal: bool) -> tuple[EntryVerdict, ...]:
    """Return, in the order of the entries, the seconds that a family rests on and why the rest does not count."""
    spans, measured = found.resting_on(personal=personal)
    counted: dict[int, int] = {}
    for span, share in zip(spans, measured.shares, strict=True):
        counted[span.place] = counted.get(span.place, 0) + share
    return tuple(
        EntryVerdict(entry.id, entry.seconds, counted.get(place, 0), _reason(found, place, entry, counted.get(place)))
        for place, entry in enumerate(facts.entries)
    )


def _reason(found: Tally, place: int, entry: TimeEntry, counted: int | None) -> str | None:
    if counted == entry.seconds:
        return None
    reason: str | None = found.reasons.get(place) or found.outside.get(place)
    if reason is None:
        return OTHER_FAMILY if counted is None else ExceptionCode.OVERLAPPING_TIME
    return reason


def _window(facts: PatientMonth, rules: MonthRules) -> Window:
    patient, consent = facts.patient, facts.consent
    obtained = None if consent is None or consent.before_month else consent.obtained_on
    limits_time = obtained is not None and obtained >= rules.first
    at = consent.obtained_at if consent is not None and limits_time else None
    stays = tuple(
        (stay.first, stay.last or rules.last)
        for stay in patient.facility_stays or ()
        if stay.kind in PART_A_STAYS and stay.first <= rules.last and (stay.last or rules.last) >= rules.first
    )
    visits = [
        claim for claim in live_claims(facts, rules) if is_visit(claim.code, rules) and same_practice(claim, facts)
    ]
    death = patient.deceased_on
    return Window(
        first=rules.first,
        last=rules.last,
        consent_day=obtained if limits_time else None,
        consent_second=int(at.timestamp()) if at is not None else None,
        death=death,
        stays=stays,
        visit_days=frozenset(claim.dos for claim in visits if claim.dos is not None),
        visit_somewhere=any(claim.dos is None for claim in visits),
        open=not (limits_time or death or stays or visits),
    )


def _spans(
    facts: PatientMonth, rules: MonthRules, window: Window, program: str, outside: dict[int, str]
) -> Iterator[Span]:
    """Yield the pieces of every entry of the program that lie in the month; note the entries that have other pieces."""
    floor = rules.settings.floor_entries
    anchors = _anchors(facts)
    for place, entry in enumerate(facts.entries):
        if entry.program is not None and entry.program != program:
            outside[place] = OTHER_PROGRAM
            continue
        seconds = entry.seconds
        if floor and seconds % 60:
            seconds -= seconds % 60
            outside[place] = CUT_TO_MINUTES
        for span in _pieces(place, entry, seconds, window, anchors):
            if span.day is None or rules.first <= span.day <= rules.last:
                yield span
            else:
                outside[place] = OUTSIDE_MONTH


def _pieces(place: int, entry: TimeEntry, seconds: int, window: Window, anchors: dict[str, datetime]) -> Iterator[Span]:
    """Cut an entry at local midnights and at the moment of consent."""
    start = entry.start
    if start is None and entry.clock is not None and entry.overlaps is not None:
        if entry.overlaps not in anchors:
            yield Span(place, entry, seconds, None, entry.clock[0], entry.overlaps)
            return
        start = anchors[entry.overlaps] + timedelta(seconds=entry.clock[0])
    if start is None:
        yield Span(place, entry, seconds, entry.day)
        return
    begin, day = int(start.timestamp()), start.date()
    of_day = start.hour * 3600 + start.minute * 60 + start.second
    if of_day + seconds <= _SURELY_SAME_DAY and window.consent_second is None:
        yield Span(place, entry, seconds, day, begin)
        return
    end = begin + seconds
    while begin < end:
        following = day + timedelta(days=1)
        cut = min(end, int(datetime.combine(following, time(), start.tzinfo).timestamp()))
        if window.consent_second is not None and begin < window.consent_second < cut:
            yield Span(place, entry, window.consent_second - begin, day, begin)
            begin = window.consent_second
        yield Span(place, entry, cut - begin, day, begin)
        begin, day = cut, following


def _anchors(facts: PatientMonth) -> dict[str, datetime]:
    """Return, per label, the midnight of the day of the month on which a dated entry of that label lies."""
    found: dict[str, datetime] = {}
    for entry in facts.entries:
        if entry.overlaps is None or entry.start is None or Month.of(entry.start.date()) != facts.month:
            continue
        midnight = datetime.combine(entry.start.date(), time(), entry.start.tzinfo)
        found[entry.overlaps] = min(midnight, found.get(entry.overlaps, midnight))
    return found


def _reasons(span: Span, window: Window, rules: MonthRules, own_codes: set[str]) -> list[ExceptionCode]:
    """Return why a span does not count, the most telling reason first; empty where it counts."""
    entry = span.entry
    plain = entry.used_for is None and entry.activity is None and entry.approved
    if window.open and plain and entry.kind == "non_face_to_face" and entry.role in PLAIN_ROLES:
        return []
    why = list(_of_entry(entry, rules, own_codes))
    if _part_of_visit(span, window, rules) and ExceptionCode.EM_TIME_EXCLUDED not in why:
        why.append(ExceptionCode.EM_TIME_EXCLUDED)
    if window.after_death(span):
        why.append(ExceptionCode.POST_DEATH_TIME)
    if window.in_stay(span):
        why.append(ExceptionCode.PART_A_FACILITY)
    if window.before_consent(span):
        why.append(ExceptionCode.PRE_CONSENT_TIME)
    if not entry.approved:
        why.append(ExceptionCode.UNAPPROVED_TIME)
    return why


def _of_entry(entry: TimeEntry, rules: MonthRules, own_codes: set[str]) -> Iterator[ExceptionCode]:
    """Yield the reasons that lie in the entry itself: person, other code, task."""
    if entry.role in FIRST_BY_ROLE:
        yield FIRST_BY_ROLE[entry.role]
    if entry.used_for is not None and entry.used_for not in own_codes:
        visit = is_visit(entry.used_for, rules)
        yield ExceptionCode.EM_TIME_EXCLUDED if visit else ExceptionCode.DOUBLE_COUNTED_TIME
    if entry.role in THEN_BY_ROLE:
        yield THEN_BY_ROLE[entry.role]
    if entry.activity in BY_ACTIVITY:
        yield BY_ACTIVITY[entry.activity]
    elif entry.activity in rules.settings.questionable_activities:
        yield ExceptionCode.QUESTIONABLE_ACTIVITY


def _part_of_visit(span: Span, window: Window, rules: MonthRules) -> bool:
    if span.entry.kind == "face_to_face":
        # In person, staff may do what is usually done by phone; a practitioner who sees the patient holds a visit.
        return span.entry.role in PRACTITIONER_ROLES or window.in_visit(span)
    return rules.settings.em_day_staff_time == "exclude" and span.day in window.visit_days
