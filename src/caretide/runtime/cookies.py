"""Cookies: their names and what protects them, in one place.

Over TLS every name begins with `__Host-`: the browser then takes the cookie from this host alone, for all of it, never
from a subdomain that somebody else runs, and never sends it in the clear. None can be read by a script.
"""

from typing import Final

from fastapi import Request
from starlette.responses import Response

VISIT: Final = "caretide_visit"
"""Names a browser before anybody has signed in with it; see `caretide.runtime.forgery`."""


def is_secure(request: Request) -> bool:
    """Tell whether people reach this installation over TLS. What the connection says is the proxy's affair."""
    return request.app.state.base_url.startswith("https://")


def _full_name(request: Request, name: str) -> str:
    return f"__Host-{name}" if is_secure(request) else name


def read_cookie(request: Request, name: str) -> str:
    """Return a cookie's value, or an empty string."""
    return request.cookies.get(_full_name(request, name), "")


def set_cookie(request: Request, response: Response, name: str, value: str, seconds: int | None = None) -> None:
    """Give the browser a cookie until it closes, or for some seconds."""
    secure = is_secure(request)
    full = _full_name(request, name)
    response.set_cookie(full, value, max_age=seconds, httponly=True, samesite="lax", secure=secure)


def drop_cookie(request: Request, response: Response, name: str) -> None:
    """Take a cookie away."""
    response.delete_cookie(_full_name(request, name), httponly=True, samesite="lax", secure=is_secure(request))
