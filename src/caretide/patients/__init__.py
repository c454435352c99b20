"""Patients as the EHR has them: demographics, conditions, medications, allergies, coverage, encounters.

Each row names its source. Owns `patients`, `conditions`, `medications`, `allergies`, `coverages` and `encounters`, all
behind the roster wall.
"""
