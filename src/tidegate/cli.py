"""The gateway's commands. Exit status: 0 done, 1 failed, 2 used wrongly; messages go to standard error, one line each.

What is written holds health data and goes where the caller says; what is told about it does not.
"""

import os
import sys
import tempfile
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from tidegate.charts import messages
from tidegate.contract import AnyMessage, BadMessage, Rejected, Summary, encode
from tidegate.gather import Gathering
from tidegate.vendors.ndjson.folder import SUFFIXES
from tidegate.vendors.ndjson.reading import gather

SOURCE: Final = "ndjson"
SHOWN: Final = 20
"""Rejected pieces that are told on standard error; all of them are in the output."""

app = typer.Typer(
    help="Tidegate, the EHR gateway.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


@app.callback()
def group() -> None:
    """Tidegate, the EHR gateway."""


@app.command("map")
def map_files(
    path: Annotated[Path, typer.Argument(help="A folder or file of FHIR R4: NDJSON or Bundles, plain or gzip.")],
    out: Annotated[Path | None, typer.Option(help="Write here instead of to standard output.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if anything was rejected.")] = False,
) -> None:
    """Turn FHIR files into contract messages, one a line."""
    _check(path, out)
    started = time.perf_counter()
    gathering = gather(path)
    if gathering.is_empty:
        _refuse(f"no FHIR resources in {path}: give a folder or file of FHIR R4 NDJSON or Bundles")
    with _destination(out) as stream:
        summary = _write(messages(gathering, SOURCE), stream)
    _tell(summary, gathering, time.perf_counter() - started)
    if strict and summary.rejected:
        raise typer.Exit(1)


def _check(path: Path, out: Path | None) -> None:
    """Refuse what cannot work before any of it is read."""
    if not path.exists():
        _refuse(f"{path}: no such file or folder")
    if not path.is_dir() and not (path.is_file() and path.name.lower().endswith(SUFFIXES)):
        _refuse(f"{path}: not a folder, nor a file named {', '.join('*' + suffix for suffix in SUFFIXES)}")
    if out is None:
        return
    if out.is_dir() or not out.absolute().parent.is_dir():
        _refuse(f"--out {out}: give a file in a folder that exists")
    if out.resolve() == path.resolve() or (path.is_dir() and out.resolve().is_relative_to(path.resolve())):
        _refuse(f"--out {out} lies in what is read: the next run would read it too; write it elsewhere")


def _refuse(message: str) -> None:
    typer.echo(f"tidegate: {message}", err=True)
    raise typer.Exit(2)


@contextmanager
def _destination(out: Path | None) -> Generator[BinaryIO, None, None]:
    """Open where messages go: a file appears whole or not at all, readable by its owner alone."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    handle, draft = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.absolute().parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        Path(draft).replace(out)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _write(stream_of: Iterable[AnyMessage], stream: BinaryIO) -> Summary:
    last: AnyMessage | None = None
    for message in stream_of:
        stream.write(encode(message) + b"\n")
        last = message
    if not isinstance(last, Summary):
        raise BadMessage("the stream has no summary")
    return last


def _tell(summary: Summary, gathering: Gathering, seconds: float) -> None:
    for item in summary.skipped_files:
        typer.echo(f"{item.file}: left aside: {item.reason}", err=True)
    rejected = gathering.rejected
    for item in rejected[:SHOWN]:
        typer.echo(f"{_place(item)}: {item.resource_type or 'rejected'}: {item.reason}", err=True)
    if len(rejected) > SHOWN:
        typer.echo(f"... and {len(rejected) - SHOWN} more, all of them in the output", err=True)
    read = sum(count.read for count in summary.resources)
    typer.echo(
        f"{summary.patients} patients and {summary.practitioners} practitioners from {summary.files} files; "
        f"{read} resources in {seconds:.1f} s ({read / max(seconds, 0.001):,.0f} a second); "
        f"{summary.rejected} rejected",
        err=True,
    )


def _place(item: Rejected) -> str:
    line = f":{item.line}" if item.line else ""
    return f"{item.file}{line}" + (f" entry {item.entry}" if item.entry else "")


def main() -> None:
    """Run the command line; never show a traceback, which could hold health data."""
    try:
        app()
    except BrokenPipeError:
        # Whoever read us has gone. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"tidegate: {where}{error.strerror or 'cannot be read or written'}", err=True)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - an error's text may hold health data; its kind does not
        typer.echo(f"tidegate: stopped by a fault of its own ({type(error).__name__}); please report it", err=True)
        sys.exit(1)
