"""Write `docs/reference/` and the picture of the ranks from the code itself.

    script/reference            write them
    script/reference --check    name those that are not what the code would write

The tests render every page again and compare: what the code says and what the pages say cannot part.
"""
# ruff: noqa: INP001 -- a script is run, not imported

import ast
import importlib
import pkgutil
import sys
import textwrap
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

import typer
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

import caretide
import caretide.main
from caretide.cli import app
from caretide.kernel.permissions import GRANTS, IN_PERSON, PERSONAL, PRINCIPALS, WALLED, Permission, Role
from caretide.kernel.records import HEALTH, MEANS
from caretide.main import answers
from caretide.runtime.access import ASKED, RECORDS, VERBS
from caretide.runtime.db import Base, TenantTable
from caretide.runtime.jobs import JOBS
from caretide.schedule import CRON
from caretide.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
POSTGRES = postgresql.dialect()
HEAD = "<!-- Written by script/reference from the code; a change here is lost. -->\n\n"


def pages() -> dict[Path, str]:
    """Return every generated file with its text."""
    reference = DOCS / "reference"
    return {
        reference / "settings.md": settings_page(),
        reference / "cli.md": cli_page(),
        reference / "permissions.md": permissions_page(),
        reference / "fields.md": fields_page(),
        reference / "audit.md": audit_page(),
        reference / "tables.md": tables_page(),
        reference / "jobs.md": jobs_page(),
        reference / "requirements.md": requirements_page(),
        DOCS / "ranks.svg": ranks_picture(),
    }


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(one) for one in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def settings_page() -> str:
    """Return the settings with what each says and its default."""
    rows: list[tuple[str, str, str]] = []
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        if field.default_factory is not None:
            default = "see left"
        rows.append((f"`CARETIDE_{name.upper()}`", field.description or "", default))
    text = (
        "# Settings\n\nEach is an environment variable, or a key in lower case and without the prefix of the TOML file "
        "that `CARETIDE_CONFIG` names; the environment wins.\n\n"
    )
    return HEAD + text + table(["setting", "what it says", "default"], rows)


def cli_page() -> str:
    """Return every command with its arguments and options."""
    parts = [HEAD, "# Command line\n\n`script/caretide COMMAND --help` says the same.\n"]
    for path, command in _commands(typer.main.get_command(app), ()):
        shown = " ".join(("caretide", *path))
        rows = [_parameter(one) for one in command.params if one.name != "help"]
        parts.append(f"\n## {shown}\n\n{(command.help or '').strip()}\n")
        if rows:
            parts.append("\n" + table(["", "what it says", "default"], rows))
    return "".join(parts)


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walk the tree of commands; whose classes they are (click's, or Typer's own copies) is Typer's affair."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name in sorted(command.commands):
        yield from _commands(command.commands[name], (*path, name))


def _parameter(found: Any) -> tuple[str, str, str]:
    if found.param_type_name == "argument":
        names = found.metavar or found.name.upper()
    else:
        names = ", ".join([*found.opts, *found.secondary_opts])
    default = f"`{found.default}`" if isinstance(found.default, (str, int)) and found.default else ""
    return f"`{names}`", found.help or "", "required" if found.required else default


def load_verbs() -> None:
    """Import every feature's actions and queries: some are used by the command line alone."""
    for found in pkgutil.walk_packages(caretide.__path__, "caretide."):
        if {"actions", "queries"} & set(found.name.split(".")):
            importlib.import_module(found.name)


def permissions_page() -> str:
    """Return the matrix of roles and permissions, and what each permission opens."""
    load_verbs()
    roles = list(Role)
    who = [*((str(role), GRANTS[role]) for role in roles), *PRINCIPALS.items()]
    matrix = [(f"`{one}`", *("yes" if one in granted else "" for _, granted in who)) for one in Permission]
    opened: dict[str, list[str]] = defaultdict(list)
    for verb, asked in [(verb, one) for verb, these in ASKED.items() for one in these]:
        opened["nothing (signing in, and Medicare's public rules)" if asked is None else f"`{asked}`"].append(verb)
    verbs = [(asked, ", ".join(f"`{verb}`" for verb in sorted(opened[asked]))) for asked in sorted(opened)]
    walled = ", ".join(sorted(WALLED))
    held = ", ".join(f"`{one}`" for one in sorted(IN_PERSON | PERSONAL))
    return (
        HEAD
        + "# Permissions\n\nRoles grant permissions, verbs ask for them, nothing else decides. Beside them stands "
        + f"the roster wall: the role {walled} sees only the patients of a roster.\n\n"
        + "An administrator has every permission of the tenant, each read of health data recorded like anyone's; the "
        + "tenant's settings can take health data away. A company's director and the platform's operator act in no "
        + "tenant. A service account's tokens carry what their scopes name, and at most what stands here. "
        + f"No token, whoever made it, carries {held}: that takes a person.\n\n"
        + table(["permission", *(name for name, _ in who)], matrix)
        + "\n## What asks for what\n\n"
        + table(["permission", "verbs"], verbs)
    )


FIELDS_HEAD = (
    "# Fields\n\nWhat each route of the API answers with, field by field: a new one appears here, and in the tests, "
    "before it is released. A field in *italics* is null for a role without the permission that stands behind it.\n\n"
)


def fields_page() -> str:
    """Return each route of the API with its fields, and what roles do without them."""
    needs = sorted({one for _, fields in answers() for _, one in fields if one is not None})
    without = [(f"`{one}`", ", ".join(role for role in Role if one not in GRANTS[role])) for one in needs]
    rows = [
        (f"`{route}`", ", ".join(f"*{name}* (`{need}`)" if need else name for name, need in fields) or "nothing")
        for route, fields in answers()
    ]
    return (
        HEAD
        + FIELDS_HEAD
        + table(["permission", "roles without it"], without)
        + "\n"
        + table(["route", "fields"], rows)
    )


AUDIT_HEAD = (
    "# What the audit records\n\nEvery verb declares, beside the permission that it asks for, what it does and to "
    "which classes of data; one that does not cannot be imported. The outermost verb of a request, a job or a command "
    "is one event. It carries the classes of every verb that ran inside it, and the patients by id.\n\n"
)


def audit_page() -> str:
    """Return the classes of data, and each verb with what is recorded of it."""
    load_verbs()
    kept = [(one, meaning, "yes" if one in HEALTH else "") for one, meaning in MEANS.items()]
    verbs = [
        (f"`{verb}`", f"`{VERBS[verb]}`" if VERBS[verb] else "", records.act, ", ".join(records.data))
        for verb, records in sorted(RECORDS.items())
    ]
    return (
        HEAD
        + AUDIT_HEAD
        + table(["class of data", "what it holds", "of a patient"], kept)
        + "\n## Verbs\n\n"
        + table(["verb", "permission", "does", "classes of data"], verbs)
    )


TABLES_HEAD = (
    "A table whose key begins with `tenant_id` stands behind the tenant wall: row-level security shows a transaction "
    "the rows of its own tenant and no others.\n"
)


def tables_page() -> str:
    """Return every table with its columns and keys."""
    load_models()
    parts = [
        HEAD,
        "# Tables\n\n",
        TABLES_HEAD,
    ]
    mappers = sorted(Base.registry.mappers, key=lambda one: (one.class_.__module__, one.class_.__name__))
    for mapper in mappers:
        model = mapper.class_
        found: Any = mapper.local_table
        assert isinstance(found, Table)  # noqa: S101 - every model here is one table; tells the type checker
        feature = model.__module__.split(".")[1]
        walled = "" if issubclass(model, TenantTable) else " Outside the tenant wall."
        says = " ".join((model.__doc__ or "").split())
        parts.append(f"\n## {found.name}\n\n*{feature}.* {says}{walled}\n\n")
        parts.append(table(["column", "type", ""], [_column(found, one) for one in found.columns]))
    return "".join(parts)


def _column(found: Table, column: Any) -> tuple[str, str, str]:
    notes: list[str] = []
    if column.primary_key:
        notes.append("key")
    notes += sorted({f"to `{key.column.table.name}`" for key in column.foreign_keys if column.name != "tenant_id"})
    if column.nullable:
        notes.append("may be empty")
    if column.computed is not None:
        notes.append("computed")
    kind = "sealed text" if type(column.type).__name__ == "Encrypted" else column.type.compile(POSTGRES).lower()
    del found
    return f"`{column.name}`", kind, ", ".join(notes)


def load_models() -> None:
    """Import every feature's tables."""
    for package in pkgutil.iter_modules(caretide.__path__, "caretide."):
        if package.ispkg and (Path(caretide.__path__[0]) / package.name.split(".")[1] / "models.py").exists():
            importlib.import_module(f"{package.name}.models")


def jobs_page() -> str:
    """Return what runs later, and what runs by itself."""
    later = [(f"`{name}`", _first_line(action.__doc__)) for name, action in sorted(JOBS.items())]
    recurring = [(f"`{name}`", f"`{when}`") for name, when in sorted(CRON.items())]
    return (
        HEAD
        + "# Jobs\n\nA job is an action run later, in the tenant and for the member whose transaction queued it; "
        + "running it twice is the same as once.\n\n"
        + table(["job", "what it does"], later)
        + "\n## Recurring\n\n"
        + table(["job", "when (cron, UTC)"], recurring)
    )


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


def requirements_page(tests: Path = ROOT / "tests") -> str:
    """Return what the security plan asks for, each with the tests that carry its id."""
    plan = tomllib.loads((ROOT / "tests" / "requirements.toml").read_text("utf-8"))
    proofs = proved(tests)
    parts = [
        HEAD,
        "# Requirements\n\nWhat the security plan asks for, and the tests that say they prove it: ",
        "`script/test --req T-20` runs those of one line. Open is what no test carries; some of that is built in part.",
        "\n\n",
    ]
    tables: list[str] = []
    counts: list[tuple[object, ...]] = []
    for letter, family in plan["family"].items():
        mine = {one: said for one, said in plan["requirement"].items() if one.startswith(f"{letter}-")}
        rows = [(one, _required(said), _tests(proofs.get(one, []))) for one, said in mine.items()]
        carried = sum(one in proofs for one in mine)
        counts.append((f"{letter}: {family['name']}", len(mine), carried, len(mine) - carried))
        tables.append(f"\n## {letter}: {family['name']}\n\nFrom {family['source']}.\n\n")
        tables.append(table(["id", "what must hold", "tests"], rows))
    counts.append(("all", *(sum(int(str(row[place])) for row in counts) for place in (1, 2, 3))))
    return "".join([*parts, table(["family", "ids", "with tests", "open"], counts), *tables])


def proved(tests: Path) -> dict[str, list[tuple[str, str]]]:
    """Return for each id the tests that carry it, as file and name; they are read and not imported."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        file = path.relative_to(tests).as_posix()
        whole = [one.value for one in tree.body if isinstance(one, ast.Assign) and _names(one) == ["pytestmark"]]
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
                ids = {one for marked in (*whole, *node.decorator_list) for one in _marked(marked)}
                for one in ids:
                    found[one].append((file, node.name))
    return found


def _names(assigned: ast.Assign) -> list[str]:
    return [target.id for target in assigned.targets if isinstance(target, ast.Name)]


def _marked(expression: ast.expr) -> Iterator[str]:
    """Yield the ids of every `pytest.mark.req(...)` within an expression."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.req":
            yield from (str(one.value) for one in node.args if isinstance(one, ast.Constant))


def _required(said: dict[str, str]) -> str:
    return said["title"] + (f" ({said['source']})" if "source" in said else "")


def _tests(found: list[tuple[str, str]]) -> str:
    files: dict[str, list[str]] = defaultdict(list)
    for file, name in found:
        files[file].append(name.removeprefix("test_").replace("_", " "))
    if not files:
        return "**open**"
    return "<br>".join(f"[{file}](../../tests/{file}): {'; '.join(names)}" for file, names in files.items())


WIDTH, ROW, GAP, TOP = 860, 34, 5, 34
FONT = "Inter, system-ui, sans-serif"


def ranks() -> list[list[str]]:
    """Return the ranks of the packages from top to bottom, as the import contract has them; absent ones left out."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["containers"] == ["caretide"])
    there = {module.name for module in pkgutil.iter_modules(caretide.__path__)}
    named = [[part.strip(" ()") for part in layer.split("|")] for layer in layers]
    return [kept for layer in named if (kept := [one for one in layer if one in there])]


def ranks_picture() -> str:
    """Return the picture of the ranks: imports point down."""
    found = ranks()
    height = TOP + len(found) * (ROW + GAP) + 8
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{FONT}" font-size="13">',
        "<title>The ranks of Caretide's packages: each imports only from those below it</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#f5f7f8"/>',
        '<text x="16" y="22" fill="#55686f">imports point down; neighbors in a row never meet</text>',
    ]
    for place, layer in enumerate(found):
        top, width = TOP + place * (ROW + GAP), 150
        for column, name in enumerate(layer):
            left = 16 + column * (width + 8)
            parts.append(
                f'<rect x="{left}" y="{top}" width="{width}" height="{ROW}" rx="7" fill="#fff" stroke="#cfd9dd"/>'
                f'<text x="{left + 12}" y="{top + 22}" fill="#0b6460" font-weight="600">{escape(name)}</text>'
            )
        left = 16 + len(layer) * (width + 8) + 8
        lines = _says(layer)
        for number, line in enumerate(lines):
            at = top + 21 - 7 * (len(lines) - 1) + 14 * number
            parts.append(f'<text x="{left}" y="{at}" font-size="12" fill="#13252b">{escape(line)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _says(layer: Sequence[str]) -> list[str]:
    """Return the first sentence of what a package says of itself, in lines that fit beside it."""
    said = " ".join((importlib.import_module(f"caretide.{layer[0]}").__doc__ or "").split())
    sentence = said.split(". ")[0].removesuffix(".").replace("`", "")
    return textwrap.wrap(sentence, 104 if len(layer) == 1 else 82)[:2]


def stale() -> list[str]:
    """Return the files that are not what the code would write."""
    return [
        str(path.relative_to(ROOT))
        for path, text in pages().items()
        if not path.exists() or path.read_text("utf-8") != text
    ]


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit("\n".join(stale()) or 0)
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
