"""The courier: hands the letters that wait in the folder `mail` to the mail server that the settings name.

A letter leaves the folder once the server has said that it has it: cut off in between, it is handed over again under
the same name (Message-ID), by which a mail system tells it from a new one. What the server does not take now is tried
again later, each letter on its own; what it will never take is set aside in `mail/refused`. One process at a time does
it. Nothing that is logged or written for the doctor names a person: of a server's answer that is its number.
"""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from caretide.kernel.clock import Clock, system_clock
from caretide.kernel.errors import CaretideError, Invalid, Unavailable
from caretide.kernel.ids import new_id
from caretide.postgres.folders import write_whole
from caretide.postgres.locks import turn
from caretide.runtime import log, mail
from caretide.runtime.mail import Letter
from caretide.runtime.outbound import Carriage, Relay, Said, carriage
from caretide.settings import Settings, host_of
from caretide.vault.keys import sync_folder

FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(minutes=8)
"""How long after a try the next one comes: twice as long each time, up to this, and less than the doctor's patience."""
MOST_AT_ONCE: Final = 50
"""Letters in one conversation: servers end long ones."""
_GRACE_SECONDS: Final = 5
_LOCK, _LAST = ".lock", ".last.json"


@dataclass(frozen=True)
class Passed:
    """How the last pass over what waited went; kept in the folder, where the doctor looks."""

    at: datetime
    taken: int
    kept: int
    refused: int
    error: str = ""


@dataclass
class _Patience:
    """How often something failed, and when it is tried again."""

    tries: int = 0
    until: datetime | None = None

    def failed(self, now: datetime) -> None:
        """Wait twice as long as before."""
        self.until = now + min(FIRST_WAIT * 2 ** min(self.tries, 10), LONGEST_WAIT)
        self.tries += 1

    def is_over(self, now: datetime) -> bool:
        """Whether it is time to try."""
        return self.until is None or now >= self.until


@dataclass
class Courier:
    """Carries the letters of one home. Several may: one at a time does."""

    settings: Settings
    clock: Clock = system_clock
    stopping: threading.Event = field(default_factory=threading.Event)
    server: _Patience = field(default_factory=_Patience)
    letters: dict[str, _Patience] = field(default_factory=dict[str, _Patience])
    talking: Carriage | None = None

    @property
    def folder(self) -> Path:
        """Where letters wait."""
        return folder_of(self.settings)

    def carry(self) -> Passed | None:
        """Hand over what waits and is due; return how that went, None where nothing is or another is at it.

        Never raises for what an operator or time can mend: that is written down, and tried again later.
        """
        if self.settings.mail_host is None or not self.server.is_over(self.clock()) or not self._due():
            return None
        with turn(self.folder / _LOCK) as ours:
            due = self._due() if ours else []
            if not due:
                return None
            passed = self._carry(due[:MOST_AT_ONCE])
            write_whole(self.folder / _LAST, json.dumps(asdict(passed), default=str), 0o600)
        return passed

    def stop(self) -> None:
        """End a pass after the letter that is being handed over."""
        self.stopping.set()

    def cut(self) -> None:
        """End the conversation where it stands; what was not confirmed is handed over again at the next start."""
        if self.talking is not None:
            self.talking.cut()

    def _due(self) -> list[Path]:
        paths, now = mail.waiting(self.folder), self.clock()
        self.letters = {path.stem: self.letters[path.stem] for path in paths if path.stem in self.letters}
        due = [path for path in paths if path.stem not in self.letters or self.letters[path.stem].is_over(now)]
        # What failed before goes behind what did not, lest one on which the line always breaks keep the others here.
        return sorted(due, key=lambda path: (self._tries(path), path.name))

    def _tries(self, path: Path) -> int:
        return self.letters[path.stem].tries if path.stem in self.letters else 0

    def _carry(self, due: list[Path]) -> Passed:
        done = {"taken": 0, "kept": 0, "refused": 0}
        error = ""
        try:
            with carriage(relay_of(self.settings)) as talking:
                self.talking = talking
                for path in due:
                    if self.stopping.is_set():
                        break
                    with suppress(FileNotFoundError):  # an operator took it
                        what, said = self._hand_over(talking, path)
                        done[what] += 1
                        error = f"The mail server answered {said.code} to a letter." if what == "kept" else error
            self.server = _Patience()
        except CaretideError as fault:
            # A letter that was handed over gets the next letters the server's ear at once.
            if done["taken"]:
                self.server = _Patience()
            self.server.failed(self.clock())
            error = fault.message
        finally:
            self.talking = None
        return Passed(self.clock(), **done, error=error)

    def _hand_over(self, talking: Carriage, path: Path) -> tuple[str, Said]:
        """Hand over one letter; say whether it was taken, is kept, or was refused for good."""
        patience = self.letters.setdefault(path.stem, _Patience())
        # Before the try: a letter on which the conversation breaks each time must not keep the others waiting.
        patience.failed(self.clock())
        letter = mail.sealed(path, self.settings.mail_sender or mail.SENDER, host_of(self.settings.base_url))
        if letter is None:
            said = Said(500, "This file is not a letter to one address.")
        else:
            said = talking.hand_over(envelope(self.settings), letter.to, letter.content)
        if said.code < 300:
            path.unlink(missing_ok=True)
            sync_folder(path.parent)
            return "taken", said
        if said.code < 500:
            return "kept", said
        mail.set_aside(path, f"{said.code} {said.words}")
        return "refused", said


@dataclass(frozen=True)
class Waiting:
    """A letter that has not left, without whom it is for. `answer` is the mail server's, where it refused it."""

    letter: str
    since: datetime
    answer: str = ""

    def as_row(self) -> dict[str, str]:
        """Return it as a line of a table."""
        state = "refused" if self.answer else "waits"
        return {"letter": self.letter, "since": f"{self.since:%Y-%m-%d %H:%M}", "state": state, "answer": self.answer}


def listed(settings: Settings) -> list[Waiting]:
    """Return every letter that waits or was refused, the oldest first."""
    folder = folder_of(settings)
    found: list[Waiting] = []
    for path in (*mail.waiting(folder), *mail.waiting(folder / mail.REFUSED)):
        note = path.with_suffix(".txt")
        with suppress(FileNotFoundError):
            since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            answer = " ".join(note.read_text("utf-8").split()) if path.parent != folder else ""
            found.append(Waiting(path.stem, since, answer))
    return sorted(found, key=lambda one: one.letter)


def retry(settings: Settings) -> int:
    """Have what was refused wait anew; return how many letters."""
    return mail.try_again(folder_of(settings))


def folder_of(settings: Settings) -> Path:
    """Return where letters wait."""
    return settings.home.expanduser().absolute() / "mail"


def envelope(settings: Settings) -> str:
    """Return the bare address that letters come from."""
    return mail.address_in(settings.mail_sender or mail.SENDER)


def relay_of(settings: Settings) -> Relay:
    """Return the mail server that the settings name; raise Invalid where there is none, or its password is not."""
    if settings.mail_host is None:
        raise Invalid("No mail server is named: set CARETIDE_MAIL_HOST and CARETIDE_MAIL_SENDER.", field="mail_host")
    password = settings.mail_password.get_secret_value() if settings.mail_password else None
    if settings.mail_password_file is not None:
        try:
            password = (settings.mail_password_file.read_text("utf-8").splitlines() or [""])[0]
        except (OSError, UnicodeError) as error:
            told = getattr(error, "strerror", None) or type(error).__name__
            raise Unavailable(f"CARETIDE_MAIL_PASSWORD_FILE cannot be read: {told}.") from error
    trust = str(settings.outbound_trust) if settings.outbound_trust else None
    name = host_of(settings.base_url)
    return Relay(settings.mail_host, settings.mail_port, settings.mail_tls, name, settings.mail_user, password, trust)


def send_test(settings: Settings, to: str, clock: Clock = system_clock) -> Said:
    """Hand a letter of no importance over at once, past the folder; raise Unavailable where that cannot be."""
    name = f"<{new_id()}@{host_of(settings.base_url)}>"
    letter = Letter(to, "A trial of Caretide's letters", "The mail server that was named for Caretide works.")
    relay = relay_of(settings)
    try:
        content = mail.composed(letter, clock(), settings.mail_sender or mail.SENDER, name)
        as_sent = mail.as_sent(content)
    except ValueError:
        raise Invalid(f"{to!r} is no address that can be written to.", field="address") from None
    with carriage(relay) as talking:
        return talking.hand_over(envelope(settings), as_sent.to, as_sent.content)


def last_pass(folder: Path) -> Passed | None:
    """Return how the last pass went."""
    try:
        values = json.loads((folder / _LAST).read_text("utf-8"))
        return Passed(**values | {"at": datetime.fromisoformat(values["at"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


@asynccontextmanager
async def posted(settings: Settings, clock: Clock) -> AsyncGenerator[None]:
    """Carry letters meanwhile where a mail server is named; what still waits at the end waits for the next start."""
    if settings.mail_host is None:
        yield
        return
    courier, stopping = Courier(settings, clock), asyncio.Event()
    carrying = asyncio.create_task(_carry(courier, stopping))
    try:
        yield
    finally:
        courier.stop()
        stopping.set()
        done, _ = await asyncio.wait([carrying], timeout=_GRACE_SECONDS)
        if not done:
            courier.cut()
        await carrying


async def _carry(courier: Courier, stopping: asyncio.Event) -> None:
    """Look each second for what waits."""
    failing = False
    while not stopping.is_set():
        seconds = 1
        try:
            passed = await asyncio.to_thread(courier.carry)
        except Exception:  # noqa: BLE001 - whatever it was is logged, and tried again; the folder keeps what waits
            log.log.exception("letters are not carried; that goes on in a minute")
            seconds = 60
        else:
            if passed is not None and passed.refused:
                log.log.error("the mail server refused letters for good; see `caretide doctor`")
            if passed is not None and passed.error and not failing:
                log.log.error("the mail server does not take letters now; see `caretide doctor`")
            failing = failing if passed is None else bool(passed.error)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), seconds)
