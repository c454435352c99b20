"""What the pages of signing in show."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorsOf:
    """What an account can prove itself with."""

    passkeys: int = 0
    has_totp: bool = False
    codes_left: int = 0
    has_password: bool = False

    @property
    def has_second(self) -> bool:
        """Whether there is anything beside the password."""
        return self.passkeys > 0 or self.has_totp

    @property
    def has_any(self) -> bool:
        """Whether there is any way to sign in."""
        return self.has_password or self.passkeys > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyLine:
    """One of an account's passkeys. `used` says how long ago; empty before the first time."""

    id: UUID
    name: str
    added_on: date
    used: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLine:
    """One of an account's sessions: how long ago it began and was used, and whether it idles until it is confirmed."""

    id: UUID
    device: str
    opened: str
    seen: str
    is_this: bool
    is_idle: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage:
    """`next` is the local path to go on to; `email` is kept after a failed try."""

    next: str = "/"
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofPage:
    """A page that asks for a factor: the second one, a sign that somebody is back, or that it is still them.

    `action` is where the answer goes; `question` where the browser asks what a passkey has to sign.
    """

    name: str
    email: str
    factors: FactorsOf
    next: str = "/"
    question: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrollPage:
    """Where an account gets its second factor. `qr` is the path of an SVG that a phone's camera reads."""

    name: str
    factors: FactorsOf
    secret: str = ""
    qr: str = ""
    qr_size: int = 0
    next: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodesPage:
    """Recovery codes, on the one page that shows them."""

    codes: tuple[str, ...]
    next: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """One's own account: what one signs in with, and where one is signed in."""

    name: str
    email: str
    factors: FactorsOf
    passkeys: tuple[PasskeyLine, ...]
    sessions: tuple[SessionLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationPage:
    """An invitation that was opened by its one-time link. With an account, its own password is asked for, once."""

    token: str
    name: str
    email: str
    tenant_name: str
    role: str
    expires_at: datetime
    minimum_password: int = 15
    has_account: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantChoice:
    """A tenant that the account is a member of, and as what."""

    tenant_id: UUID
    name: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantsPage:
    """Where an account with several memberships chooses where to work. `ended` names those where its access ended."""

    account_name: str
    choices: tuple[TenantChoice, ...]
    ended: tuple[str, ...] = ()
