"""The one Jinja environment: escapes everything, and an unknown name is an error instead of an empty string."""

import hashlib
from collections.abc import Callable, Iterable, MutableMapping
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from caretide.ui.filters import FILTERS
from caretide.ui.forms import FormState
from caretide.ui.pieces import pieces

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
TEMPLATES: Final = HERE / "templates"

STYLESHEETS: Final = (
    *("tokens", "base", "shell", "controls", "fields", "surfaces", "pieces", "tables", "charts", "palette"),
    *("gates", "month", "roster", "queue", "patient", "timer", "outreach", "team", "admin", "audit"),
)
"""The style sheets of every page in the order of the cascade: the library, then single pages. Print comes last."""

SCRIPTS: Final = (
    "toasts",
    "clock",
    "dialogs",
    "forms",
    "listing",
    "queue",
    "palette",
    "keys",
    "outcomes",
    "passkeys",
    "session",
    "still",
    "tabs",
)


def asset_address(static: Path = STATIC, prefix: str = "/static") -> Callable[[str], str]:
    """Return the function that gives a static file's address, with a mark of its content so that caches never lie."""

    @cache
    def address(path: str) -> str:
        digest = hashlib.sha256((static / path).read_bytes()).hexdigest()
        return f"{prefix}/{path}?v={digest[:10]}"

    return address


class _Environment(Environment):
    """Gives every template its globals in one dictionary.

    Jinja chains two, which it walks in Python for each `from` and `include`, forty times a page. It does so that a
    template's own names reach no other; ours have none.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return the names that a template knows before it is given any."""
        names = cast("dict[str, Any]", self.globals)  # pyright: ignore[reportUnknownMemberType] - bare in Jinja
        return {**names, **(d or {})}


def make_environment(template_dirs: Iterable[Path] = (), *, reload: bool = False) -> Environment:
    """Return the environment over the shared templates and those of the features.

    `template_dirs` are the features' `templates` folders; each holds a folder of the feature's own name. `reload` looks
    for changed templates at every rendering (development).
    """
    folders = [str(TEMPLATES), *(str(path) for path in template_dirs)]
    environment = _Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=reload,
    )
    environment.filters.update(FILTERS)  # pyright: ignore[reportUnknownMemberType] - Jinja leaves it a bare dict
    asset = asset_address()
    names = {"asset": asset, "form": FormState(), "stylesheets": STYLESHEETS, "scripts": SCRIPTS, **pieces(asset)}
    environment.globals.update(names)  # pyright: ignore[reportUnknownMemberType] - Jinja leaves it a bare dict
    return environment
