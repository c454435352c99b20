"""Accounts, what they prove themselves with, what failed, their sessions, and the tenants they may choose."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from caretide.kernel.ids import new_id
from caretide.runtime.db import Base, TenantTable, references

_NOW = text("clock_timestamp()")


class Account(Base):
    """A person who signs in. Never reissued: a new person with an old e-mail address is a new account.

    Without a password hash they sign in by passkey, or await a new link. Ended, it opens nothing anywhere.
    """

    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    password_hash: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    ended_at: Mapped[datetime | None]


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
    """That an account works in a tenant, as which member. Holds ids alone, so that sign-in can look across tenants.

    `proved_after`: the tenant signed the account out then; whoever comes in has proved themselves since.
    """

    __tablename__ = "memberships"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID]
    proved_after: Mapped[datetime | None]


class Session(Base):
    """A signed-in browser or program. The secret itself is never stored, only its SHA-256.

    `amr` names the factors it was opened with (`rules.Factor`), `auth_time` when they were last given, `issuer` who
    vouched for them (nobody: we did). Vouched for by a tenant's provider it opens that tenant (`via_tenant`) and no
    other; by a company's, the tenants that the company serves (`via_company`). `id` names it in lists, opens nothing.
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
    via_tenant: Mapped[UUID | None]
    via_company: Mapped[UUID | None]
    device: Mapped[str] = mapped_column(server_default=text("''"))
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    last_seen_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    ended_at: Mapped[datetime | None]


class ServiceAccount(TenantTable):
    """A program that works in the tenant. It cannot sign in: it has tokens and nothing else."""

    __tablename__ = "service_accounts"
    __table_args__ = (references("members", "created_by"), references("members", "ended_by"))

    name: Mapped[str]
    purpose: Mapped[str] = mapped_column(server_default=text("''"))
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    ended_by: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]


class ApiToken(TenantTable):
    """What a program shows in a person's or a service account's stead. Of the token itself only the SHA-256 is kept.

    `scopes` say what it may do at most; what it may do now is decided with every request. `networks` are the addresses
    that it may be used from; none means any. Revoked once, never back.
    """

    __tablename__ = "api_tokens"
    __table_args__ = (
        references("members", "member_id"),
        references("members", "created_by"),
        references("members", "revoked_by"),
        references("service_accounts", "service_id"),
        UniqueConstraint("tenant_id", "secret_hash"),
        CheckConstraint("(member_id IS NULL) <> (service_id IS NULL)", name="owner"),
        CheckConstraint("(member_id IS NULL) = (account_id IS NULL)", name="account"),
        CheckConstraint("expires_at > created_at AND expires_at <= created_at + interval '365 days'", name="expires"),
        Index("api_tokens_member_id_idx", "tenant_id", "member_id"),
        Index("api_tokens_service_id_idx", "tenant_id", "service_id"),
    )

    member_id: Mapped[UUID | None]
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    service_id: Mapped[UUID | None]
    name: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    networks: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_by: Mapped[UUID | None]
    revoked_at: Mapped[datetime | None]


class _Provider:
    """An identity provider as its own discovery document describes it, and what was agreed with it.

    The client's secret is sealed by the key of all accounts: signing in comes before any tenant. `acr_values` and
    `amr_values` are what it says when two factors were given there; with neither we ask for a second one ourselves.
    """

    name: Mapped[str]
    issuer: Mapped[str]
    client_id: Mapped[str]
    sealed_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    authorization_endpoint: Mapped[str]
    token_endpoint: Mapped[str]
    jwks_uri: Mapped[str]
    by_post: Mapped[bool]
    sends_issuer: Mapped[bool]
    algorithms: Mapped[list[str]] = mapped_column(ARRAY(Text))
    acr_values: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    amr_values: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    keys: Mapped[list[Any]] = mapped_column(JSONB)
    keys_at: Mapped[datetime]
    is_on: Mapped[bool] = mapped_column(server_default=text("true"))
    changed_at: Mapped[datetime]


class TenantProvider(_Provider, TenantTable):
    """A tenant's own identity provider: one at most."""

    __tablename__ = "tenant_providers"
    __table_args__ = (references("members", "changed_by"), UniqueConstraint("tenant_id"))

    changed_by: Mapped[UUID | None]


class CompanyProvider(_Provider, Base):
    """A service company's identity provider, for its people in the tenants that it serves."""

    __tablename__ = "company_providers"

    company_id: Mapped[UUID] = mapped_column(ForeignKey("companies.id"), primary_key=True)
    changed_by: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))


class LinkedIdentity(Base):
    """That whom an issuer calls `subject` is an account: by an invitation or its own word, never by an address."""

    __tablename__ = "linked_identities"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    linked_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class ProviderFlow(Base):
    """A way to a provider and back that somebody is on, by the SHA-256 of its state: good once, for ten minutes.

    Nonce and verifier are derived from what the browser keeps in a cookie, and stand nowhere. `account_id` is whose
    identity is to be linked; `is_again`: after a pause, so that the provider has to ask anew.
    """

    __tablename__ = "provider_flows"
    __table_args__ = (CheckConstraint("purpose IN ('enter', 'link', 'join')", name="purpose"),)

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    purpose: Mapped[str]
    tenant_id: Mapped[UUID | None]
    company_id: Mapped[UUID | None]
    account_id: Mapped[UUID | None]
    is_again: Mapped[bool]
    began_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
