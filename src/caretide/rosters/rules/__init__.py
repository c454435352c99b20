"""When a cover or a duty holds, what emergency access is for, and what may be recorded of each."""

from caretide.rosters.rules.emergency import Beyond, DueReviews, GlassUse, OpenGlass
from caretide.rosters.rules.shifts import DESIGNABLE, CoverRow, DutyRow

__all__ = ["DESIGNABLE", "Beyond", "CoverRow", "DueReviews", "DutyRow", "GlassUse", "OpenGlass"]
