"""Our side of Tidegate: contract messages in, patients out, every accepted version kept.

Owns `ehr_messages` (insert-only: the history of what the EHR said) and `import_runs`.
"""
