"""Tenants and what they are made of: clinics, members, practitioners; builds the Actor of a session.

Owns `tenants`, `clinics`, `clinic_facts`, `members`, `member_licenses`, `invitations` and `practitioners`; and the
service companies, `companies`, with `company_services`: which of them serves the tenant.
"""
