"""A passkey in software, which lies as it is told: what a browser would sign, and what an attacker would instead."""

import base64
import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.types import ASGIApp

from caretide.kernel.actor import Actor
from tests.client import HOME, Visit, browser
from tests.database import HandClock

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
"""Flags of the authenticator's data (WebAuthn, 6.1): somebody is there, who they are was checked, a key comes."""


def text(octets: bytes) -> str:
    """Return base64url without padding, as browsers send it."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def octets(sent: str) -> bytes:
    """Return what base64url stands for."""
    return base64.urlsafe_b64decode(sent + "=" * (-len(sent) % 4))


@dataclass
class Authenticator:
    """One key, and how often it signed."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    count: int = 0

    def make(self, options: Mapping[str, Any], **lies: Any) -> str:
        """Return a browser's answer to the offer of a new passkey."""
        client = _client(options, "webauthn.create", lies)
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        credential = bytes(16) + len(self.id).to_bytes(2) + self.id + cbor2.dumps(cose)
        flags = lies.get("flags", PRESENT | VERIFIED) | ATTESTED
        data = _place(options["rp"]["id"], lies) + bytes([flags]) + self.count.to_bytes(4) + credential
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(self.id, clientDataJSON=text(client), attestationObject=text(attested))

    def sign(self, options: Mapping[str, Any], **lies: Any) -> str:
        """Return a browser's answer to the question for a passkey.

        `origin`, `rp_id`, `flags`, `count`, `challenge` and `type` stand in the place of what is true; `id` is the
        credential that is named, `client` what is sent as the client's data in the place of what was signed.
        """
        client = _client(options, "webauthn.get", lies)
        if "count" not in lies:
            self.count += 1
        flags, count = lies.get("flags", PRESENT | VERIFIED), lies.get("count", self.count)
        data = _place(options["rpId"], lies) + bytes([flags]) + count.to_bytes(4)
        signed = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        sent = lies["client"](client) if "client" in lies else client
        parts = {"clientDataJSON": text(sent), "authenticatorData": text(data), "signature": text(signed)}
        return self._answer(lies.get("id", self.id), **parts)

    def _answer(self, id_: bytes, **response: str) -> str:
        named = {"id": text(id_), "rawId": text(id_), "type": "public-key", "clientExtensionResults": {}}
        return json.dumps({**named, "response": response})


def _client(options: Mapping[str, Any], kind: str, lies: Mapping[str, Any]) -> bytes:
    challenge = lies.get("challenge", options["challenge"])
    told = {"type": lies.get("type", kind), "challenge": challenge, "origin": lies.get("origin", HOME)}
    return json.dumps({**told, "crossOrigin": False}).encode()


def _place(rp_id: str, lies: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(lies.get("rp_id", rp_id).encode()).digest()


async def bind(browser: httpx.AsyncClient, **lies: Any) -> tuple[Authenticator, httpx.Response]:
    """Make a passkey for the account that a browser is signed in to."""
    device = Authenticator()
    offer = await browser.post("/welcome/passkey-offer")
    assert offer.status_code == 200, offer.text
    return device, await browser.post("/welcome/passkey", data={"answer": device.make(offer.json(), **lies)})


async def asked(browser: httpx.AsyncClient, path: str = "/sign-in/passkey-question") -> dict[str, Any]:
    """Return what a passkey is asked to sign."""
    question = await browser.post(path)
    assert question.status_code == 200, question.text
    return question.json()


async def enter(browser: httpx.AsyncClient, answer: str) -> httpx.Response:
    """Sign in by an answer."""
    return await browser.post("/sign-in/passkey", data={"answer": answer})


Hold = Callable[[Actor], Awaitable[Authenticator]]


@pytest.fixture
def hold(application: ASGIApp, clock: HandClock, signed_in: Visit) -> Hold:
    """Give an actor's account a passkey and sign in with it once."""

    async def make(actor: Actor) -> Authenticator:
        device, answer = await bind(await signed_in(actor))
        assert answer.status_code == 303, answer.text
        async with browser(application, clock) as tab:
            assert (await enter(tab, device.sign(await asked(tab)))).status_code == 303
        return device

    return make
