"""My day of coordinators with rosters of 200 patients each, in a tenant of 100,000."""

from typing import Final

from caretide.kernel.permissions import Role
from tests.bench.big import people, signed_in
from tests.bench.ground import Ground
from tests.bench.measure import Measured, Size
from tests.bench.pages import asked_for, measured
from tests.bench.standings import ruled

COORDINATORS: Final = {"small": 2, "full": 200}


def run(ground: Ground, size: Size) -> Measured:
    """Ask for the landing page of one coordinator after the other."""
    made = ruled(ground, size)
    team = people(ground, made, Role.COORDINATOR, COORDINATORS[size])
    pages = [asked_for("/my-day", secret) for secret in signed_in(ground, made, team)]
    return measured(ground, size, pages, patients=made.patients)
