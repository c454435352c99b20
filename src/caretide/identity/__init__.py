"""Accounts, sign-in and sessions.

An account is a person who signs in; a membership says in which tenants. Owns `accounts`, `sessions` and `memberships`,
which stand outside the tenant wall because signing in comes before any tenant; none of them holds health data.
"""
