"""Tenants, clinics and people; and who stands behind a session. Public here, whichever module holds it."""

from caretide.tenants.queries.entry import (
    Place,
    actor_behind,
    invitation,
    invitation_page,
    me,
    my_places,
    tenant_of_token,
)
from caretide.tenants.queries.pages import clinic_page, clinics_page
from caretide.tenants.queries.people import (
    MemberRow,
    check_member,
    member,
    member_details,
    members,
    myself,
    practitioner,
    practitioners,
)
from caretide.tenants.queries.places import (
    clinic,
    clinic_by_slug,
    clinic_facts,
    clinics,
    companies,
    company,
    company_by_slug,
    my_tenant,
    serving_company,
    tenant_by_slug,
    tenants,
)
from caretide.tenants.rules import ClinicRow, PractitionerRow

__all__ = [
    "ClinicRow",
    "MemberRow",
    "Place",
    "PractitionerRow",
    "actor_behind",
    "check_member",
    "clinic",
    "clinic_by_slug",
    "clinic_facts",
    "clinic_page",
    "clinics",
    "clinics_page",
    "companies",
    "company",
    "company_by_slug",
    "invitation",
    "invitation_page",
    "me",
    "member",
    "member_details",
    "members",
    "my_places",
    "my_tenant",
    "myself",
    "practitioner",
    "practitioners",
    "serving_company",
    "tenant_by_slug",
    "tenant_of_token",
    "tenants",
]
