"""Reaching patients: every try, how it ended, and what follows from it.

An **attempt** is one try to reach a patient, with an outcome; it is recorded once, and a correction supersedes it. Owns
`attempts` and two counts of them that a trigger keeps in the same transaction: `attempt_months` by patient and month,
`attempt_days` by member and day.
"""
