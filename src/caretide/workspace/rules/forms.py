"""The forms of the patient page, translated into what is recorded: text in, values out.

Every fault is an Invalid that names the form's own field, so that the page can show it beside the input.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from caretide.enrollment.rules import DISCLOSURES, PROGRAMS
from caretide.kernel.errors import Invalid, NotFound
from caretide.kernel.month import Month

Sent = Mapping[str, str | tuple[str, ...]]
"""A form as it was sent: a name that was sent more than once has all its values."""

MONTHS_EXPECTED: Final = {"CCM": 12, "PCM": 3}
"""Months for which the practitioner attests that the conditions will last (CMS MLN909188; CY2020 PFS final rule)."""

_CODE: Final = re.compile(r"[0-9A-Z]{5}")
_REASON_LENGTH: Final = 500


class Reader:
    """The inputs of one form; an empty one counts as not sent."""

    def __init__(self, sent: Sent) -> None:
        self._sent = sent

    def text(self, name: str) -> str:
        """Return what was typed, without the spaces around it."""
        found = self._sent.get(name, "")
        return (found if isinstance(found, str) else found[0]).strip()

    def needed(self, name: str) -> str:
        """Return what was typed; raise Invalid where that is nothing."""
        found = self.text(name)
        if not found:
            raise Invalid("Fill this in", field=name)
        return found

    def many(self, name: str) -> tuple[str, ...]:
        """Return every value that was sent under a name."""
        found = self._sent.get(name, ())
        return ((found,) if found else ()) if isinstance(found, str) else found

    def choice(self, name: str, choices: Collection[str]) -> str:
        """Return one of the choices."""
        found = self.text(name)
        if found not in choices:
            raise Invalid("Choose one of these", field=name)
        return found

    def yes(self, name: str) -> bool:
        """Return the answer to a question that must be answered."""
        return self.choice(name, ("yes", "no")) == "yes"

    def day(self, name: str) -> date:
        """Return a day that must be given."""
        try:
            return date.fromisoformat(self.needed(name))
        except ValueError:
            raise Invalid("Write the day as YYYY-MM-DD", field=name) from None

    def day_if_any(self, name: str) -> date | None:
        """Return a day that may be left out."""
        return self.day(name) if self.text(name) else None

    def clock(self, name: str) -> time:
        """Return a time of day that must be given, to the second."""
        try:
            found = time.fromisoformat(self.needed(name))
        except ValueError:
            raise Invalid("Write the time as HH:MM", field=name) from None
        if found.tzinfo is not None or found.microsecond:
            raise Invalid("Write the time as HH:MM", field=name)
        return found

    def page(self, name: str) -> int:
        """Return the number of a page, 1 for anything else."""
        found = self.text(name)
        return int(found) if found.isascii() and found.isdigit() and len(found) < 7 else 1

    def uuid(self, name: str) -> UUID:
        """Return a thing that was chosen from a list."""
        try:
            return UUID(self.needed(name))
        except ValueError:
            raise Invalid("Choose one of these", field=name) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFact:
    """A fact to record: `value` has the shape of `enrollment.schemas.FACTS[kind]`.

    `places` maps a field of the record to the form's own, where their names differ.
    """

    kind: str
    value: dict[str, Any]
    checked_on: date
    effective_on: date | None = None
    places: Mapping[str, str] = field(default_factory=dict[str, str])


def facts_of(kind: str, sent: Sent, month: Month) -> list[NewFact]:
    """Return the facts that a form records; `month` is the one that the page shows.

    The fields are those of `workspace.schemas.facts.fact_fields`. The form of a plan records its copy as well.
    """
    translate = _FORMS.get(kind)
    if translate is None:
        raise NotFound("There is no such form")
    form = Reader(sent)
    return translate(form, month, form.day("checked_on"))


def _initiating_visit(form: Reader, month: Month, checked_on: date) -> list[NewFact]:
    del month
    visits = ("not_required", "annual_wellness", "welcome_to_medicare", "office_visit", "transition")
    value = {"visit": form.choice("visit", visits)}
    day = form.day("effective_on")
    return [NewFact(kind="initiating-visit", value=value, effective_on=day, checked_on=checked_on)]


def _care_plan(form: Reader, month: Month, checked_on: date) -> list[NewFact]:
    del month
    value = {"plan": form.choice("plan", ("comprehensive", "disease_specific"))}
    plan = NewFact(kind="care-plan", value=value, effective_on=form.day("effective_on"), checked_on=checked_on)
    if not form.text("copy_how") and not form.text("copy_on"):
        return [plan]
    copy = {
        "how": form.choice("copy_how", ("in_person", "mail", "portal", "email")),
        "to": form.choice("copy_to", ("patient", "caregiver")) if form.text("copy_to") else "patient",
    }
    given_on = form.day("copy_on")
    places = {"effective_on": "copy_on"}
    return [
        plan,
        NewFact(kind="care-plan-copy", value=copy, effective_on=given_on, checked_on=checked_on, places=places),
    ]


def _decision_making(form: Reader, month: Month, checked_on: date) -> list[NewFact]:
    value = {
        "month": form.text("month") or str(month),
        "level": form.choice("level", ("low", "moderate", "high")),
        "practitioner_id": str(form.uuid("practitioner_id")),
    }
    day = form.day("effective_on")
    return [NewFact(kind="decision-making", value=value, effective_on=day, checked_on=checked_on)]


def _election(form: Reader, month: Month, checked_on: date) -> list[NewFact]:
    value = {
        "month": form.text("month") or str(month),
        "family": form.choice("family", ("auto", "staff", "practitioner", "complex", "CCM", "PCM")),
        "practitioner_id": str(form.uuid("practitioner_id")),
    }
    return [_of_month("election", value, checked_on)]


def _facility_stays(form: Reader, month: Month, checked_on: date) -> list[NewFact]:
    kinds = ("none", "inpatient_hospital", "SNF_part_A", "NF_non_part_A")
    stays: list[dict[str, Any]] = []
    for more in ("", "_2"):
        kind = form.choice(f"stay{more}", kinds) if not more or form.text(f"stay{more}") else "none"
        if kind != "none":
            stays.append({"type": kind, **_span(form, f"from{more}", f"to{more}")})
        elif form.text(f"from{more}") or form.text(f"to{more}"):
            raise Invalid("Choose what kind of stay this was, or clear its days", field=f"stay{more}")
    return [_of_month("facility-stays", {"month": str(month), "stays": stays}, checked_on)]


def _span(form: Reader, first: str, last: str) -> dict[str, str]:
    since, until = form.day(first), form.day_if_any(last)
    if until is not None and until < since:
        raise Invalid("A stay ends on or after the day it begins", field=last)
    return {"from": since.isoformat()} | ({"to": until.isoformat()} if until else {})


def _other_claims(form: Reader, month: Month, checked_on: date) -> list[NewFact]:
    claims: list[dict[str, Any]] = []
    if form.yes("found"):
        claims = [_claim(form, more) for more in ("", "_2") if not more or form.text(f"code{more}")]
    elif form.text("code") or form.text("code_2"):
        raise Invalid("A code is given: answer yes, or clear it", field="found")
    value = {"month": form.text("month") or str(month), "claims": claims}
    return [_of_month("other-claims", value, checked_on)]


def _claim(form: Reader, more: str) -> dict[str, Any]:
    code = form.needed(f"code{more}").upper()
    if _CODE.fullmatch(code) is None:
        raise Invalid("A code has five characters, for example 99490", field=f"code{more}")
    biller = form.choice(f"biller{more}", ("ours", "same_group", "elsewhere"))
    served_on = form.day_if_any(f"dos{more}")
    return {
        "code": code,
        "practitioner": "ours" if biller == "ours" else "",
        "same_group": biller != "elsewhere",
        **({"dos": served_on.isoformat()} if served_on else {}),
    }


def _hospice_home_health(form: Reader, month: Month, checked_on: date) -> list[NewFact]:
    value = {
        "month": form.text("month") or str(month),
        "hospice_elected": form.yes("hospice"),
        "home_health_episode": form.yes("home_health"),
    }
    return [_of_month("hospice-home-health", value, checked_on)]


def _risk(form: Reader, month: Month, checked_on: date) -> list[NewFact]:
    del month
    text = form.needed("expected_months")
    if not text.isascii() or not text.isdigit() or len(text) > 3 or not 1 <= int(text) <= 600:
        raise Invalid("Give whole months, 1 to 600", field="expected_months")
    value = {"is_high_risk": form.yes("is_high_risk"), "expected_months": int(text)}
    return [NewFact(kind="risk", value=value, effective_on=form.day("effective_on"), checked_on=checked_on)]


def _of_month(kind: str, value: dict[str, Any], checked_on: date) -> NewFact:
    # A fact of a month takes the month's first day: what is wrong with that day is wrong with the month.
    return NewFact(kind=kind, value=value, checked_on=checked_on, places={"effective_on": "month"})


_FORMS: Final[dict[str, Callable[[Reader, Month, date], list[NewFact]]]] = {
    "initiating-visit": _initiating_visit,
    "care-plan": _care_plan,
    "decision-making": _decision_making,
    "election": _election,
    "facility-stays": _facility_stays,
    "other-claims": _other_claims,
    "hospice-home-health": _hospice_home_health,
    "risk": _risk,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolling:
    """An enrollment to open. The last two are None where the practitioner attested nothing."""

    program: str
    practitioner_id: UUID
    started_on: date
    is_high_risk: bool | None
    expected_months: int | None


def enrolling_of(sent: Sent) -> Enrolling:
    """Return the enrollment that a form asks for. A box that is not ticked means that nobody attested, not that no."""
    form = Reader(sent)
    program = form.choice("program", PROGRAMS)
    return Enrolling(
        program=program,
        practitioner_id=form.uuid("practitioner_id"),
        started_on=form.day("effective_on"),
        is_high_risk=True if form.text("attests_risk") else None,
        expected_months=MONTHS_EXPECTED[program] if form.text("attests_duration") else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """What a patient decided about an enrollment, at an instant."""

    enrollment_id: UUID
    decision: str
    mode: str
    decided_at: datetime
    disclosures: tuple[str, ...] = ()


def consent_of(sent: Sent, now: datetime, zone: ZoneInfo) -> Deciding:
    """Return the consent, or the refusal, that a form records."""
    form = Reader(sent)
    return Deciding(
        enrollment_id=form.uuid("enrollment_id"),
        decision=form.choice("answer", ("accepted", "declined")),
        mode=form.choice("mode", ("verbal", "written", "electronic")),
        decided_at=_instant(form, "obtained_on", now, zone),
        disclosures=tuple(name for name in DISCLOSURES if name in form.many("disclosures")),
    )


def revocation_of(sent: Sent, now: datetime, zone: ZoneInfo) -> Deciding:
    """Return the revocation that a form records."""
    form = Reader(sent)
    decided_at = _instant(form, "revoked_on", now, zone)
    return Deciding(enrollment_id=form.uuid("enrollment_id"), decision="revoked", mode="verbal", decided_at=decided_at)


def _instant(form: Reader, name: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the present for today and noon for an earlier day, in the clinic's time: a form asks for no hour."""
    day, local = form.day(name), now.astimezone(zone)
    if day > local.date():
        raise Invalid("This day has not come yet", field=name)
    return local if day == local.date() else datetime.combine(day, time(12), zone)


def void_reason_of(sent: Sent) -> str:
    """Return why an entry does not count."""
    reason = Reader(sent).needed("reason")
    if len(reason) > _REASON_LENGTH:
        raise Invalid(f"A reason has at most {_REASON_LENGTH} characters", field="reason")
    return reason


def told_span(sent: Sent, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the interval of a form in the clinic's time; an end of 00:00 is the midnight that ends the day."""
    form = Reader(sent)
    day, start, end = form.day("day"), form.clock("start"), form.clock("end")
    if end <= start and end != time(0):
        raise Invalid("The end comes after the start; enter time past midnight on its own day", field="end")
    try:
        until = day + timedelta(days=1) if end == time(0) else day
        found = datetime.combine(day, start, zone).astimezone(UTC), datetime.combine(until, end, zone).astimezone(UTC)
    except OverflowError:
        raise Invalid("Write the day as YYYY-MM-DD", field="day") from None
    for name, asked, moment in (("start", start, found[0]), ("end", end, found[1])):
        if moment.astimezone(zone).time() != asked:
            raise Invalid("The clocks skipped this hour on that day", field=name)
    return found
