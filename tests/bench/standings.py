"""The month to date of 100,000 patients, ruled patient after patient and kept, as the recurring job does."""

from tests.bench.big import Big, big
from tests.bench.ground import Ground
from tests.bench.measure import Size


def ruled(ground: Ground, size: Size) -> Big:
    """Return the big tenant with every open month ruled."""
    return big(ground, size)
