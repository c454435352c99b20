"""The manager's page over 100,000 patients and their 500 coordinators."""

from caretide.kernel.permissions import Role
from tests.bench.big import people, signed_in
from tests.bench.ground import Ground
from tests.bench.measure import Measured, Size
from tests.bench.pages import PAGES, asked_for, measured
from tests.bench.standings import ruled


def run(ground: Ground, size: Size) -> Measured:
    """Ask for the landing page of the manager."""
    made = ruled(ground, size)
    [manager] = signed_in(ground, made, people(ground, made, Role.MANAGER, 1))
    return measured(ground, size, [asked_for("/team", manager)] * PAGES[size], patients=made.patients)
