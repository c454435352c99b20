"""What the pages of signing in show."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from caretide.ui.forms import Option
from caretide.ui.shell import Tone


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

    `action` is where the answer goes; `question` where the browser asks what a passkey has to sign; `vouched`: an
    identity provider signed them in.
    """

    name: str
    email: str
    factors: FactorsOf
    next: str = "/"
    question: str = ""
    action: str = ""
    vouched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WithPasskeyPage(ProofPage):
    """Asks somebody for the passkey that their tenant asks for, or to make one.

    `may_make`: they signed in lately enough to make their first; `elsewhere`: there are tenants to go to instead.
    """

    may_make: bool = False
    elsewhere: bool = False


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
    """One's own account: what one signs in with, where one is signed in, and how many tokens stand in this tenant."""

    name: str
    email: str
    factors: FactorsOf
    passkeys: tuple[PasskeyLine, ...]
    sessions: tuple[SessionLine, ...]
    tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationPage:
    """An invitation that was opened by its one-time link. With an account, its own password is asked for, once.

    `asks_code`: it is a new way in, and opens nothing without the code that was told apart from it.
    """

    token: str
    name: str
    email: str
    tenant_name: str
    role: str
    expires_at: datetime
    minimum_password: int = 15
    has_account: bool = False
    asks_passkey: bool = False
    asks_code: bool = False
    providers: "tuple[OfferedProvider, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantChoice:
    """A tenant that the account is a member of, as what, and whether it asks them for a passkey."""

    tenant_id: UUID
    name: str
    role: str
    asks_passkey: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantsPage:
    """Where an account with several memberships chooses where to work. `ended` names those where its access ended."""

    account_name: str
    choices: tuple[TenantChoice, ...]
    ended: tuple[str, ...] = ()


class TokenForm(BaseModel):
    """A token to make: `days` until it expires, `scopes` of its owner's permissions, `networks` to be used from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    days: int = Field(90, description="days until it expires, 365 at most")
    scopes: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()

    @field_validator("scopes", "networks", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        """One ticked box is sent as a text, several as a row of them; networks are typed with commas between them."""
        return tuple(value.split(",")) if isinstance(value, str) else value


class ServiceForm(BaseModel):
    """A service account to make."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    purpose: str = ""


class TokenMade(BaseModel):
    """A new token. `token` is on this answer and nowhere else."""

    id: UUID
    token: str
    expires_at: datetime


class TokenOut(BaseModel):
    """A token: whose it is, what it may do at most, and how it stands. `service` is set for a service account's."""

    id: UUID
    name: str
    owner: str
    service: bool
    state: str
    scopes: tuple[str, ...]
    networks: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class ServiceOut(BaseModel):
    """A program that works in the tenant; ended, its tokens open nothing."""

    id: UUID
    name: str
    purpose: str
    tokens: int
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLine:
    """A token as it reads in a list."""

    token: TokenOut
    state: str
    tone: Tone
    used: str
    may_revoke: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensPage:
    """One's own tokens. `made` was made just now; `scopes` is what can be chosen for the next."""

    tokens: tuple[TokenLine, ...]
    scopes: tuple[Option, ...]
    lifetimes: tuple[Option, ...]
    made: TokenMade | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AllTokensPage:
    """The tenant's tokens and service accounts."""

    tokens: tuple[TokenLine, ...]
    services: tuple[ServiceOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePage:
    """One service account with its tokens."""

    service: ServiceOut
    tokens: tuple[TokenLine, ...]
    scopes: tuple[Option, ...]
    lifetimes: tuple[Option, ...]
    made: TokenMade | None = None


class ProviderForm(BaseModel):
    """An identity provider to sign in by. An empty `secret` keeps the one that is known, or is none.

    `acr` and `amr` are what it says when two factors were given there, with spaces or commas between them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    issuer: str
    client_id: str
    secret: str = Field("", alias="client_password")
    acr: str = ""
    amr: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLine:
    """That an issuer vouches for the account."""

    issuer: str
    linked_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderView:
    """A provider as an administrator sees it; its secret is never shown. `hosts` are those that are talked to."""

    name: str
    issuer: str
    client_id: str
    has_secret: bool
    acr: str
    amr: str
    hosts: tuple[str, ...]
    algorithms: str
    keys: int
    keys_at: datetime
    is_on: bool
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOnPage:
    """Where a provider is set up: for the tenant, or for the company that one directs. `returns_to` is told to it."""

    of: str
    action: str
    returns_to: str
    enters_at: str
    provider: ProviderView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedProvider:
    """A provider that one may sign in by, or link: `whose` is `tenant` or `company`."""

    whose: str
    name: str
    issuer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MyLinksPage:
    """Who vouches for one's account, and who could."""

    links: tuple[LinkLine, ...]
    offered: tuple[OfferedProvider, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WayPage:
    """Asks for the name of an organization, or leads on to its provider at `href`."""

    next: str = "/"
    at: str = ""
    name: str = ""
    href: str = ""
    why: str = ""
