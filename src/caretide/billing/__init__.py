"""The close: a month's rulings turned into frozen claim lines, exceptions and monthly records.

Owns `month_closes`, `patient_months`, `claim_lines`, `month_exceptions` and `rule_limits`; and, of the open months, the
standings: `month_standings` with their sums in `standing_counts`, `candidates`, and what is still to be ruled in
`standing_marks` and `standing_months`.
"""
