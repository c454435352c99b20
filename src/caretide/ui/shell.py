"""What stands around every page: who is signed in, where they can go, what they should be told."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from caretide.kernel.permissions import Permission

Tone = Literal["good", "warn", "bad", "info", "neutral"]
"""How a badge, reason or message looks; a word and an icon always stand beside the color."""


@dataclass(frozen=True, slots=True)
class NavLink:
    """A place in the top bar; `key` is compared with the page's section, `letter` follows `g` on the keyboard.

    `short` stands in the bar of a phone, where five places share its width.
    """

    key: str
    label: str
    href: str
    icon: str
    letter: str = ""
    short: str = ""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A key, or keys one after another, and what it does: `act` is a name in js/keys.js, `href` where `go` leads."""

    keys: str
    label: str
    act: str
    href: str = ""


SHORTCUTS: Final = (
    Shortcut("Mod+k", "Find a place, an action or a patient", "palette"),
    Shortcut("/", "Search this page, or everything", "search"),
    Shortcut("j", "Next row", "next"),
    Shortcut("k", "Row before", "previous"),
    Shortcut("Enter", "Open the row", "open"),
    Shortcut("Esc", "Close what is open", "close"),
    Shortcut("?", "These keys", "help"),
)
"""The keys of every page: the help dialog shows this table, and js/keys.js reads it from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTimer:
    """The account's timer, shown on every page; `elapsed` seconds as the page is rendered.

    `key` names it. It asks after `asks_after` seconds without a sign of life.
    """

    label: str
    href: str
    elapsed: int
    key: str = ""
    asks_after: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """A patient's record that is open by emergency access; `id` is the use, `until` when it ends, as it is read."""

    id: UUID
    label: str
    href: str
    until: str


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence for the person, shown once."""

    tone: Tone
    text: str


@dataclass(frozen=True, slots=True)
class Workplace:
    """A tenant that the account works in, and whether it is the one that the page belongs to."""

    tenant_id: UUID
    name: str
    is_here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """The frame of a page; without an account it is that of a visitor. `is_fresh`: they proved who they are lately."""

    section: str = ""
    nav: tuple[NavLink, ...] = ()
    account_name: str = ""
    role: str = ""
    tenant_name: str = ""
    places: tuple[Workplace, ...] = ()
    demo: bool = False
    running: RunningTimer | None = None
    emergencies: tuple[Emergency, ...] = ()
    idle_seconds: int = 900
    messages: tuple[Message, ...] = ()
    is_fresh: bool = True

    @property
    def may_switch(self) -> bool:
        """Whether there is another place to work in."""
        return len(self.places) > 1

    @property
    def shortcuts(self) -> tuple[Shortcut, ...]:
        """The keys of this page: those of every page, and `g` with a letter for each place."""
        places = (Shortcut(f"g {one.letter}", f"Go to {one.label}", "go", one.href) for one in self.nav if one.letter)
        return (*SHORTCUTS, *places)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """A refusal or fault in words. `permission` is set when one was lacking; `reference` finds it in the log."""

    status: int
    title: str
    message: str
    permission: str = ""
    href: str = "/"
    label: str = "Back to work"
    reference: str = ""


PLACES: Final = (
    (Permission.PATIENT_READ, NavLink("my-day", "My day", "/my-day", "day", "d")),
    (Permission.TEAM_READ, NavLink("team", "Team", "/team", "team", "t")),
    (Permission.MONTH_READ, NavLink("month", "Month", "/months", "calendar", "m")),
    (Permission.AUDIT_READ, NavLink("audit", "Audit", "/audit", "shield", "u")),
    (Permission.TENANT_WRITE, NavLink("admin", "Administration", "/admin", "settings", "a", "Admin")),
)

COMPANY: Final = NavLink("company", "Company", "/company", "clinic", "c")
"""Where a service company's director begins, before any tenant is chosen."""

LANDINGS: Final = (
    ("admin", Permission.TENANT_WRITE),
    ("team", Permission.TEAM_READ),
    ("my-day", Permission.TIME_WRITE),
    ("month", Permission.MONTH_READ),
)
"""Places and the permission that makes each somebody's first; the first that fits, of those that they can go to."""


def navigation(permissions: Collection[Permission]) -> tuple[NavLink, ...]:
    """Return the places that somebody with these permissions can go to."""
    return tuple(link for permission, link in PLACES if permission in permissions)


def landing(permissions: Collection[Permission]) -> str:
    """Return where somebody's day begins: an administrator's with the tenant, a biller's with the month."""
    places = {link.key: link.href for link in navigation(permissions)}
    firsts = (places[key] for key, permission in LANDINGS if key in places and permission in permissions)
    return next(firsts, next(iter(places.values()), "/tenants"))


TITLES: Final = {
    401: "Please sign in",
    403: "Not allowed",
    404: "Nothing here",
    409: "That clashes with what is recorded",
    422: "That does not fit",
    429: "Too many tries",
    500: "Something broke on our side",
    503: "Not reachable right now",
}
"""Status -> heading of its error page."""
