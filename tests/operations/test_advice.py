"""What the program tells an operator to run is a whole command of this program: what is read here runs as printed."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from caretide.cli import app
from caretide.operations import records
from caretide.operations.checks import duties
from caretide.operations.findings import Finding, Subject
from caretide.postgres.folders import Home
from tests.operations.conftest import Small
from tests.operations.test_doctor import NOW

PRINTED = re.compile(r"`caretide ([^`]+)`")
WORDS = {"MONTH": "2026-10", "N": "50"}
"""What an operator puts in the place of a word in capitals, where not any text does."""


def told(tree: ast.AST) -> Iterator[str]:
    """Yield every text of a source that may be printed: docstrings and bare strings are not."""
    silent = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    parts = {id(part) for one in ast.walk(tree) if isinstance(one, ast.JoinedStr) for part in one.values}
    for one in ast.walk(tree):
        if isinstance(one, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "MONTH" for part in one.values)
        elif isinstance(one, ast.Constant) and isinstance(one.value, str) and not {id(one)} & (silent | parts):
            yield one.value


def commands(folder: Path) -> dict[str, str]:
    """Return every printed command with the file that prints it."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*.py")):
        for text in told(ast.parse(path.read_text("utf-8"))):
            found |= dict.fromkeys(PRINTED.findall(text), path.name)
    return found


def parsed(command: str) -> None:
    """Have the command line read a command as it would run it; raise where it would answer with a usage error."""
    words = [WORDS.get(word, word) for word in shlex.split(command)]
    group: Any = typer.main.get_command(app)
    context = group.make_context("caretide", words)
    while hasattr(group, "commands") and (rest := [*context._protected_args, *context.args]):
        name, group, rest = group.resolve_command(context, rest)
        context = group.make_context(name, rest, parent=context)
    # What a command asks for beyond its declaration: keys are sealed or lie apart, a restore is somewhere or a drill.
    given = context.params
    if "passphrase_file" in given and not (given["keys"] or given["passphrase_file"]):
        raise ValueError(f"{command}: neither --keys nor --passphrase-file")
    if "drill" in given and given["drill"] == (given["home"] is not None):
        raise ValueError(f"{command}: neither --home nor --drill")


def test_every_printed_command_can_be_run_as_it_is_printed(root: Path) -> None:
    found = commands(root / "src" / "caretide")
    assert {"mail test ADDRESS", "mail retry", "db stop", "doctor"} <= set(found)
    wrong: dict[str, str] = {}
    for command, where in found.items():
        try:
            parsed(command)
        except Exception as error:  # noqa: BLE001 - whatever it is, the command would not run
            wrong[f"{where}: {command}"] = f"{type(error).__name__} {error}"
    assert wrong == {}


@pytest.mark.parametrize(
    "command",
    [
        "backup FOLDER",
        "restore FOLDER --drill",
        "restore FOLDER --keys K",
        "audit verify --tenant",
        "mails list",
        "mail",
    ],
)
def test_planted_incomplete_command_is_found(command: str) -> None:
    with pytest.raises(Exception, match=r".*") as caught:
        parsed(command)
    assert not isinstance(caught.value, AttributeError)


def test_commands_of_printed_texts_are_found_and_of_docstrings_not() -> None:
    silent = '"""Says `caretide one`."""\ndef f(x):\n    """`caretide two`"""'
    source = f'{silent}\n    return f"`caretide three {{x}}`", "`caretide four`"'
    assert sorted(PRINTED.findall(" ".join(told(ast.parse(source))))) == ["four", "three MONTH"]


def advised(found: list[Finding], small: Small, passphrase: Path) -> list[str]:
    ((command,),) = (PRINTED.findall(one.todo) for one in found)
    places = {"FOLDER": str(small.base / "advised"), "FILE": str(passphrase)}
    return [places.get(word, word) for word in shlex.split(command)]


@pytest.mark.req("H-14")
@pytest.mark.timeout(600)
def test_advised_backup_and_drill_run_and_end_the_findings(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARETIDE_HOME", str(small.settings.home))
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("a passphrase of the advice\n")
    passphrase.chmod(0o600)
    subject = Subject(small.settings, Home(small.settings.home), lambda: NOW)
    for look, kind in ((duties.look_at_backups, records.BACKUPS), (duties.look_at_drills, records.DRILLS)):
        result = CliRunner().invoke(app, advised(look(subject), small, passphrase))
        assert result.exit_code == 0, (result.output, result.exception)
        assert records.last(Home(small.settings.home), kind) is not None
