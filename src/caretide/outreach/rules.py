"""What an attempt can end in, what follows from it, and when enough was tried. Pure."""

from dataclasses import dataclass
from datetime import time, timedelta
from typing import Final, Literal

CHANNELS: Final = {
    "phone": "Phone",
    "portal": "Portal message",
    "text": "Text message",
    "mail": "Letter",
    "in_person": "In person",
}
"""Code -> how a patient is tried, in words."""

NextKind = Literal[
    "none", "retry", "check_number", "call_back", "touch", "revocation", "hospital", "deceased", "letter", "void"
]
"""What an outcome leads to: nothing more, another try, a number to check, a call at a time that was asked for, the
patient's own answer, a consent to take back, a follow-up after a stay, an enrollment to end, a letter in place of
further calls, or nothing because the attempt never was."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended. `key` is the key that chooses it; "" where a slip of the finger must not.

    In `next_step`, `{part}` stands for another part of the day.
    `is_contact`: the patient or their caregiver was spoken with, so that the month has a contact. `is_notice`: the
    manager should hear of it.
    """

    code: str
    label: str
    key: str
    next_kind: NextKind
    next_step: str
    is_contact: bool = False
    is_notice: bool = False


_AGAIN = "Try again in the {part}."

OUTCOMES: Final = {
    one.code: one
    for one in (
        Outcome("reached", "Reached", "1", "none", "Record what was done as time.", is_contact=True),
        Outcome("voicemail", "Voicemail left", "2", "retry", _AGAIN),
        Outcome("no_answer", "No answer", "3", "retry", _AGAIN),
        Outcome("busy", "Busy", "4", "retry", "Try again in an hour, or in the {part}."),
        Outcome("wrong_number", "Wrong or dead number", "5", "check_number", "Check the number in the EHR."),
        Outcome("call_back", "Asked to call back", "6", "call_back", "Call back as asked."),
        Outcome(
            "family", "Family or caregiver spoke", "7", "touch", "Ask when the patient can be reached.", is_contact=True
        ),
        Outcome("declined", "Declined today", "8", "retry", "Offer another day; care goes on.", is_contact=True),
        Outcome(
            "wants_to_leave",
            "Wants to leave",
            "9",
            "revocation",
            "Record that the consent is taken back, with the day; it takes effect at the month's end.",
            is_contact=True,
            is_notice=True,
        ),
        Outcome(
            "in_hospital",
            "In hospital",
            "0",
            "hospital",
            "Tell the manager, record the stay, and follow up after the discharge.",
            is_notice=True,
        ),
        Outcome(
            "deceased",
            "Deceased",
            "",
            "deceased",
            "Tell the manager; have the EHR corrected and end the enrollment.",
            is_notice=True,
        ),
        Outcome("mistake", "Recorded by mistake", "", "void", "It counts nowhere."),
    )
}
"""The one closed list. `mistake` is an outcome of corrections alone."""

CHOICES: Final = tuple(one for one in OUTCOMES.values() if one.code != "mistake")
"""What a try can end in."""

CONTACTS: Final = tuple(one.code for one in OUTCOMES.values() if one.is_contact)


@dataclass(frozen=True, slots=True)
class StopRule:
    """How many tries a month are enough before another way is taken; `source` says why."""

    attempts: int
    source: str


STOP_RULE: Final = StopRule(
    attempts=4,
    source=(
        "At 26.5% answered per call, 60% of patients are reached by the third and 79% by the fifth, 3.8 calls on "
        "average (2,451 calls, NYC Primary Care Information Project, APHA 2011 abstract 242919)"
    ),
)

LETTER: Final = "Tried often enough this month without an answer: send the letter and tell the manager."

FURTHEST_BACK: Final = timedelta(days=31)
"""An attempt is recorded when it is made, or soon after."""

FURTHEST_CALL_BACK: Final = timedelta(days=180)
"""A call further off than this is a slip in the date."""

_NOON = time(12)
_AFTERNOON_ENDS = time(17)


@dataclass(frozen=True, slots=True)
class NextStep:
    """What should happen now, as a kind and in words."""

    kind: NextKind
    text: str


def another_part(tried: time) -> str:
    """Return the part of the day to try after one at this local time.

    Afternoons answer best (29.8% of calls, mornings 22.4%: the source of `STOP_RULE`), so they come first.
    """
    return "morning" if _NOON <= tried < _AFTERNOON_ENDS else "afternoon"


def next_step(outcome: str, tried: time, attempts: int, contacts: int, rule: StopRule = STOP_RULE) -> NextStep:
    """Return what follows from an outcome at a local time, given the month's attempts with it among them."""
    found = OUTCOMES[outcome]
    if found.next_kind != "retry" or found.is_contact:
        return NextStep(found.next_kind, found.next_step)
    if contacts == 0 and attempts >= rule.attempts:
        return NextStep("letter", LETTER)
    return NextStep("retry", found.next_step.format(part=another_part(tried)))


def progress(attempts: int, rule: StopRule = STOP_RULE) -> str:
    """Return `2 of 4`; beyond the rule the count goes on alone."""
    return f"{attempts} of {rule.attempts}" if attempts <= rule.attempts else str(attempts)
