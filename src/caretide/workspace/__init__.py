"""My day and the patient page: what the features below know about a roster and about one patient, put together.

Owns no tables. Its forms are translated here into what those features record.
"""
