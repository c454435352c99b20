"""Whatever a line holds, it is mapped or rejected, and what comes out is a message."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import msgspec
from fhir.resources.R4B.condition import Condition
from fhir.resources.R4B.patient import Patient
from fhir.resources.R4B.practitioner import Practitioner
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tidegate.conftest import Json, run
from tidegate import resources
from tidegate.contract import When
from tidegate.mapping.values import Unfit, when

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["Patient/p", "2020"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(sorted(resources.DECODERS))
MAPPED = [resources.Patient, *get_args(resources.Clinical)]
KEYS = st.sampled_from(sorted({field.encode_name for kind in MAPPED for field in msgspec.structs.fields(kind)}))
RESOURCES = st.builds(
    lambda kind, fields: {"id": "p"} | fields | {"resourceType": kind}, TYPES, st.dictionaries(KEYS, ANY, max_size=5)
)
TEXTS = st.text(max_size=30) | st.sampled_from(
    ["2020-01", "1950-01-01", "official", "en", "Medicare Part A and B", "1"]
)
CODINGS = st.lists(st.fixed_dictionaries({}, optional={"system": TEXTS, "code": TEXTS, "display": TEXTS}), max_size=2)
CONCEPTS = st.fixed_dictionaries({}, optional={"coding": CODINGS, "text": TEXTS})
PLAUSIBLE = st.fixed_dictionaries(
    {
        "resourceType": st.just("Coverage"),
        "id": TEXTS | st.just("v"),
        "beneficiary": st.just({"reference": "Patient/p"}),
    },
    optional={
        "type": CONCEPTS,
        "payor": st.lists(st.fixed_dictionaries({}, optional={"display": TEXTS, "reference": TEXTS}), max_size=2),
        "class": st.lists(st.fixed_dictionaries({"name": TEXTS}), max_size=2),
        "period": st.fixed_dictionaries({}, optional={"start": TEXTS, "end": TEXTS}),
        "subscriberId": TEXTS,
        "meta": st.fixed_dictionaries({}, optional={"lastUpdated": TEXTS, "versionId": TEXTS}),
    },
)


@contextmanager
def folder_of(name: str, data: bytes) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data)
        yield Path(folder)


def check(name: str, data: bytes) -> None:
    """Run, which reads every message back through the contract, and see that the counts add up."""
    with folder_of(name, data) as folder:
        stream = run(folder)
    for row in stream.summary.resources:
        assert row.read == (
            row.mapped + row.looked_up + row.retracted + row.duplicates + row.not_mapped + row.orphans + row.rejected
        )
    assert len(stream.rejected) == stream.summary.rejected


@settings(max_examples=200, deadline=None)
@given(st.lists(ANY | RESOURCES | PLAUSIBLE, max_size=6))
def test_random_values_as_lines_never_crash(values: list[Any]) -> None:
    lines = ['{"resourceType":"Patient","id":"p"}', *map(json.dumps, values)]
    check("a.ndjson", "\n".join(lines).encode("utf-8", "surrogatepass"))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.fixed_dictionaries({}, optional={"fullUrl": ANY, "resource": RESOURCES | ANY, "request": ANY}) | ANY)
)
def test_random_entries_of_a_bundle_never_crash(entries: list[Any]) -> None:
    check("a.json", json.dumps({"resourceType": "Bundle", "entry": entries}).encode())


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["a.ndjson", "a.ndjson.gz", "a.json", "a.json.gz"]), st.booleans())
def test_random_bytes_never_crash(data: bytes, name: str, packed: bool) -> None:
    check(name, b"\x1f\x8b\x08" + data if packed else data)


@settings(max_examples=300)
@given(st.text() | st.from_regex(r"\A\d{4}(-\d\d){0,2}(T\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)?)?\Z"))
def test_any_text_is_a_point_in_time_or_unfit(value: str) -> None:
    try:
        found = when(value, "Element")
    except Unfit:
        return
    assert isinstance(found, When)
    assert found.first_day <= found.last_day


def test_fixtures_are_fhir_by_a_second_opinion(ada: Json, bob: Json, diabetes: Json) -> None:
    Patient.model_validate(ada)
    Practitioner.model_validate(bob)
    Condition.model_validate(diabetes)
