"""Browsers in which somebody has signed in before: what they ask is counted apart from strangers' requests.

A flood from an address then shuts out strangers there, and nobody who has signed in from it. The cookie is a random id
and a day under a seal of ours (OWASP, Slow Down Online Guessing Attacks with Device Cookies). It names nobody and opens
nothing: it says only whose share a request is taken from, and a device that floods uses up its own. It stays through
signing out, which therefore clears no cookies but the session's: else everybody would be a stranger the next morning.
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from typing import Final

from fastapi import Request
from starlette.responses import Response

from caretide.runtime.cookies import read_cookie, set_cookie
from caretide.vault.keys import Keyring

DEVICE: Final = "caretide_device"

LASTS: Final = timedelta(days=90)
"""Counted from the last completed sign-in."""

_SHAPE: Final = re.compile(r"([1-9][0-9]{0,4})\.([0-9a-f]{1,12})\.([A-Za-z0-9_-]{22})\.([0-9a-f]{64})")


def known_device(request: Request) -> str:
    """Return the id of the device that a request comes from; empty for a stranger's, a forged or an old one."""
    stores = request.app.state.database.stores
    return device_of(stores.keyring, read_cookie(request, DEVICE), request.app.state.database.clock())


def know_device(request: Request, response: Response) -> None:
    """Know the browser from now on, by the id that it had or by a new one: somebody has just signed in with it."""
    database = request.app.state.database
    value = device_cookie(database.stores.keyring, known_device(request) or secrets.token_urlsafe(16), database.clock())
    set_cookie(request, response, DEVICE, value, int(LASTS.total_seconds()))


def device_cookie(keys: Keyring, device: str, now: datetime) -> str:
    """Return a device's cookie as it is made at some moment."""
    version, made = keys.current, f"{int(now.timestamp()):x}"
    return f"{version}.{made}.{device}.{_seal(keys.key(version), made, device)}"


def device_of(keys: Keyring, cookie: str, now: datetime) -> str:
    """Return the id in a cookie that was made here within the last 90 days, otherwise an empty string."""
    found = _SHAPE.fullmatch(cookie)
    if found is None or not keys.has(int(found[1])):
        return ""
    version, made, device, seal = found.groups()
    is_ours = hmac.compare_digest(seal, _seal(keys.key(int(version)), made, device))
    return device if is_ours and 0 <= now.timestamp() - int(made, 16) + 1 <= LASTS.total_seconds() else ""


def _seal(key: bytes, made: str, device: str) -> str:
    own = hmac.new(key, b"caretide device cookie", hashlib.sha256).digest()
    return hmac.new(own, f"{made}.{device}".encode(), hashlib.sha256).hexdigest()
