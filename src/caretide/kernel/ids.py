"""Identifiers."""

import secrets
import time
from uuid import UUID

from caretide.kernel.errors import NotFound


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then random bits.

    Time-ordered keys keep inserts at the right edge of every index; made here rather than in the database so that an
    insert under the roster wall needs no RETURNING.
    """
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def parse_id(text: str) -> UUID:
    """Read an id that came from outside; what is none is answered as one that is unknown."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
