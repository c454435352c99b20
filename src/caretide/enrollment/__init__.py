"""A patient in a program: eligibility, enrollment, consent, and the dated facts that a month's ruling needs.

Facts are plain dated records: inserted once, never changed; what nobody recorded is unknown, and unknown holds the
month. Owns `enrollments`, `enrollment_statuses`, `consents` and `patient_facts`.
"""
