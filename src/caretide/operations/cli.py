"""`caretide doctor`, and what else an operator does by hand."""

import json
import sys
from pathlib import Path
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


KeysOption = Annotated[
    Path | None, typer.Option("--keys", help="Folder of the keys, on another disk; needed without a passphrase.")
]
PassphraseOption = Annotated[
    Path | None, typer.Option("--passphrase-file", help="File whose first line seals the keys, 15 characters or more.")
]


def backup(
    folder: Annotated[Path, typer.Argument(help="Where backups are kept; each gets a folder of its own in it.")],
    keys: KeysOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Back up database, vault and keys while everything goes on; keys go apart from what they open.

    The database and the list of documents are sealed with AES-256-GCM, documents lie in the vault sealed already. Only
    what an earlier backup in the same folder has not got is copied of the vault.
    """
    from caretide.operations.backup import take
    from caretide.operations.key_bundle import read_passphrase
    from caretide.settings import load_settings

    done = take(load_settings(), folder, keys=keys, passphrase=read_passphrase(passphrase_file))
    seconds = (done.ended - done.at).total_seconds()
    size = sum(part.bytes for part in done.parts)
    if as_json:
        told = {"folder": str(done.folder), "seconds": seconds, "bytes": size, **json.loads(done.dump())}
        sys.stdout.write(json.dumps(told) + "\n")
        return
    what = "Database, " if done.postgres else "The database is another server's to back up. "
    told = f"{what}{done.documents} documents and keys backed up to {done.folder}"
    typer.echo(f"{told} in {seconds:.1f} s ({size:,} bytes sealed).")


def restore(
    folder: Annotated[Path, typer.Argument(help="A backup, or the folder of several: then the newest.")],
    home: Annotated[Path | None, typer.Option("--home", help="An empty folder to restore into.")] = None,
    drill: Annotated[bool, typer.Option("--drill", help="Restore, compare, throw away, and write it down.")] = False,
    keys: KeysOption = None,
    passphrase_file: PassphraseOption = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="MOMENT", help="A time with its zone, 2026-11-22T09:00:00Z, or `latest`."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Restore a backup into an empty home and compare everything, or prove with --drill that it could be done.

    With --to the archived log (CARETIDE_ARCHIVE) is replayed over the newest backup before that moment: everything that
    was committed by then, nothing that was committed later; a drill replays all of it. Compared are rows with what was
    counted, documents with their hashes, audit events with their leaves, the walls with their rules; roles sign in, and
    a page is served. The exit status is 1 where anything differs.
    """
    from caretide.kernel.errors import Invalid
    from caretide.operations import restore as restoring
    from caretide.operations.key_bundle import read_passphrase
    from caretide.operations.moments import read_moment
    from caretide.settings import load_settings

    if drill == (home is not None):
        raise Invalid("name an empty folder with --home NEW, or ask for a --drill", field="home")
    moment = None if to is None else read_moment(to)
    settings, passphrase = load_settings(), read_passphrase(passphrase_file)
    if home is None:
        outcome = restoring.drill(settings, folder, keys=keys, passphrase=passphrase, to=moment)
    else:
        outcome = restoring.restore(settings, folder, home, keys=keys, passphrase=passphrase, to=moment)
    if as_json:
        sys.stdout.write(json.dumps(outcome.as_json()) + "\n")
    else:
        for what, held, detail in outcome.checks:
            typer.secho(f"{'✓' if held else '✗'} {what}" + (f": {detail}" if detail else ""), bold=not held)
        typer.echo(
            f"{'Passed' if outcome.passed else 'FAILED'}. What it holds was {outcome.lost:,.0f} s old (RPO); "
            f"the server answered after {outcome.seconds:,.1f} s (RTO)."
        )
        if outcome.onward is not None:
            typer.echo(f"The archived log leads on to {outcome.onward:%Y-%m-%dT%H:%M:%SZ}: --to latest restores that.")
        if home is not None:
            typer.echo(f"Serve it with CARETIDE_HOME={home}.")
    raise typer.Exit(0 if outcome.passed else 1)


def archive(as_json: JsonOption = False) -> None:
    """Archive the log up to now, and say how far the archive leads: `serve` and `worker` do it as they go.

    For an installation whose server runs without them, and before anything is done that might be regretted.
    """
    from caretide.operations.archive_state import archive_now
    from caretide.settings import load_settings

    state = archive_now(load_settings())
    if as_json:
        sys.stdout.write(json.dumps(state.as_json()) + "\n")
        return
    leads = f"; it leads to {state.reach:%Y-%m-%d %H:%M:%S} UTC" if state.reach else ""
    folder = state.place.parent.parent
    base = f". No backup begins it yet: run `caretide backup {folder} --passphrase-file FILE`"
    base = "" if state.backups else base
    typer.echo(f"{state.segments} segments ({state.bytes:,} bytes sealed) in {state.place}{leads}{base}.")


mail = typer.Typer(help="Letters to people: try the mail server, see what waits.", no_args_is_help=True)


@mail.command("test")
def mail_test(
    address: Annotated[str, typer.Argument(help="Where the letter goes to.")],
    as_json: JsonOption = False,
) -> None:
    """Send one letter through the mail server that the settings name, and say what it answered.

    The exit status is 1 where it does not take the letter.
    """
    from caretide.operations.courier import send_test
    from caretide.runtime.console import say
    from caretide.settings import load_settings

    settings = load_settings()
    said = send_test(settings, address)
    is_taken = said.code < 300
    told = f"{settings.mail_host}:{settings.mail_port} {'took' if is_taken else 'did not take'} the letter"
    say(
        {"taken": is_taken, "code": said.code, "answer": said.words},
        as_json=as_json,
        text=f"{told}: {said.code} {said.words}",
    )
    raise typer.Exit(0 if is_taken else 1)


@mail.command("list")
def mail_list(as_json: JsonOption = False) -> None:
    """List the letters that wait or were refused, with what the mail server answered."""
    from caretide.operations.courier import listed
    from caretide.runtime.console import show
    from caretide.settings import load_settings

    found = [one.as_row() for one in listed(load_settings())]
    show(found, ["letter", "since", "state", "answer"], as_json=as_json, empty="No letter waits.")


@mail.command("retry")
def mail_retry() -> None:
    """Hand over again what the mail server refused: `serve` or `worker` does, within seconds."""
    from caretide.operations.courier import retry
    from caretide.settings import load_settings

    number = retry(load_settings())
    typer.echo(f"{number} letter{' waits' if number == 1 else 's wait'} to be handed over again.")


def evidence(
    folder: Annotated[Path, typer.Argument(help="An empty folder.")],
    tenant: Annotated[str, typer.Option("--tenant", help="The tenant's slug.")],
    as_json: JsonOption = False,
) -> None:
    """Build the folder that a tenant's security reviewer is handed; needs no network, and holds nothing of a patient.

    Requirements with their tests, permissions, the audit's catalogue, the doctor's findings, isolation, inventory,
    keys, backups and drills, settings without secrets, a bill of materials, and an index page to begin with.
    """
    from caretide.operations.evidence import build
    from caretide.settings import load_settings

    done = build(load_settings(), tenant, folder)
    if as_json:
        sys.stdout.write(json.dumps({name: digest for name, _, digest in done.files}) + "\n")
    else:
        typer.echo(f"{len(done.files)} files; begin with {folder / 'index.html'}.")


def rotate_keys(
    tenant: Annotated[str, typer.Option("--tenant", help="The tenant's slug.")],
    as_json: JsonOption = False,
) -> None:
    """Give a tenant a new column key while everybody works on; run again, it finishes what was cut off.

    It seals after half a minute, when every process has read it; then what older versions sealed is sealed anew.
    Time entries and approvals are never touched: their version goes on opening them, and seals nothing more.
    """
    from rich.progress import Progress

    from caretide.kernel.actor import Actor
    from caretide.operations.rotation import Rotated, rotate
    from caretide.runtime.console import err, run
    from caretide.runtime.installation import Installation
    from caretide.tenants import queries

    async def work(ours: Installation) -> Rotated:
        async with ours.database.tx(Actor.nobody()) as tx:
            tenant_id = await queries.tenant_by_slug(tx, tenant)
        with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
            task = progress.add_task("Sealing anew", total=None)

            def told(done: int) -> None:
                progress.update(task, completed=done)

            return await rotate(ours.urls, ours.stores, ours.database.clock, tenant_id, told=told)

    done = run(work)
    if as_json:
        sys.stdout.write(json.dumps({"version": done.version, "values": done.values, "resumed": done.resumed}) + "\n")
        return
    typer.echo(f"Version {done.version} seals; {done.values:,} values were sealed anew.")


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
