"""The matrix of roles and permissions, written out a second time: a change of the table is a change here too."""

import pytest

from caretide.kernel.actor import Actor
from caretide.kernel.permissions import GRANTS, HEALTH, PRINCIPALS, SERVICE, Permission, Role, granted, walled

# Columns: administrator, manager, coordinator, billing, practitioner, auditor.
EXPECTED = """
    audit:read           A . . . . u
    care_plan:write      A m c . p .
    chart:read           A m c . p u
    clinic:read          A m c b p u
    clinic:write         A . . . . .
    company:read         . . . . . .
    company:write        . . . . . .
    contact:read         A m c . p .
    document:read        A m c b p u
    document:release     A m . b p .
    document:write       A . . b . .
    ending:read          A . . . . .
    enrollment:write     A m c . p .
    glass:read           A m . . . u
    glass:review         A m . . . .
    glass:use            A . c . . .
    member:read          A m c b p u
    member:write         A . . . . .
    month:close          A . . b . .
    month:read           A m c b p u
    note:read            A m c . p u
    patient:import       A m . . . .
    patient:read         A m c b p u
    practitioner:decide  A . . . p .
    roster:write         A m . . . .
    rules:write          A . . . . .
    self:manage          A m c b p u
    self:sign-in         A m c b p u
    self:use             A m c b p u
    team:read            A m . . . .
    tenant:read          A . . . . u
    tenant:write         A . . . . .
    time:approve         A m . . . .
    time:read            A m c b p u
    time:void            A m c . p .
    time:write           A m c . p .
"""
TABLE = {words[0]: words[1:] for line in EXPECTED.strip().splitlines() if (words := line.split())}
ROLES = (Role.ADMINISTRATOR, Role.MANAGER, Role.COORDINATOR, Role.BILLING, Role.PRACTITIONER, Role.AUDITOR)


@pytest.mark.req("Z-05")
@pytest.mark.parametrize("role", ROLES)
def test_a_role_grants_what_the_table_says(role: Role) -> None:
    place = ROLES.index(role)
    expected = {name for name, marks in TABLE.items() if marks[place] != "."}
    assert {str(one) for one in GRANTS[role]} == expected


def test_the_table_names_every_permission_and_role() -> None:
    assert set(TABLE) == {str(one) for one in Permission}
    assert set(ROLES) == set(Role) == set(GRANTS)


@pytest.mark.req("P-01")
def test_billing_sees_no_chart_no_contact_and_nothing_written() -> None:
    hidden = {Permission.CHART_READ, Permission.CONTACT_READ, Permission.NOTE_READ}
    assert not GRANTS[Role.BILLING] & hidden
    assert all(hidden <= GRANTS[role] for role in (Role.COORDINATOR, Role.MANAGER, Role.PRACTITIONER))


def test_administrators_without_health_data_have_what_is_left_and_stand_behind_the_wall() -> None:
    left = granted(Role.ADMINISTRATOR, administrators_see_health=False)
    assert left == GRANTS[Role.ADMINISTRATOR] - HEALTH
    assert {Permission.MEMBER_WRITE, Permission.TENANT_WRITE, Permission.CLINIC_WRITE} <= left
    assert walled(Role.ADMINISTRATOR, administrators_see_health=False)
    assert not walled(Role.ADMINISTRATOR)
    assert granted(Role.MANAGER, administrators_see_health=False) == GRANTS[Role.MANAGER]


def test_director_and_operator_have_nothing_of_a_patient() -> None:
    assert not PRINCIPALS["company director"] & HEALTH
    assert not PRINCIPALS["platform operator"] & HEALTH
    assert Actor.operator().permissions == PRINCIPALS["platform operator"]
    assert Actor.operator().tenant_id is None


def test_a_service_account_makes_nothing_that_counts() -> None:
    people = {Permission.MEMBER_WRITE, Permission.TENANT_WRITE, Permission.CLINIC_WRITE, Permission.MONTH_CLOSE}
    assert not SERVICE & (people | {Permission.TIME_WRITE, Permission.TIME_APPROVE, Permission.ENROLLMENT_WRITE})


def test_only_billing_and_the_administrator_close_and_only_others_record_time() -> None:
    """Who closes a month records none of its time; the administrator, who may both, is recorded doing it."""
    closing = {role for role in Role if Permission.MONTH_CLOSE in GRANTS[role]} - {Role.ADMINISTRATOR}
    assert closing == {Role.BILLING}
    assert Permission.TIME_WRITE not in GRANTS[Role.BILLING]
    assert Permission.TIME_APPROVE not in GRANTS[Role.BILLING]
