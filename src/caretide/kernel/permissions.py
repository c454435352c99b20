"""The vocabulary of what may be done, and which role may do it.

A permission is named `subject:verb`. Verbs (actions and queries) ask for permissions; roles grant them; nothing else
decides. The table is data so that the matrix in the documentation can be rendered from it.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """What a verb asks for."""

    AUDIT_READ = "audit:read"
    CARE_PLAN_WRITE = "care_plan:write"
    CHART_READ = "chart:read"
    CLINIC_READ = "clinic:read"
    CLINIC_WRITE = "clinic:write"
    COMPANY_READ = "company:read"
    COMPANY_WRITE = "company:write"
    CONTACT_READ = "contact:read"
    DOCUMENT_READ = "document:read"
    DOCUMENT_RELEASE = "document:release"
    DOCUMENT_WRITE = "document:write"
    ENDING_READ = "ending:read"
    ENROLLMENT_WRITE = "enrollment:write"
    GLASS_READ = "glass:read"
    GLASS_REVIEW = "glass:review"
    GLASS_USE = "glass:use"
    MEMBER_READ = "member:read"
    MEMBER_WRITE = "member:write"
    MONTH_CLOSE = "month:close"
    MONTH_READ = "month:read"
    NOTE_READ = "note:read"
    PATIENT_IMPORT = "patient:import"
    PATIENT_READ = "patient:read"
    PRACTITIONER_DECIDE = "practitioner:decide"
    ROSTER_WRITE = "roster:write"
    RULES_WRITE = "rules:write"
    SELF = "self:use"
    SELF_MANAGE = "self:manage"
    SIGN_IN = "self:sign-in"
    TEAM_READ = "team:read"
    TENANT_READ = "tenant:read"
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

EVERYONE: Final = frozenset({P.SELF, P.SELF_MANAGE, P.SIGN_IN, P.CLINIC_READ, P.MEMBER_READ})
PERSONAL: Final = frozenset({P.SELF_MANAGE, P.SIGN_IN})
"""What takes a person who signed in: their sessions, factors and tokens. No token carries it, whatever its scopes."""
IN_PERSON: Final = frozenset(
    {P.MEMBER_WRITE, P.TENANT_WRITE, P.COMPANY_WRITE, P.RULES_WRITE, P.GLASS_USE, P.GLASS_REVIEW}
)
"""What lets people in, says who may do what, or opens records beyond a roster: a person does it, signed in lately. No
token carries it, and one that was made with it has lost it. To hand patients to who works here already is no such act.
"""
BASE: Final = EVERYONE - PERSONAL
"""What every token may do: say who it is, and name clinics and colleagues."""
CARE: Final = frozenset({P.PATIENT_READ, P.TIME_READ, P.MONTH_READ, P.DOCUMENT_READ})
"""Who a patient is, minutes, codes, dates and documents: what a month is billed by, and no more of a record."""
RECORD: Final = frozenset({P.CHART_READ, P.NOTE_READ})
"""The rest of a record: what the chart says, and what was written in words."""
TREATING: Final = CARE | RECORD | {P.CONTACT_READ}
"""What somebody sees who looks after patients."""

GRANTS: Final[dict[Role, frozenset[Permission]]] = {
    # A company serves many tenants: no tenant's own people make one, and none sees all that it serves.
    Role.ADMINISTRATOR: frozenset(Permission) - {P.COMPANY_READ, P.COMPANY_WRITE},
    Role.MANAGER: EVERYONE
    | TREATING
    | {P.CARE_PLAN_WRITE, P.DOCUMENT_RELEASE, P.ENROLLMENT_WRITE, P.PATIENT_IMPORT, P.ROSTER_WRITE}
    | {P.GLASS_READ, P.GLASS_REVIEW, P.TEAM_READ, P.TIME_APPROVE, P.TIME_VOID, P.TIME_WRITE},
    Role.COORDINATOR: EVERYONE
    | TREATING
    | {P.CARE_PLAN_WRITE, P.ENROLLMENT_WRITE, P.GLASS_USE, P.TIME_VOID, P.TIME_WRITE},
    Role.BILLING: EVERYONE | CARE | {P.DOCUMENT_RELEASE, P.DOCUMENT_WRITE, P.MONTH_CLOSE},
    Role.PRACTITIONER: EVERYONE
    | TREATING
    | {P.CARE_PLAN_WRITE, P.DOCUMENT_RELEASE, P.ENROLLMENT_WRITE, P.PRACTITIONER_DECIDE, P.TIME_VOID, P.TIME_WRITE},
    Role.AUDITOR: EVERYONE | CARE | RECORD | {P.AUDIT_READ, P.GLASS_READ, P.TENANT_READ},
}

WALLED: Final = frozenset({Role.COORDINATOR})
"""Roles that see only the patients of their roster (the second wall)."""

DIRECTOR: Final = frozenset({P.SELF, P.SELF_MANAGE, P.SIGN_IN, P.COMPANY_READ})
"""A service company's director: staff, hours and counts of the tenants that it serves, and nothing of a patient."""

OPERATOR: Final = frozenset({P.COMPANY_WRITE, P.RULES_WRITE})
"""Who runs the installation. It acts in no tenant, so the wall shows it no row of one, whatever it is granted."""

SERVICE: Final = BASE | TREATING | {P.PATIENT_IMPORT, P.TEAM_READ}
"""What a service account's tokens may carry at most: it reads and imports. What counts is done by a person."""

PRINCIPALS: Final = {"company director": DIRECTOR, "platform operator": OPERATOR, "service account": SERVICE}
"""Those who act without being a member with a role."""

HEALTH: Final = frozenset(Permission) - {
    *(P.AUDIT_READ, P.CLINIC_READ, P.CLINIC_WRITE, P.COMPANY_READ, P.COMPANY_WRITE, P.MEMBER_READ, P.MEMBER_WRITE),
    *(P.ENDING_READ, P.RULES_WRITE, P.SELF, P.SELF_MANAGE, P.SIGN_IN, P.TENANT_READ, P.TENANT_WRITE),
}
"""What shows or changes something of a patient: all but these, so that a new permission is one of health data."""


def granted(role: Role, *, administrators_see_health: bool = True) -> frozenset[Permission]:
    """Return what a role may do; a tenant's setting takes health data away from its administrators."""
    found = GRANTS[role]
    return found - HEALTH if role is Role.ADMINISTRATOR and not administrators_see_health else found


def walled(role: Role, *, administrators_see_health: bool = True) -> bool:
    """Return whether the database shows a role only the patients of a roster; without health data, that of nobody."""
    return role in WALLED or (role is Role.ADMINISTRATOR and not administrators_see_health)


def token_scopes(owned: frozenset[Permission]) -> frozenset[Permission]:
    """Return what somebody with these permissions may choose for a token, beside what every token may do."""
    return owned - EVERYONE - IN_PERSON


def token_permissions(owned: frozenset[Permission], scopes: Collection[str]) -> frozenset[Permission]:
    """Return what a token may do now: never more than its owner may, whatever it was made with."""
    return (owned - PERSONAL - IN_PERSON) & (BASE | {one for one in Permission if one in scopes})
