"""Giving patients to those who look after them, for good or for a while. Public here, whichever module holds it."""

from caretide.rosters.actions.covers import end_cover, give_cover
from caretide.rosters.actions.designations import designate, designate_many
from caretide.rosters.actions.glass import end_glass, open_glass, review_glass
from caretide.rosters.actions.pools import NewDuty, add_duty, end_duty
from caretide.rosters.rules import DESIGNABLE

__all__ = [
    "DESIGNABLE",
    "NewDuty",
    "add_duty",
    "designate",
    "designate_many",
    "end_cover",
    "end_duty",
    "end_glass",
    "give_cover",
    "open_glass",
    "review_glass",
]
