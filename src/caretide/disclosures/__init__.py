"""Disclosures: what of a patient was given to somebody outside, to whom, what for, and on which basis.

A ledger of its own, apart from the trail of who looked (45 CFR 164.528). Every outward path records its row in the same
transaction in which it hands the data out. Whether a row belongs in an accounting follows from its basis.

Owns the table `disclosures`.
"""
