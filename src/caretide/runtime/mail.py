"""Letters to people: notices without health data. They leave once the transaction that wrote them has committed.

They are written to a folder, one file a letter, and wait there: for the mail server that the settings name, which
`operations.courier` hands them to, or for an operator's own system to fetch. What a server would never take is set
aside in the folder's `refused`, with what it answered beside it.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Final, Protocol, cast

from caretide.kernel.ids import new_id
from caretide.vault.keys import sync_folder

SENDER: Final = "Caretide <no-reply@localhost>"
SUFFIX: Final = ".eml"
REFUSED: Final = "refused"
_POLICY: Final = default.clone(cte_type="7bit")
"""What is not ASCII is written so that every mail server can take it."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter to one person."""

    to: str
    subject: str
    text: str


class Post(Protocol):
    """What takes letters. Synchronous; call it from a thread."""

    def send(self, letter: Letter, at: datetime) -> None:
        """Take a letter; raise OSError where that fails."""
        ...


class NoPost:
    """Drops letters: for those who hold keys and vault but write to nobody."""

    def send(self, letter: Letter, at: datetime) -> None:
        """Drop it."""


@dataclass(frozen=True, slots=True)
class FolderPost:
    """One file of mode 0600 a letter, named in the order of sending. `host` is this installation's, for its name."""

    folder: Path
    sender: str = SENDER
    host: str = "localhost"

    def send(self, letter: Letter, at: datetime) -> None:
        """Write the letter; whole or not at all, and so that it outlives a power cut."""
        name = new_id()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        final = self.folder / f"{name}{SUFFIX}"
        draft = final.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(bytes(composed(letter, at, self.sender, f"<{name}@{self.host}>")))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(final)
        sync_folder(self.folder)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A letter as a mail server takes it: whom it goes to, and its bytes."""

    to: str
    content: bytes


def composed(letter: Letter, at: datetime, sender: str, name: str) -> EmailMessage:
    """Return a letter with its head. Its name stays the same however often it is handed over."""
    message = EmailMessage(policy=_POLICY)
    message["From"], message["To"], message["Subject"] = sender, letter.to, letter.subject
    message["Date"], message["Message-ID"] = format_datetime(at), name
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer to it from whoever is away
    message.set_content(letter.text + "\n")
    return message


def waiting(folder: Path) -> list[Path]:
    """Return the letters of a folder that wait, the oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def sealed(path: Path, sender: str, host: str) -> Sealed | None:
    """Return a letter that waits, or None where its file is not one; raise OSError where it cannot be read.

    The sender is the one that the settings name now: a letter may have been written before they named any.
    """
    content = path.read_bytes()
    try:
        message = message_from_bytes(content, policy=_POLICY)
        del message["From"]
        message["From"] = sender
        if message["Message-ID"] is None:
            message["Message-ID"] = f"<{path.stem}@{host}>"
        return as_sent(message)
    except (MessageError, ValueError, AttributeError, LookupError):
        return None


def as_sent(message: EmailMessage) -> Sealed:
    """Return a letter as it is handed over; raise ValueError unless it is to one address."""
    addresses = cast("tuple[Address, ...]", message["To"].addresses)
    if len(addresses) != 1 or not addresses[0].username or not addresses[0].domain:
        raise ValueError
    return Sealed(addresses[0].addr_spec, message.as_bytes(policy=SMTP.clone(cte_type="7bit")))


def address_in(sender: str) -> str:
    """Return the bare address of a sender."""
    return parseaddr(sender)[1]


def set_aside(path: Path, answer: str) -> None:
    """Keep a letter out of the way of others, with what the server said of it."""
    place = path.parent / REFUSED
    place.mkdir(mode=0o700, exist_ok=True)
    note = place / f"{path.stem}.txt"
    with os.fdopen(os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(answer + "\n")
    path.rename(place / path.name)
    sync_folder(place)
    sync_folder(path.parent)


def try_again(folder: Path) -> int:
    """Have every letter that was set aside wait anew; return how many."""
    found = waiting(folder / REFUSED)
    for path in found:
        os.utime(path)
        path.rename(folder / path.name)
        path.with_suffix(".txt").unlink(missing_ok=True)
    return len(found)
