"""The command line's voice: one event loop, one-line errors with a next step, tables for people, JSON for scripts."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.table import Table

from caretide.kernel.errors import CaretideError, Invalid
from caretide.runtime.installation import Installation, installation
from caretide.settings import load_settings

T = TypeVar("T")

USAGE: Final = 2
FAILURE: Final = 1

err = Console(stderr=True, highlight=False)


def run(work: Callable[[Installation], Awaitable[T]]) -> T:
    """Open the installation that the environment describes, and do some work in it."""

    async def opened() -> T:
        async with installation(load_settings()) as ours:
            return await work(ours)

    return asyncio.run(opened())


def show(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print rows as a table or as JSON on standard output; say on standard error what to do when there are none."""
    if as_json:
        sys.stdout.write(json.dumps([{**row} for row in rows], default=str) + "\n")
        return
    if not rows:
        err.print(empty)
        return
    out = Console()
    if not out.is_terminal:
        out = Console(width=1000)  # a pipe has no edge to cut at
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), no_wrap=True)
    for row in rows:
        table.add_row(*(str(row[column]) for column in columns))
    out.print(table)


def say(values: dict[str, Any], *, as_json: bool, text: str) -> None:
    """Print one result: its JSON, or a sentence."""
    sys.stdout.write((json.dumps(values, default=str) if as_json else text) + "\n")


def exit_code(error: BaseException) -> int:
    """Print an error in one line and return the exit status: 2 for what was asked wrongly, 1 for what failed."""
    if isinstance(error, CaretideError):
        err.print(f"[bold red]Error:[/] {_plain(error.message)}", soft_wrap=True)
        return USAGE if isinstance(error, Invalid) and error.field else FAILURE
    if isinstance(error, KeyboardInterrupt):
        return 130
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    # The message of an unforeseen error may quote health data; its kind and place are enough to report it.
    told = f"an unforeseen fault, {type(error).__name__}{place}. Please report it."
    err.print(f"[bold red]Error:[/] {told}", soft_wrap=True)
    return FAILURE


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
