"""The month's page over 100,000 patient-months: the running month, and the last one before and after its close."""

from caretide.kernel.month import Month
from caretide.kernel.permissions import Role
from tests.bench.big import Big, asked, people, signed_in
from tests.bench.ground import Ground
from tests.bench.measure import Measured, Size
from tests.bench.pages import asked_for, measured
from tests.bench.standings import fill, ruled
from tests.bench.whole_close import closed


def run_open(ground: Ground, size: Size) -> Measured:
    """Look at the running month."""
    made = ruled(ground, size)
    return _month(ground, size, made, made.running)


def run_closed(ground: Ground, size: Size) -> Measured:
    """Look at the last month once it is closed and its lists are what was frozen."""
    made = closed(ground, size)
    fill(ground, made)
    return _month(ground, size, made, made.last)


def _month(ground: Ground, size: Size, made: Big, month: Month) -> Measured:
    """Ask for the whole month and for each clinic's, ready and blocked, the first pages and later ones."""
    [biller] = signed_in(ground, made, people(ground, made, Role.BILLING, 1))
    clinics = [str(row[0]) for row in asked(ground, "SELECT id FROM clinics WHERE tenant_id = %s", made.tenant_id)]
    address = f"/months/{month}"
    wanted = [
        f"{address}?clinic={clinic}&show={show}&page={page}"
        for clinic in ("", *clinics)
        for show in ("ready", "blocked")
        for page in (1, 2, 5)
    ]
    pages = [asked_for(path, biller) for path in wanted]
    return measured(ground, size, pages, patients=made.patients)
