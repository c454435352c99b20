"""Talking to an identity provider: its discovery document, its keys, and a code for a token.

Everything goes out by `caretide.runtime.outbound`. A browser that is back waits for its provider without a transaction:
a provider that is slow takes nobody's connection to the database. Only who sets one up has a transaction wait.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast
from urllib.parse import quote, urlencode, urlsplit
from uuid import UUID

from caretide.identity.queries.providers import Provider
from caretide.identity.rules.id_tokens import ALGORITHMS, BadTokenError, key_id
from caretide.kernel.errors import CaretideError, Invalid, TooMany
from caretide.runtime.outbound import Answer, Reach, ask_named

KEYS_LAST: Final = timedelta(hours=6)
KEYS_REST: Final = timedelta(minutes=1)
"""How long a provider's keys are believed, and how soon an unknown one has them fetched anew."""

SCOPE: Final = "openid"
"""Nothing but who it is: neither name nor address is asked for, so none is believed."""

_AT_ONCE: Final = 40
_OF_ONE: Final = 10
"""How many ask providers at a time, and how many of these the same one."""
_under_way: Final[Counter[str]] = Counter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a provider says of itself."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    by_post: bool
    sends_issuer: bool
    algorithms: list[str]
    keys: list[Any]


@dataclass(frozen=True, slots=True)
class Way:
    """The secrets of one way to a provider and back, all derived from what the browser keeps in its cookie."""

    kept: str

    @classmethod
    def begin(cls, carried: Mapping[str, str]) -> "Way":
        """Make one; `carried` comes back with the browser, and cannot be changed underway."""
        text = base64.urlsafe_b64encode(json.dumps(dict(carried)).encode()).decode().rstrip("=")
        return cls(f"{secrets.token_urlsafe(32)}.{text}")

    @property
    def carried(self) -> dict[str, str]:
        """What came along; nothing where the cookie is not one of ours."""
        text = self.kept.partition(".")[2]
        try:
            found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except ValueError:
            return {}
        return cast("dict[str, str]", found) if isinstance(found, dict) else {}

    def part(self, name: str) -> str:
        """Return the `state`, `nonce` or `verifier` of this way: 43 letters each, none of which tells another."""
        seal = hmac.new(self.kept.encode(), f"caretide way {name}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(seal).decode().rstrip("=")

    @property
    def digest(self) -> bytes:
        """What is stored of it."""
        return hashlib.sha256(self.part("state").encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """A way whose browser is back: why it went, to whose provider, and what it carried along."""

    way: Way
    purpose: str
    tenant_id: UUID | None
    company_id: UUID | None
    account_id: UUID | None
    is_again: bool
    began_at: datetime
    carried: dict[str, str]

    def led_to(self, owner: str) -> bool:
        """Tell whether it went to the provider of a tenant or company, named as addresses name it."""
        whose = self.tenant_id or self.company_id
        return whose is not None and whose.hex == owner


@dataclass(frozen=True, slots=True)
class Heard:
    """What a provider answered: a token, and its keys where they were fetched anew; or why there is none, in a word."""

    token: str = ""
    keys: list[Any] | None = None
    why: str = ""


def address(provider: Provider, way: Way, returns_to: str, *, longest: timedelta, again: bool) -> str:
    """Return where the browser goes to be asked who it is (PKCE with S256; RFC 7636)."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(way.part("verifier").encode()).digest()).decode().rstrip("=")
    asked = {
        "response_type": "code",
        "scope": SCOPE,
        "client_id": provider.client_id,
        "redirect_uri": returns_to,
        "state": way.part("state"),
        "nonce": way.part("nonce"),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "max_age": str(int(longest.total_seconds())),
    }
    if again:
        asked["prompt"] = "login"
    if provider.acr_values:
        asked["acr_values"] = " ".join(provider.acr_values)
    joint = "&" if urlsplit(provider.authorization_endpoint).query else "?"
    return provider.authorization_endpoint + joint + urlencode(asked)


async def described(reach: Reach, issuer: str) -> Described:
    """Read an issuer's discovery document and keys; raise Invalid, in words for an administrator, for what is lacking.

    What the document says counts because it came from the issuer's own address: it names that very issuer, exactly.
    """
    _check_address(issuer)
    found = _json(await _asked(reach, issuer.rstrip("/") + "/.well-known/openid-configuration"))
    if found is None:
        raise Invalid("There is no discovery document at this address", field="issuer")
    if found.get("issuer") != issuer:
        raise Invalid(
            "The discovery document names another issuer; copy it from there, letter by letter", field="issuer"
        )
    places = {name: found.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    for name, place in places.items():
        if not isinstance(place, str):
            raise Invalid(f"The discovery document names no {name}", field="issuer")
        _check_address(place)
    algorithms = [one for one in _words(found, "id_token_signing_alg_values_supported", ["RS256"]) if one in ALGORITHMS]
    if not algorithms:
        raise Invalid(f"It signs with none of {', '.join(ALGORITHMS)}", field="issuer")
    if "code" not in _words(found, "response_types_supported", ["code"]):
        raise Invalid("It offers no authorization code", field="issuer")
    if "S256" not in _words(found, "code_challenge_methods_supported", ["S256"]):
        raise Invalid("It offers no PKCE with S256", field="issuer")
    methods = _words(found, "token_endpoint_auth_methods_supported", ["client_secret_basic"])
    keys = await _keys(reach, str(places["jwks_uri"]))
    if not keys:
        raise Invalid("It publishes no keys", field="issuer")
    return Described(
        **{name: str(place) for name, place in places.items()},
        by_post="client_secret_basic" not in methods and "client_secret_post" in methods,
        sends_issuer=found.get("authorization_response_iss_parameter_supported") is True,
        algorithms=algorithms,
        keys=keys,
    )


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Invalid(ADDRESS, field="issuer") from None
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or parts.fragment:
        raise Invalid(ADDRESS, field="issuer")


ADDRESS: Final = "Write an address that begins with https://"


async def _asked(reach: Reach, url: str) -> Answer:
    try:
        return await ask_named(reach, "GET", url)
    except CaretideError as error:
        raise Invalid(error.message, field="issuer") from error


def _words(found: Mapping[str, Any], name: str, otherwise: list[str]) -> list[str]:
    value = found.get(name, otherwise)
    return [one for one in cast("list[object]", value) if isinstance(one, str)] if isinstance(value, list) else []


def _json(answer: Answer) -> dict[str, Any] | None:
    if answer.status != 200:
        return None
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


async def _keys(reach: Reach, url: str) -> list[Any]:
    found = (_json(await _asked(reach, url)) or {}).get("keys")
    keys = cast("list[object]", found) if isinstance(found, list) else []
    # Public halves alone: whoever publishes more loses nothing by us.
    return [_public(cast("dict[str, Any]", one)) for one in keys[:50] if isinstance(one, dict)]


_PUBLIC: Final = frozenset({"kty", "kid", "use", "alg", "crv", "n", "e", "x", "y"})


def _public(key: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name in _PUBLIC and isinstance(value, str)}


@asynccontextmanager
async def few(issuer: str) -> AsyncGenerator[None]:
    """Let some ask a provider at a time: one that does not answer must not gather everybody who tries again.

    Nor does it keep people from theirs: it has its own share of what is asked side by side.
    """
    if _under_way.total() >= _AT_ONCE or _under_way[issuer] >= _OF_ONE:
        raise TooMany("Many people are signing in right now; try again in a moment", seconds=5)
    _under_way[issuer] += 1
    try:
        yield
    finally:
        _under_way[issuer] -= 1
        if not _under_way[issuer]:
            del _under_way[issuer]


async def _fetched_keys(reach: Reach, provider: Provider) -> list[Any]:
    """Fetch a provider's keys; raise BadTokenError where it gives none."""
    try:
        keys = await _keys(reach, provider.jwks_uri)
    except CaretideError as error:
        raise BadTokenError("keys") from error
    if not keys:
        raise BadTokenError("keys")
    return keys


async def _exchanged(reach: Reach, provider: Provider, way: Way, code: str, returns_to: str) -> str:
    """Give a code for an identity token; raise BadTokenError for any answer but one with a token in it."""
    sent = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": returns_to,
        "code_verifier": way.part("verifier"),
    }
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if provider.secret is None or provider.by_post:
        sent["client_id"] = provider.client_id
    if provider.secret is not None and provider.by_post:
        sent["client_secret"] = provider.secret
    elif provider.secret is not None:
        # Both are form-encoded first (RFC 6749, section 2.3.1).
        pair = f"{quote(provider.client_id, safe='')}:{quote(provider.secret, safe='')}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    try:
        async with asyncio.timeout(10):
            body = urlencode(sent).encode()
            found = _json(await ask_named(reach, "POST", provider.token_endpoint, headers, body))
    except (CaretideError, TimeoutError) as error:
        raise BadTokenError("exchange") from error
    token = (found or {}).get("id_token")
    if not isinstance(token, str) or str((found or {}).get("token_type", "")).lower() != "bearer":
        raise BadTokenError("exchange")
    return token


async def hear(
    reach: Reach, provider: Provider, back: Back, answer: Mapping[str, str], returns_to: str, now: datetime
) -> Heard:
    """Ask a provider for the token behind an answer that came back with a browser. Call it outside a transaction."""
    try:
        check_standing(provider, back)
        code = _code(provider, answer)
        async with few(provider.issuer):
            token = await _exchanged(reach, provider, back.way, code, returns_to)
            # Fetched anew where they are old, or a token names one that is not among them.
            age, kid = now - provider.keys_at, key_id(token)
            is_unknown = bool(kid) and all(one.get("kid") != kid for one in provider.keys)
            is_known = age < KEYS_LAST and not (is_unknown and age > KEYS_REST)
            return Heard(token, None if is_known else await _fetched_keys(reach, provider))
    except BadTokenError as error:
        return Heard(why=error.why)


def _code(provider: Provider, answer: Mapping[str, str]) -> str:
    # Whose answer this is, where the provider says so: one provider's code is not taken to another (RFC 9207).
    said = answer.get("iss", "")
    if (said or provider.sends_issuer) and said != provider.issuer:
        raise BadTokenError("answer")
    if answer.get("error") or not answer.get("code"):
        raise BadTokenError("declined")
    return answer["code"]


def check_standing(provider: Provider, back: Back) -> None:
    """Raise BadTokenError for a provider that was switched off or changed while the browser was away."""
    if not provider.is_on or provider.changed_at > back.began_at:
        raise BadTokenError("changed")
