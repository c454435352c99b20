"""Forged requests: a change is made only by a page of ours, in the session that the page was made for.

Two proofs, both asked of every change that a cookie vouches for. What the browser says about where the request came
from (`Sec-Fetch-Site`, or `Origin` from browsers that lack it) is looked at by the gate. What the page itself carries,
a token bound to the session, is looked at here. Before sign-in a visit takes the session's place: a random value of
the browser's own, so that nobody is signed in to somebody else's account. The API reads no cookies and needs neither.
"""

import hashlib
import hmac
from datetime import datetime
from typing import Final

from fastapi import Request

from caretide.kernel.errors import Forbidden

HEADER: Final = "x-csrf-token"
FIELD: Final = "csrf_token"

TOKEN_SECONDS: Final = 12 * 60 * 60
"""How long a page's token serves: as long as a session lasts at most."""

OUT_OF_DATE: Final = "This form is out of date; reload the page and try again"


def csrf_token(secret: str, now: datetime) -> str:
    """Return the token of the pages of a session: when it was made, and a seal that only the session's secret gives."""
    return _sealed(secret, f"{int(now.timestamp()):x}")


def is_token(sent: str, secret: str, now: datetime) -> bool:
    """Tell whether a token was made for this session, and not too long ago."""
    made = sent.partition(".")[0]
    if not hmac.compare_digest(sent.encode(), _sealed(secret, made).encode()):
        return False
    # The seal is right: what stands before it was written by `csrf_token`.
    return 0 <= now.timestamp() - int(made, 16) + 1 <= TOKEN_SECONDS


def _sealed(secret: str, made: str) -> str:
    seal = hmac.new(secret.encode(), f"caretide form {made}".encode(), hashlib.sha256).hexdigest()
    return f"{made}.{seal}"


async def check_token(request: Request, secrets: list[str], now: datetime) -> None:
    """Refuse a change whose page was made for none of these sessions. A header spares reading the form."""
    header = request.headers.get(HEADER, "")
    if any(is_token(header, secret, now) for secret in secrets):
        return
    value = (await request.form()).get(FIELD)
    sent = value if isinstance(value, str) else ""
    if not any(is_token(sent, secret, now) for secret in secrets):
        raise Forbidden(OUT_OF_DATE)
