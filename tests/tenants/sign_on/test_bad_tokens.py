"""Every token that is not believed, and those that are."""

import html
import json
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import func, select

from caretide.identity.models import Session
from caretide.kernel.actor import Actor
from caretide.runtime.tx import Database
from tests.cast import Cast
from tests.client import COOKIE
from tests.database import HandClock, Server
from tests.identity.idp import CLIENT, Claims, Provider, encoded, sign
from tests.tenants.sign_on.ways import enter, linked, why


def edited(**changes: Any) -> Any:
    """Return what mints a token that is honest but for some claims; None leaves a claim out."""

    def mint(idp: Provider, claims: Claims) -> str:
        said = {name: value for name, value in (claims | changes).items() if value is not None}
        return sign(idp.key, said)

    return mint


def later(**seconds: float) -> Any:
    """Return what mints a token some of whose times are off by so many seconds."""

    def mint(idp: Provider, claims: Claims) -> str:
        now = int(idp.now().timestamp())
        return sign(idp.key, claims | {name: now + off for name, off in seconds.items()})

    return mint


STRANGE = RSAKey.generate_key(2048, {"kid": "one"})


def by_public_key(idp: Provider, claims: Claims) -> str:
    """Sign with the provider's public key as if it were a secret that we share."""
    return sign(idp.key, claims, "HS256")


def unsigned(idp: Provider, claims: Claims) -> str:
    del idp
    return f"{encoded({'alg': 'none', 'kid': 'one'})}.{encoded(claims)}."


def cut(idp: Provider, claims: Claims) -> str:
    return sign(idp.key, claims).rpartition(".")[0] + "."


def altered(idp: Provider, claims: Claims) -> str:
    head, _, seal = sign(idp.key, claims).split(".")
    return f"{head}.{encoded(claims | {'sub': 'somebody else'})}.{seal}"


def twice(idp: Provider, claims: Claims) -> str:
    text = json.dumps(claims)
    return sign(idp.key, (text[:-1] + ', "sub": "somebody else"}').encode())


BAD: dict[str, Any] = {
    "no signature": unsigned,
    "signature cut off": cut,
    "claims changed": altered,
    "signed by a stranger": lambda idp, claims: sign(STRANGE, claims),
    "signed with the public key": by_public_key,
    "unknown key": lambda idp, claims: sign(idp.key, claims, kid="two"),
    "key of another kind": lambda idp, claims: sign(idp.key, claims, kid="curve"),
    "algorithm not offered": lambda idp, claims: sign(idp.key, claims, "RS512"),
    "key brought along (jwk)": lambda idp, claims: sign(STRANGE, claims, jwk=STRANGE.as_dict(private=False)),
    "key elsewhere (jku)": lambda idp, claims: sign(STRANGE, claims, jku="https://evil.example/keys"),
    "certificate elsewhere (x5u)": lambda idp, claims: sign(STRANGE, claims, x5u="https://evil.example/cert"),
    "certificate brought along (x5c)": lambda idp, claims: sign(idp.key, claims, x5c=["MIIB"]),
    "critical extension": lambda idp, claims: sign(idp.key, claims, crit=["exp"], exp=1),
    "token of another kind": lambda idp, claims: sign(idp.key, claims, typ="at+jwt"),
    "logout token": lambda idp, claims: sign(idp.key, claims, typ="logout+jwt"),
    "another issuer": edited(iss="https://evil.example"),
    "issuer with a slash": lambda idp, claims: sign(idp.key, claims | {"iss": idp.issuer + "/"}),
    "no issuer": edited(iss=None),
    "another audience": edited(aud="somebody else"),
    "no audience": edited(aud=None),
    "audiences, issued to nobody": edited(aud=[CLIENT, "somebody else"]),
    "audiences, issued to another": edited(aud=[CLIENT, "somebody else"], azp="somebody else"),
    "issued to another": edited(azp="somebody else"),
    "another nonce": edited(nonce="of another way"),
    "no nonce": edited(nonce=None),
    "nonce of another type": edited(nonce=["x"]),
    "no subject": edited(sub=None),
    "empty subject": edited(sub=""),
    "subject too long": edited(sub="x" * 256),
    "subject of another type": edited(sub=7),
    "expired": later(exp=-61),
    "no expiry": edited(exp=None),
    "expiry as text": edited(exp="9999999999"),
    "issued long ago": later(iat=-601),
    "issued in the future": later(iat=61),
    "no time of issue": edited(iat=None),
    "not before later": later(nbf=61),
    "proved too long ago": later(auth_time=-12 * 3600 - 61),
    "no time of proof": edited(auth_time=None),
    "proved in the future": later(auth_time=61),
    "amr of another type": edited(amr="mfa"),
    "subject named twice": twice,
    "no object": lambda idp, claims: sign(idp.key, b"[]"),
    "no JSON": lambda idp, claims: sign(idp.key, b"\xff\xfe"),
    "five parts": lambda idp, claims: sign(idp.key, claims) + ".x.y",
    "too long": lambda idp, claims: sign(idp.key, claims | {"filler": "x" * 20_000}),
}


@pytest.mark.req("V-15", "W-11")
@pytest.mark.parametrize("mint", BAD.values(), ids=BAD)
async def test_bad_token_is_refused(
    mint: Any,
    browser: httpx.AsyncClient,
    cast: Cast,
    database: Database,
    provider: Provider,
    client: httpx.AsyncClient,
    clock: HandClock,
    server: Server,
) -> None:
    await linked(database, cast.manager, provider)
    clock.advance(minutes=2)
    provider.mint = mint
    refused = await enter(client, cast.slug, provider)
    assert (refused.status_code, COOKIE in client.cookies) == (401, False)
    assert "did not say, in a way that can be relied on" in html.unescape(refused.text)
    # The token was looked at, and it was the token that was wrong.
    assert why(server) not in {"exchange", "answer", "declined", "changed", "way"}
    async with database.tx(Actor.nobody()) as tx:
        opened = select(func.count()).where(Session.account_id == cast.manager.account_id)
        assert (await tx.db.execute(opened)).scalar_one() == 0


@pytest.mark.req("V-15")
@pytest.mark.filterwarnings("ignore:Key size")
async def test_short_key_and_two_keys_that_fit_are_refused(
    browser: httpx.AsyncClient,
    cast: Cast,
    database: Database,
    provider: Provider,
    client: httpx.AsyncClient,
    clock: HandClock,
) -> None:
    await linked(database, cast.manager, provider)
    short = RSAKey.generate_key(1024, {"kid": "short", "use": "sig"})
    provider.published = [provider.key, short]
    clock.advance(minutes=2)
    provider.mint = lambda idp, claims: sign(short, claims)
    assert (await enter(client, cast.slug, provider)).status_code == 401
    provider.published = [provider.key, RSAKey.generate_key(2048, {"kid": "else"})]
    clock.advance(hours=7)
    provider.mint = lambda idp, claims: sign(idp.key, claims, kid=None)
    assert (await enter(client, cast.slug, provider)).status_code == 401


@pytest.mark.req("V-15")
async def test_honest_tokens_of_every_kind_are_taken(
    browser: httpx.AsyncClient,
    cast: Cast,
    database: Database,
    provider: Provider,
    client: httpx.AsyncClient,
    clock: HandClock,
) -> None:
    await linked(database, cast.manager, provider)
    fresh = ECKey.generate_key("P-256", {"kid": "new"})
    mints: list[Any] = [
        None,
        edited(aud=[CLIENT]),
        edited(aud=[CLIENT, "other"], azp=CLIENT),
        later(exp=-59, iat=-300),
        lambda idp, claims: sign(idp.curve, claims, "ES256"),
        lambda idp, claims: sign(idp.key, claims, "PS256"),
        lambda idp, claims: sign(idp.key, claims, kid=None, typ=None),
        lambda idp, claims: sign(fresh, claims, "ES256"),
    ]
    for mint in mints:
        provider.mint = mint
        clock.advance(minutes=2)
        provider.published = [provider.key, provider.curve, fresh] if mint is mints[-1] else []
        assert (await enter(client, cast.slug, provider)).status_code == 303, mints.index(mint)
    # A key that nobody knew yet was fetched, once.
    assert provider.asked.count("/keys") == 2
