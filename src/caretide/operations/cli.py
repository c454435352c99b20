"""`caretide doctor`, and what else an operator does by hand."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from caretide.operations.findings import Report

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def doctor(
    deep: Annotated[bool, typer.Option("--deep", help="Open every key and every document too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Look the installation over and say what to do; the exit status is 1 where there is an error.

    Roles, policies, keys, grants and functions; the known holes of PostgreSQL's row-level security, by trying them;
    TLS, the server's settings and clock, keys, folders, room, and whether backups and drills are due. Nothing changes.
    """
    from caretide.operations.doctor import examine
    from caretide.settings import load_settings

    report = examine(load_settings(), deep=deep)
    if as_json:
        sys.stdout.write(json.dumps(report.as_json()) + "\n")
    else:
        _show(report)
    raise typer.Exit(0 if report.sound else 1)


def _show(report: "Report") -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    out = Console(highlight=False)
    if not out.is_terminal:
        out = Console(highlight=False, width=1000)  # a pipe has no edge to wrap at
    marks = {"error": ("✗", "bold red"), "warning": ("!", "bold yellow"), "note": ("i", "cyan")}
    for check, found in report.results:
        if found is None:
            out.print(Text(f"– {check.title}: not looked at", "dim"))
        elif not found:
            out.print(Text("✓ ", "green") + Text(check.title, "default"))
        for one in found or ():
            mark, style = marks[one.level.value]
            out.print(Text(f"{mark} ", style) + Text(one.what, style) + Text(f"  ({check.name})", "dim"))
            out.print(Padding(Text(one.why, "default"), (0, 0, 0, 2), expand=False))
            out.print(Padding(Text(one.todo, "bold"), (0, 0, 0, 2), expand=False))
    counts = {level: sum(one.level.value == level for _, one in report.findings) for level in marks}
    told = ", ".join(f"{number} {level}{'' if number == 1 else 's'}" for level, number in counts.items())
    starts = "would start" if not report.blocking else f"would not start: {len(report.blocking)} findings block it"
    out.print(Text(f"{told}. Production {starts}.", "bold"))
