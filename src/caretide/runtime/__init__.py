"""Shared input and output: the one door to the database, access, the audit trail, jobs, and the web's two mouths.

Owns the tables `audit_events`, `audit_event_patients`, `account_events` and `tenant_keys`, and the schema `jobs`.
"""
