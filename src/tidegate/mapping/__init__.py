"""FHIR R4 resources into contract messages: pure, one module per subject.

Each mapper takes a resource's id, the resource and its `Context`, and returns the contract's struct; it raises `Unfit`
where the resource cannot be taken, with a reason that holds no health data. A single value that is of no use (an NPI
with a wrong check digit) is dropped and counted instead.
"""
