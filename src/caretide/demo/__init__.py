"""A generated practice and one month of its work, played through the real actions.

`people` draws patients, `fhir` writes them as an EHR would, `company` lets members in, `story` says what happens to
whom, `schedule` lays the minutes into working days, `month` plays it all by a hand-set clock, `summary` adds it up;
`stage` does one after the other, `performance` finds it again the next time. Owns no tables.
"""
