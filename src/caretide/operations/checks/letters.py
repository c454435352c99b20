"""Letters: whether somebody takes them, and whether any waits too long."""

from datetime import timedelta
from typing import Final

from caretide.kernel.errors import CaretideError
from caretide.operations.courier import last_pass, listed, relay_of
from caretide.operations.findings import Check, Finding, Level, Subject
from caretide.runtime.mail import REFUSED, waiting
from caretide.runtime.outbound import carriage

PATIENCE: Final = timedelta(minutes=15)
_WHY: Final = (
    "Emergency access, a changed way to sign in, access that ended and agreements that run out are told by letter, and"
    " by nothing else."
)
_LIST: Final = "`caretide mail list` shows what waits and what was answered; see docs/runbooks/mail.md."


def look_at_letters(subject: Subject) -> list[Finding]:
    """See that letters leave: that a mail server is named, answers, and took what was written."""
    if subject.settings.mail_host is None:
        return _unsent(subject)
    return [*_unanswered(subject), *_late(subject), *_refused(subject)]


def _unsent(subject: Subject) -> list[Finding]:
    if subject.settings.mode != "production":
        return []
    folder = subject.home.path / "mail"
    what = f"No mail server is named: {_letters(len(waiting(folder)))} in {folder}, and nobody has been told."
    todo = (
        "Set CARETIDE_MAIL_HOST and CARETIDE_MAIL_SENDER (docs/runbooks/mail.md), start again, and try it with"
        " `caretide mail test ADDRESS`."
    )
    return [Finding(Level.WARNING, what, _WHY, todo)]


def _unanswered(subject: Subject) -> list[Finding]:
    try:
        with carriage(relay_of(subject.settings)):
            return []
    except CaretideError as error:
        where = f"{subject.settings.mail_host}:{subject.settings.mail_port}"
        what = f"No letter can be handed to {where}. {error.message}"
        todo = "Mend the settings CARETIDE_MAIL_... or the server, and try it with `caretide mail test ADDRESS`."
        return [Finding(Level.ERROR, what, _WHY, todo)]


def _late(subject: Subject) -> list[Finding]:
    folder = subject.home.path / "mail"
    since = [one.since for one in listed(subject.settings) if not one.answer]
    late = [one for one in since if subject.clock() - one > PATIENCE]
    if not late:
        return []
    last = last_pass(folder)
    said = f" {last.error}" if last is not None and last.error else ""
    minutes = (subject.clock() - min(late)).total_seconds() / 60
    what = f"{_letters(len(since))} in {folder}, the oldest for {minutes:.0f} minutes.{said}"
    return [Finding(Level.ERROR, what, _WHY, f"See that `caretide serve` or `caretide worker` runs. {_LIST}")]


def _refused(subject: Subject) -> list[Finding]:
    place = subject.home.path / "mail" / REFUSED
    number = len(waiting(place))
    if not number:
        return []
    what = f"The mail server refused {number} letter{'' if number == 1 else 's'} for good; see {place}."
    todo = f"{_LIST} Correct the address, or tell the person yourself; `caretide mail retry` hands all over again."
    return [Finding(Level.WARNING, what, _WHY, todo)]


def _letters(number: int) -> str:
    return f"{number} letter waits" if number == 1 else f"{number} letters wait"


CHECKS: Final = (Check("letters", "letters reach the people whom they are for", look_at_letters, needs_database=False),)
