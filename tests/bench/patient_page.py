"""The page of one patient of 100,000, the running month's."""

from typing import Final

from caretide.kernel.permissions import Role
from tests.bench.big import people, rosters, signed_in
from tests.bench.ground import Ground
from tests.bench.measure import Measured, Size
from tests.bench.pages import asked_for, measured
from tests.bench.standings import ruled

COORDINATORS: Final = {"small": 2, "full": 50}
EACH: Final = {"small": 4, "full": 12}


def run(ground: Ground, size: Size) -> Measured:
    """Let coordinators open patients of their rosters, in turn."""
    made = ruled(ground, size)
    team = people(ground, made, Role.COORDINATOR, COORDINATORS[size])
    secrets = signed_in(ground, made, team)
    open_to = rosters(ground, made, team, EACH[size])
    pages = [
        asked_for(f"/patients/{open_to[one][place]}", secrets[one])
        for place in range(EACH[size])
        for one in range(len(team))
    ]
    return measured(ground, size, pages, patients=made.patients)
