"""What the pages of signing in show."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage:
    """`next` is the local path to go on to; `email` is kept after a failed try."""

    next: str = "/"
    email: str = ""


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
    """Where an account with several memberships chooses where to work."""

    account_name: str
    choices: tuple[TenantChoice, ...]
