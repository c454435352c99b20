"""National payment amounts: relative value units times the conversion factor, before locality and sequestration."""

from collections.abc import Iterable
from datetime import date

from caretide.programs.packs import Packs
from caretide.programs.ruling import CodeUnits


def amount(code: str, day: date, *, facility: bool, packs: Packs) -> int | None:
    """Return the national amount of one unit in cents, None where no amount is known or the code is not payable."""
    known = packs.codes.get(code)
    if known is None or not known.active(day, day):
        return None
    for fee in packs.fees.get(code, ()):
        if fee.first <= day <= fee.last:
            return fee.facility if facility else fee.nonfacility
    return None


def total(codes: Iterable[CodeUnits], day: date, *, facility: bool, packs: Packs) -> int | None:
    """Return the national amount of claim lines in cents, None as soon as one of them has none."""
    cents = 0
    for line in codes:
        one = amount(line.code, day, facility=facility, packs=packs)
        if one is None:
            return None
        cents += one * line.units
    return cents
