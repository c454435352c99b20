"""Who may sign in, printed so that nothing is cut: in columns where there is room, else each in lines of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

CODES: Final = "After the password comes a code: `script/caretide demo code E-MAIL` prints the one that counts now."
LEAST: Final = 24
"""So many letters a column of words needs to be read."""
GAPS: Final = 6


@dataclass(frozen=True, slots=True)
class Entrant:
    """Somebody who may sign in: as whom, and perhaps what to try there."""

    email: str
    password: str
    totp_seed: str
    who: str
    what: str = ""


def print_sign_ins(console: Console, entrants: Sequence[Entrant]) -> None:
    """Print addresses and passwords, then what an authenticator app can be given. All of it stays whole."""
    whole = max(len(one.email) for one in entrants) + max(len(one.password) for one in entrants)
    words = LEAST * (2 if any(one.what for one in entrants) else 1)
    if whole + words + GAPS <= console.width:
        console.print(_columns(entrants))
    else:
        for one in entrants:
            console.print(Text.assemble((one.email, "bold"), "  ", one.password), soft_wrap=True)
            console.print(Padding(Text(f"{one.who}: {one.what}" if one.what else one.who), (0, 0, 0, 2)))
    console.print()
    width = max(len(one.email) for one in entrants)
    console.print(f"[bold]{'e-mail':{width}}  authenticator seed[/]")
    for one in entrants:
        console.print(Text(f"{one.email:{width}}  {one.totp_seed}"), soft_wrap=True)
    console.print(CODES)


def _columns(entrants: Sequence[Entrant]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("e-mail", no_wrap=True, min_width=max(len(one.email) for one in entrants))
    table.add_column("password", no_wrap=True, min_width=max(len(one.password) for one in entrants))
    table.add_column("who")
    has_words = any(one.what for one in entrants)
    if has_words:
        table.add_column("what to try")
    for one in entrants:
        table.add_row(one.email, one.password, one.who, *([one.what] if has_words else []))
    return table
