"""Tenants and what they are made of: clinics, members, practitioners; builds the Actor of a session.

Owns `tenants`, `clinics`, `clinic_facts`, `members`, `invitations` and `practitioners`.
"""
