"""The permission matrix as it was reviewed: read from the documentation, which only a commit changes.

What the code grants and asks for is compared with it, so that neither can be loosened without a word.
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import Final

from caretide.kernel.permissions import Permission

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "permissions.md"
NAMES: Final = {"company director": "director"}


def _rows(part: int) -> list[list[str]]:
    """Return the rows of the table in a part of the page: 0 is what roles grant, 1 what verbs ask for."""
    text = PAGE.read_text("utf-8").split("\n## ")[part]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return [row for row in found if not set(row[0]) <= {"-"}]


def granted() -> dict[str, frozenset[Permission]]:
    """Return what each principal may do."""
    (_, *names), *rows = _rows(0)
    table = {Permission(row[0].strip("`")): row[1:] for row in rows}
    return {
        NAMES.get(name, name): frozenset(one for one, cells in table.items() if cells[number] == "yes")
        for number, name in enumerate(names)
    }


def asked() -> dict[str, set[Permission | None]]:
    """Return what is asked for under each verb's name; None for those open to everybody."""
    _, *rows = _rows(1)
    found: dict[str, set[Permission | None]] = defaultdict(set)
    for permission, verbs in rows:
        asks = Permission(permission.strip("`")) if permission.startswith("`") else None
        for name in re.findall(r"`(\w+\.\w+)`", verbs):
            found[name].add(asks)
    return dict(found)
