"""Accounts, what they prove themselves with, what failed, their sessions, and the tenants they may choose."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from caretide.kernel.ids import new_id
from caretide.runtime.db import Base

_NOW = text("clock_timestamp()")


class Account(Base):
    """A person who signs in. Never reissued: a new person with an old e-mail address is a new account.

    Without a password hash they sign in by passkey, or await a new link.
    """

    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    password_hash: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Passkey(Base):
    """A WebAuthn credential: what signs in alone, because it checks its holder (user verification is required)."""

    __tablename__ = "passkeys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    last_used_at: Mapped[datetime | None]


class TotpSeed(Base):
    """The secret that an authenticator app shares, sealed by the key of all accounts; proved once before it counts."""

    __tablename__ = "totp_seeds"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    # The last time step whose code was used: no code works twice.
    last_step: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    confirmed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class RecoveryCode(Base):
    """A code that stands for the second factor once. Only its SHA-256 is kept."""

    __tablename__ = "recovery_codes"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    used_at: Mapped[datetime | None]


class Challenge(Base):
    """What a passkey has to sign, by its SHA-256: good once, for a few minutes, for one purpose."""

    __tablename__ = "challenges"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    purpose: Mapped[str]
    # No foreign key: who accepts an invitation gets the account with the passkey.
    account_id: Mapped[UUID | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Failures(Base):
    """Failed tries at one authenticator, or from one address. Counted for addresses that nobody has, too."""

    __tablename__ = "authenticator_failures"
    __table_args__ = (CheckConstraint("kind IN ('password', 'totp', 'recovery', 'network')", name="kind"),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]
    rest_until: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]


class AccountKey(Base):
    """The key that seals what accounts keep secret, wrapped by the installation's key outside the database."""

    __tablename__ = "account_keys"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class Membership(Base):
    """That an account works in a tenant, as which member. Holds ids alone, so that sign-in can look across tenants."""

    __tablename__ = "memberships"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]


class Session(Base):
    """A signed-in browser or program. The secret itself is never stored, only its SHA-256.

    `amr` names the factors it was opened with (`rules.Factor`), `auth_time` when they were last given, `issuer` who
    vouched for them (nobody: we did). `id` names it in lists and opens nothing.
    """

    __tablename__ = "sessions"

    id_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True, default=new_id, server_default=text("gen_random_uuid()"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    tenant_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]
    amr: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    auth_time: Mapped[datetime] = mapped_column(server_default=_NOW)
    issuer: Mapped[str | None]
    device: Mapped[str] = mapped_column(server_default=text("''"))
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    last_seen_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    ended_at: Mapped[datetime | None]
