"""Questions about who may see whom. Public here, whichever module holds it."""

from caretide.rosters.queries.covers import cover, covering, covers, my_cover, my_covers, my_roster
from caretide.rosters.queries.designations import (
    DesignationRow,
    designated,
    designated_as_of,
    designees,
    history,
    panel,
    roster,
)
from caretide.rosters.queries.glass import (
    beyond,
    due_reviews,
    find_beyond,
    glass_use,
    glass_uses,
    may_break_glass,
    my_glasses,
)
from caretide.rosters.queries.pages import cover_page, duty_page, emergency_page, opening_page, reviews_page
from caretide.rosters.queries.pools import duties, duty, my_duties, on_duty_for

__all__ = [
    "DesignationRow",
    "beyond",
    "cover",
    "cover_page",
    "covering",
    "covers",
    "designated",
    "designated_as_of",
    "designees",
    "due_reviews",
    "duties",
    "duty",
    "duty_page",
    "emergency_page",
    "find_beyond",
    "glass_use",
    "glass_uses",
    "history",
    "may_break_glass",
    "my_cover",
    "my_covers",
    "my_duties",
    "my_glasses",
    "my_roster",
    "on_duty_for",
    "opening_page",
    "panel",
    "reviews_page",
    "roster",
]
