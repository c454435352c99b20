"""The close: a month's rulings turned into frozen claim lines, exceptions and monthly records.

Owns `month_closes`, `patient_months`, `claim_lines`, `month_exceptions` and `rule_limits`.
"""
