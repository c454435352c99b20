"""Amounts of money: whole cents, never floating point."""

from decimal import ROUND_HALF_UP, Decimal


def cents(dollars: str | Decimal) -> int:
    """Return dollars as whole cents, half a cent rounded up."""
    return int((Decimal(dollars) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def dollars(amount: int) -> str:
    """Return cents as `$1,234.56`."""
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), 100)
    return f"{sign}${whole:,}.{rest:02d}"
