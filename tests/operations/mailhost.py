"""A mail server of the tests' own: real sockets on 127.0.0.1, STARTTLS by a certificate made here, answers by order."""

import base64
import socketserver
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "caretide", "a password of the tests"
CUT = "cut"
"""An answer that is none: the connection ends."""


@dataclass
class MailHost:
    """What the server does and what it was told. `answers` maps a verb, or verb and address, to an answer."""

    tls: ssl.SSLContext | None = None
    implicit: bool = False
    answers: dict[str, str] = field(default_factory=dict[str, str])
    port: int = 0
    said: list[tuple[bool, str]] = field(default_factory=list[tuple[bool, str]])
    taken: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    seen: list[bytes] = field(default_factory=list[bytes])

    @property
    def letters(self) -> list[tuple[str, EmailMessage]]:
        """Whom each letter that was taken is for, and the letter."""
        return [(to, cast("EmailMessage", message_from_bytes(one, policy=default))) for to, one in self.taken]

    def verbs(self, *, sealed: bool) -> list[str]:
        """What was said inside TLS, or before it."""
        return [line.split()[0].upper() for is_sealed, line in self.said if is_sealed is sealed]


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        host = cast("_Listening", self.server).mailhost
        self.is_sealed, self.to = False, ""
        try:
            if host.implicit:
                self._seal(host)
            self._say(host.answers.get("CONNECT", "220 mail.test"))
            while line := self.rfile.readline():
                text = line.decode().strip()
                host.said.append((self.is_sealed, text))
                if not self._answer(host, text):
                    return
        except OSError:
            return
        finally:
            self.connection.close()

    def _answer(self, host: MailHost, text: str) -> bool:
        verb = text.split(maxsplit=1)[0].upper()
        if verb == "RCPT":
            self.to = text.partition("<")[2].partition(">")[0]
        told = host.answers.get(f"{verb} {self.to}", host.answers.get(verb))
        if told == CUT:
            return False
        if told is not None:
            self._say(told)
        elif verb == "EHLO":
            sealable = "250-STARTTLS\r\n" if host.tls and not self.is_sealed else ""
            self._say(f"250-mail.test\r\n{sealable}250-AUTH PLAIN\r\n250 8BITMIME")
        elif verb == "STARTTLS":
            self._say("220 go on")
            self._seal(host)
        elif verb == "AUTH":
            right = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
            self._say("235 welcome" if text.endswith(f" {right}") else "535 5.7.8 who are you")
        elif verb == "DATA":
            return self._take(host)
        else:
            self._say("221 bye" if verb == "QUIT" else "250 fine")
        return verb != "QUIT"

    def _take(self, host: MailHost) -> bool:
        self._say("354 go on")
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        host.seen.append(b"".join(lines))
        told = host.answers.get(f"END {self.to}", host.answers.get("END", "250 2.0.0 taken"))
        if told == CUT:
            return False
        if told.startswith("250"):
            host.taken.append((self.to, b"".join(lines)))
        self._say(told)
        return True

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
        self.wfile.flush()

    def _seal(self, host: MailHost) -> None:
        assert host.tls is not None
        self.connection = self.request = host.tls.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.is_sealed = True


class _Listening(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    mailhost: MailHost

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that hung up."""


@contextmanager
def listening(host: MailHost) -> Generator[MailHost]:
    """Serve until the end of the block."""
    with _Listening(("127.0.0.1", host.port), _Conversation) as server:
        server.mailhost, host.port = host, server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield host
        finally:
            server.shutdown()
            thread.join()


def certified(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for a name; return a server's context with it, and the file by which it is believed."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, secret)
    return context, pem


Moment = Callable[[], datetime]


@dataclass
class Watch:
    """A clock that is moved by hand."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)
