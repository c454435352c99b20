"""Who acts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from caretide.kernel.permissions import OPERATOR, Permission

SYSTEM_PERMISSIONS = frozenset(Permission)


@dataclass(frozen=True)
class Actor:
    """One who acts: in which tenant, as which member, with which permissions, and behind which wall.

    `walled` means that the database shows only the patients of the member's roster. `roles` are for the
    record: what may be done, the permissions say. `glasses` are the patients whom they see by emergency access alone,
    each with the id of its use. `proved_at` is when the factors of their session were last given; None for who acts
    without one: the command line, a job, a program's token.
    """

    kind: str
    tenant_id: UUID | None
    permissions: frozenset[Permission]
    account_id: UUID | None = None
    member_id: UUID | None = None
    walled: bool = False
    name: str = ""
    roles: tuple[str, ...] = ()
    glasses: tuple[tuple[UUID, UUID], ...] = ()
    proved_at: datetime | None = None

    @property
    def is_caller(self) -> bool:
        """Whether a person or a program that is known asks, and not the installation itself or a stranger."""
        return self.kind in {"member", "token", "service", "account"}

    @classmethod
    def system(cls, tenant_id: UUID) -> Self:
        """Return the actor of the command line and of recurring jobs in one tenant."""
        return cls(kind="system", tenant_id=tenant_id, permissions=SYSTEM_PERMISSIONS, name="Caretide")

    @classmethod
    def nobody(cls) -> Self:
        """Return the actor of a request before sign-in: no tenant, no permission."""
        return cls(kind="nobody", tenant_id=None, permissions=frozenset())

    @classmethod
    def account(cls, account_id: UUID, name: str, proved_at: datetime | None = None) -> Self:
        """Return a person who has signed in but acts in no tenant: may only manage their own account."""
        mine = frozenset({Permission.SELF, Permission.SELF_MANAGE, Permission.SIGN_IN})
        return cls("account", None, mine, account_id=account_id, name=name, proved_at=proved_at)

    @classmethod
    def entrant(cls, account_id: UUID, name: str) -> Self:
        """Return a person between two factors: may prove themselves, enroll a factor or leave, and nothing else."""
        return cls("entrant", None, frozenset({Permission.SIGN_IN}), account_id=account_id, name=name)

    @classmethod
    def operator(cls) -> Self:
        """Return the actor of the command line outside any tenant: rules and companies, nothing of a patient."""
        return cls("operator", None, OPERATOR, name="Caretide")
