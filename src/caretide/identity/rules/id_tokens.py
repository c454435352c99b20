"""What an identity provider's token must be to be believed (OpenID Connect Core 1.0, sections 3.1.3.7 and 10).

Everything is asked, nothing is assumed: which signature, by which key, for whom, in answer to what, how old. Keys come
from the provider's own document alone; a token that brings or names one of its own is refused unread.
"""

import hmac
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384")
"""Signatures that are believed: none of them takes a secret that we share, so that nobody signs with a public key."""

_HEADERS: Final = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
"""What a header may say. `jku`, `x5u`, `jwk` and `x5c` bring keys along, `crit` and `b64` change what is signed."""

_CURVES: Final = {"ES256": "P-256", "ES384": "P-384"}
_PART: Final = re.compile(r"[A-Za-z0-9_-]+")
_SUBJECT: Final = re.compile(r"[\x20-\x7e]{1,255}")
MOST_LETTERS: Final = 16_384
SKEW: Final = timedelta(seconds=60)
"""How far two clocks may be apart."""
OLDEST: Final = timedelta(minutes=10)
"""How long ago a token may have been issued that was fetched just now."""
RSA_BITS: Final = 2048


class BadTokenError(Exception):
    """A token that is not believed. `why` is one word for the audit; nobody who signs in is told it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What we asked for. `since`: the person has to have proved themselves after this moment."""

    issuer: str
    client_id: str
    nonce: str
    now: datetime
    longest: timedelta
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """Whom a provider vouches for: subject, and how they proved themselves there."""

    issuer: str
    subject: str
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]


def key_id(text: str) -> str:
    """Return the key that a token names; empty where it names none or cannot be read."""
    try:
        found = _header(text).get("kid", "")
    except BadTokenError:
        return ""
    return found if isinstance(found, str) else ""


def read(text: str, keys: Sequence[Mapping[str, Any]], allowed: Collection[str], expected: Expected) -> Vouched:
    """Return whom a token vouches for; raise BadTokenError for one that is wrong in any respect."""
    header = _header(text)
    algorithm = header["alg"]
    if algorithm not in ALGORITHMS or algorithm not in allowed:
        raise BadTokenError("algorithm")
    key = _key(keys, algorithm, header.get("kid"))
    try:
        signed = jws.deserialize_compact(text, key, algorithms=[algorithm])
    except (JoseError, ValueError) as error:
        raise BadTokenError("signature") from error
    return _vouched(_object(signed.payload), expected)


def _header(text: str) -> dict[str, Any]:
    parts = text.split(".")
    if len(text) > MOST_LETTERS or len(parts) != 3 or not all(_PART.fullmatch(part) for part in parts):
        raise BadTokenError("form")
    found = _object(urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    if not found.keys() <= _HEADERS:
        raise BadTokenError("header")
    if str(found.get("typ", "JWT")).upper() != "JWT" or not isinstance(found.get("alg"), str):
        raise BadTokenError("header")
    return found


def _object(text: bytes) -> dict[str, Any]:
    """Read a JSON object in which no name stands twice: readers differ over which of two counts."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError
        return found

    try:
        found = json.loads(text.decode(), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise BadTokenError("form") from error
    if not isinstance(found, dict):
        raise BadTokenError("form")
    return cast("dict[str, Any]", found)


def _key(keys: Sequence[Mapping[str, Any]], algorithm: str, kid: object) -> RSAKey | ECKey:
    """Return the one key of the provider's that can have made a signature."""
    kind = "EC" if algorithm in _CURVES else "RSA"
    fitting = [
        one
        for one in keys
        if one.get("kty") == kind
        and one.get("use", "sig") == "sig"
        and one.get("alg", algorithm) == algorithm
        and one.get("crv") == _CURVES.get(algorithm)
        and (kid is None or one.get("kid") == kid)
    ]
    if len(fitting) != 1:
        raise BadTokenError("key")
    public = {name: value for name, value in fitting[0].items() if name in {"kty", "n", "e", "crv", "x", "y"}}
    if kind == "RSA" and _is_short(public):
        raise BadTokenError("key")
    try:
        found = ECKey.import_key(public) if kind == "EC" else RSAKey.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadTokenError("key") from error
    return found


def _is_short(public: Mapping[str, Any]) -> bool:
    """Tell whether an RSA modulus is one that is no longer safe; looked at before a library has to."""
    number = str(public.get("n", ""))
    if not _PART.fullmatch(number):
        return True
    return int.from_bytes(urlsafe_b64decode(number + "=" * (-len(number) % 4)), "big").bit_length() < RSA_BITS


def _vouched(claims: dict[str, Any], expected: Expected) -> Vouched:
    if claims.get("iss") != expected.issuer:
        raise BadTokenError("issuer")
    _check_audience(claims, expected.client_id)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise BadTokenError("nonce")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise BadTokenError("subject")
    _check_times(claims, expected)
    amr = claims.get("amr", [])
    if not isinstance(amr, list) or not all(isinstance(one, str) for one in cast("list[object]", amr)):
        raise BadTokenError("amr")
    acr = claims.get("acr", "")
    if not isinstance(acr, str):
        raise BadTokenError("acr")
    return Vouched(
        issuer=expected.issuer,
        subject=subject,
        auth_time=_moment(claims, "auth_time"),
        acr=acr,
        amr=tuple(cast("list[str]", amr)),
    )


def _check_audience(claims: dict[str, Any], client_id: str) -> None:
    """For us alone: with further audiences the provider has to say that the token was issued to us."""
    named = claims.get("aud")
    audience = [named] if isinstance(named, str) else named
    if not isinstance(audience, list) or client_id not in audience:
        raise BadTokenError("audience")
    party = claims.get("azp")
    if (len(cast("list[object]", audience)) > 1 and party is None) or party not in {None, client_id}:
        raise BadTokenError("audience")


def _check_times(claims: dict[str, Any], expected: Expected) -> None:
    now = expected.now
    if _moment(claims, "exp") + SKEW <= now:
        raise BadTokenError("expired")
    issued = _moment(claims, "iat")
    if not now - OLDEST <= issued <= now + SKEW:
        raise BadTokenError("issued")
    if "nbf" in claims and _moment(claims, "nbf") > now + SKEW:
        raise BadTokenError("early")
    proved = _moment(claims, "auth_time")
    earliest = max(now - expected.longest, expected.since or now - expected.longest) - SKEW
    if not earliest <= proved <= now + SKEW:
        raise BadTokenError("auth_time")


def _moment(claims: dict[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadTokenError(name)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadTokenError(name) from error


def has_two_factors(vouched: Vouched, acr_values: Collection[str], amr_values: Collection[str]) -> bool:
    """Tell whether the provider says, in a way that was agreed with it, that two factors were given there."""
    return vouched.acr in set(acr_values) - {""} or bool(set(amr_values) & set(vouched.amr))
