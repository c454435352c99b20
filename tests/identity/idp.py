"""An identity provider of the tests' own, on this machine and over TLS: honest, until a test says how it lies."""

import base64
import hashlib
import hmac
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey, RSAKey

from caretide.runtime.outbound import Reach

CLIENT, SECRET = "caretide at the tests", "a secret with / and : in it"

Claims = dict[str, Any]
Mint = Callable[["Provider", Claims], str]


@dataclass
class Provider:
    """Who is signed in there (`subject`), how they proved it, and what is answered: `mint` makes the token."""

    folder: Path
    now: Callable[[], datetime]
    subject: str = "248289761001"
    amr: list[str] = field(default_factory=lambda: ["pwd"])
    acr: str = ""
    proved_ago: float = 5
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    curve: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "curve", "use": "sig"}))
    mint: Mint | None = None
    document: dict[str, Any] = field(default_factory=dict[str, Any])
    status: int = 200
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    asked: list[str] = field(default_factory=list[str])
    port: int = 0
    published: list[RSAKey | ECKey] = field(default_factory=list[RSAKey | ECKey])

    @property
    def issuer(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def reach(self) -> Reach:
        return Reach(frozenset({f"127.0.0.1:{self.port}"}), str(self.folder / "authority.pem"))

    def described(self) -> dict[str, Any]:
        """Return the discovery document, with what a test put into it."""
        known = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256", "PS256", "ES256", "HS256", "none"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }
        return {name: value for name, value in (known | self.document).items() if value is not None}

    def keys(self) -> dict[str, Any]:
        return {"keys": [one.as_dict(private=False) for one in self.published or [self.key, self.curve]]}

    def authorize(self, href: str) -> dict[str, str]:
        """Be the person's browser at the provider: sign in, and return what it is sent back with."""
        assert href.startswith(f"{self.issuer}/authorize?")
        asked = dict(parse_qsl(urlsplit(href).query))
        assert (asked["response_type"], asked["scope"], asked["code_challenge_method"]) == ("code", "openid", "S256")
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def claims(self, asked: dict[str, str]) -> Claims:
        """Return what an honest token says."""
        now = int(self.now().timestamp())
        said: Claims = {"iss": self.issuer, "sub": self.subject, "aud": CLIENT, "exp": now + 300, "iat": now}
        said |= {"nonce": asked["nonce"], "auth_time": int(now - self.proved_ago), "amr": self.amr}
        return said | ({"acr": self.acr} if self.acr else {})

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Answer at the token endpoint, as RFC 6749 and 7636 ask for."""
        asked = self.codes.pop(form.get("code", ""), None)
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        known = tuple(unquote(part) for part in pair.split(":")) == (CLIENT, SECRET)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or not known or asked["code_challenge"] != challenge.decode().rstrip("="):
            return 400, {"error": "invalid_grant"}
        if form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        claims = self.claims(asked)
        minted = self.mint(self, claims) if self.mint else sign(self.key, claims)
        return self.status, {"token_type": "Bearer", "access_token": "of no use", "id_token": minted}


def sign(key: RSAKey | ECKey, claims: Claims | bytes, algorithm: str = "RS256", **header: Any) -> str:
    """Return a signed token; a header of None leaves one out. Made by hand: a library would refuse to write some."""
    known = {"alg": algorithm, "kid": key.kid, "typ": "JWT"} | header
    text = f"{encoded({name: value for name, value in known.items() if value is not None})}.{encoded(claims)}"
    return f"{text}.{encoded(_seal(key, text.encode(), algorithm))}"


def _seal(key: RSAKey | ECKey, text: bytes, algorithm: str) -> bytes:
    digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[algorithm[2:]]
    if algorithm.startswith("HS"):
        # As if the public key were a secret that we share.
        return hmac.digest(key.as_pem(private=False), text, digest.name)
    private = key.private_key
    if isinstance(private, ec.EllipticCurvePrivateKey):
        first, second = utils.decode_dss_signature(private.sign(text, ec.ECDSA(digest)))
        return first.to_bytes(32, "big") + second.to_bytes(32, "big")
    assert isinstance(private, rsa.RSAPrivateKey)
    salted = padding.PSS(padding.MGF1(digest), digest.digest_size)
    return private.sign(text, salted if algorithm.startswith("PS") else padding.PKCS1v15(), digest)


def encoded(value: Any) -> str:
    """Return the base64url form of a part of a token that is made by hand."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


@contextmanager
def serving(folder: Path, now: Callable[[], datetime]) -> Iterator[Provider]:
    """Run a provider on a free port."""
    provider = Provider(folder, now)
    _authority(folder)

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            provider.asked.append(path)
            found = {"/.well-known/openid-configuration": provider.described, "/keys": provider.keys}.get(path)
            self._answer(200, found()) if found else self._answer(404, {})

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*provider.token(form, self.headers.get("authorization", "")))

        def _answer(self, status: int, found: dict[str, Any]) -> None:
            body = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    provider.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def _authority(folder: Path) -> None:
    """Make an authority, and by it a certificate for this machine."""
    ours, theirs = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
    known_as = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    since, until = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)

    def begun(subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(name).public_key(key)
        return made.serial_number(time.time_ns()).not_valid_before(since).not_valid_after(until)

    identified = x509.SubjectKeyIdentifier.from_public_key(ours.public_key())
    authority = begun(name, ours.public_key())
    authority = authority.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    authority = authority.add_extension(identified, critical=False)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    authority = authority.add_extension(usage, critical=True)
    certificate = begun(known_as, theirs.public_key())
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = certificate.add_extension(addresses, critical=False)
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(ours.public_key())
    certificate = certificate.add_extension(issued_by, critical=False)
    made = {
        "authority.pem": authority.sign(ours, hashes.SHA256()),
        "server.pem": certificate.sign(ours, hashes.SHA256()),
    }
    for file, one in made.items():
        (folder / file).write_bytes(one.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private = theirs.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "server.key").write_bytes(private)
