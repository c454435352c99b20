"""Lists as data: which columns sort, what is filtered, which page is shown. Drawn by `templates/ui/tables.html`.

A list works by plain links and GET forms; htmx only swaps the card in place (`js/listing.js`). What a person types to
find a patient never belongs here: an address must not hold a name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Self
from urllib.parse import urlencode

from caretide.ui.forms import Option

Kind = Literal["text", "number", "wide", "action"]
"""How a column is set: figures to the right, a wide one takes the room that is left, an action has no visible head."""

Direction = Literal["ascending", "descending", "none"]

SIZE: Final = 50
"""Rows of a page. There is no choice of sizes: whoever wants fewer rows narrows the list."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `key` is what `?sort=` carries, empty for one that does not sort; `falling` sorts downward first."""

    label: str
    key: str = ""
    kind: Kind = "text"
    falling: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A choice above a list, sent as `?name=value`; the first option means all and sends nothing."""

    name: str
    label: str
    options: tuple[Option, ...]
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page of a list, and the addresses of its neighbors.

    `sort` is a column's key, with a minus for downward; `query` are the parameters that stay as they are (a tab, a
    clinic). `total` counts the whole list after filtering. `id` names the list on its page.
    """

    path: str
    columns: tuple[Column, ...]
    sort: str = ""
    filters: tuple[Filter, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    page: int = 1
    total: int = 0
    size: int = SIZE
    id: str = "list"

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.size))

    @property
    def span(self) -> str:
        """Which rows are shown: `51-100 of 1,150`, with an en dash."""
        first, last = (self.page - 1) * self.size + 1, min(self.total, self.page * self.size)
        if first > last:
            return f"0 of {self.total:,}"
        return f"{first:,}\N{EN DASH}{last:,} of {self.total:,}" if last > first else f"{last:,} of {self.total:,}"

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.page - 1) * self.size

    @property
    def is_filtered(self) -> bool:
        """Whether a filter leaves something out."""
        return any(one.value for one in self.filters)

    @property
    def kept(self) -> dict[str, str]:
        """What the filter form sends along unseen."""
        return {**self.query, **({"sort": self.sort} if self.sort else {})}

    @property
    def bare(self) -> str:
        """The address of the list with every filter taken off."""
        return self._address(self.kept)

    def direction(self, column: Column) -> Direction:
        """How the list is sorted by a column, for `aria-sort`."""
        if not column.key or self.sort.removeprefix("-") != column.key:
            return "none"
        return "descending" if self.sort.startswith("-") else "ascending"

    def sort_address(self, column: Column) -> str:
        """Where the head of a column leads: the other way round, or its own first way; back to the first page."""
        falls = {"ascending": True, "descending": False, "none": column.falling}[self.direction(column)]
        return self._address({**self.query, **self._chosen(), "sort": f"{'-' if falls else ''}{column.key}"})

    def page_address(self, page: int) -> str:
        """Where another page of the same list is."""
        return self._address({**self.kept, **self._chosen(), **({"page": str(page)} if page > 1 else {})})

    def _chosen(self) -> dict[str, str]:
        return {one.name: one.value for one in self.filters if one.value}

    def _address(self, query: Mapping[str, str]) -> str:
        shown = {name: value for name, value in query.items() if value}
        return f"{self.path}?{urlencode(shown)}" if shown else self.path

    def at(self, page: int, total: int) -> Self:
        """Return this listing with its rows counted; a page past the end becomes the last one."""
        last = max(1, -(-total // self.size))
        return type(self)(
            path=self.path,
            columns=self.columns,
            sort=self.sort,
            filters=self.filters,
            query=self.query,
            page=min(max(1, page), last),
            total=total,
            size=self.size,
            id=self.id,
        )


def sort_of(asked: str, columns: Sequence[Column], otherwise: str) -> str:
    """Return what `?sort=` asks for if a column is sorted by it, else `otherwise`: an address is anybody's text."""
    return asked if asked.removeprefix("-") in {one.key for one in columns if one.key} else otherwise
