"""The vocabulary of what may be done, and which role may do it.

A permission is named `subject:verb`. Verbs (actions and queries) ask for permissions; roles grant them; nothing else
decides. The table is data so that the matrix in the documentation can be rendered from it.
"""

from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """What a verb asks for."""

    AUDIT_READ = "audit:read"
    CARE_PLAN_WRITE = "care_plan:write"
    CLINIC_READ = "clinic:read"
    CLINIC_WRITE = "clinic:write"
    COMPANY_WRITE = "company:write"
    DOCUMENT_READ = "document:read"
    DOCUMENT_RELEASE = "document:release"
    DOCUMENT_WRITE = "document:write"
    ENROLLMENT_WRITE = "enrollment:write"
    MEMBER_READ = "member:read"
    MEMBER_WRITE = "member:write"
    MONTH_CLOSE = "month:close"
    MONTH_READ = "month:read"
    PATIENT_IMPORT = "patient:import"
    PATIENT_READ = "patient:read"
    PRACTITIONER_DECIDE = "practitioner:decide"
    ROSTER_WRITE = "roster:write"
    RULES_WRITE = "rules:write"
    SELF = "self:use"
    TEAM_READ = "team:read"
    TENANT_WRITE = "tenant:write"
    TIME_APPROVE = "time:approve"
    TIME_READ = "time:read"
    TIME_VOID = "time:void"
    TIME_WRITE = "time:write"


class Role(StrEnum):
    """A member's place in a tenant."""

    ADMINISTRATOR = "administrator"
    MANAGER = "manager"
    COORDINATOR = "coordinator"
    BILLING = "billing"
    PRACTITIONER = "practitioner"
    AUDITOR = "auditor"


P = Permission

EVERYONE: Final = frozenset({P.SELF, P.CLINIC_READ, P.MEMBER_READ})
CARE: Final = frozenset({P.PATIENT_READ, P.TIME_READ, P.MONTH_READ, P.DOCUMENT_READ})

GRANTS: Final[dict[Role, frozenset[Permission]]] = {
    # A company serves many tenants: no tenant's own people make one.
    Role.ADMINISTRATOR: frozenset(Permission) - {P.COMPANY_WRITE},
    Role.MANAGER: EVERYONE
    | CARE
    | {P.CARE_PLAN_WRITE, P.DOCUMENT_RELEASE, P.ENROLLMENT_WRITE, P.PATIENT_IMPORT, P.ROSTER_WRITE}
    | {P.TEAM_READ, P.TIME_APPROVE, P.TIME_VOID, P.TIME_WRITE},
    Role.COORDINATOR: EVERYONE | CARE | {P.CARE_PLAN_WRITE, P.ENROLLMENT_WRITE, P.TIME_VOID, P.TIME_WRITE},
    Role.BILLING: EVERYONE | CARE | {P.DOCUMENT_RELEASE, P.DOCUMENT_WRITE, P.MONTH_CLOSE},
    Role.PRACTITIONER: EVERYONE
    | CARE
    | {P.CARE_PLAN_WRITE, P.DOCUMENT_RELEASE, P.ENROLLMENT_WRITE, P.PRACTITIONER_DECIDE, P.TIME_VOID, P.TIME_WRITE},
    Role.AUDITOR: EVERYONE | CARE | {P.AUDIT_READ},
}

WALLED: Final = frozenset({Role.COORDINATOR})
"""Roles that see only the patients of their roster (the second wall)."""
