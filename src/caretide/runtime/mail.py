"""Letters to people: notices without health data. They leave once the transaction that wrote them has committed.

The built-in post box is a folder: one file a letter, for an operator's mail system to fetch, or to look at in trying.
"""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Final, Protocol

from caretide.kernel.ids import new_id

SENDER: Final = "Caretide <no-reply@localhost>"


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
    """One file of mode 0600 a letter, named in the order of sending."""

    folder: Path

    def send(self, letter: Letter, at: datetime) -> None:
        """Write the letter; whole or not at all."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = SENDER, letter.to, letter.subject
        message["Date"] = format_datetime(at)
        message.set_content(letter.text + "\n")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        final = self.folder / f"{new_id()}.eml"
        draft = final.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_bytes(bytes(message))
        draft.rename(final)
