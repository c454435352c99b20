"""The billing rules as a pure function: a patient-month in, a ruling with its reasons out.

`evaluate.rule(facts, packs)` judges one patient, billing practitioner and calendar month. `packs.load_packs()` reads
the dated rule packs that lie beside this module, `conditions.load_conditions()` the list of chronic conditions; nothing
else here reads a file, and nothing reads a clock.
"""
