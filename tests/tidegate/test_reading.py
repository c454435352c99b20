"""Files: what is read, what is rejected and where, and that nothing stops the rest."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tidegate.conftest import Json, Mapped, Stream

GOOD = b'{"resourceType":"Patient","id":"good"}'
TAIL = b'{"resourceType":"Patient","id":"tail"}'


def bundle(*entries: Json, kind: str = "collection") -> Json:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


@pytest.mark.parametrize(
    ("bad", "kind", "reason"),
    [
        (b"{", None, "not JSON: Input data was truncated"),
        (b"Ada King, 1950", None, "not JSON: JSON is malformed: invalid character (byte 0)"),
        (b'{"resourceType":"Patient","id":"x"}}', None, "not JSON: JSON is malformed: trailing characters (byte 36)"),
        (b'{"resourceType":"Patient","id":"x","name":"\xff"}', None, "not UTF-8"),
        (b'{"resourceType":"Observation","id":"x","note":"\xff"}', None, "not UTF-8"),
        (b"\xff\xfe{\x00}\x00", None, "not UTF-8"),
        (b"[]", None, "not a FHIR resource: Expected `object`, got `array`"),
        (b"null", None, "not a FHIR resource: Expected `object`, got `null`"),
        (b'"Patient"', None, "not a FHIR resource: Expected `object`, got `str`"),
        (b"{}", None, "not a FHIR resource: Object missing required field `resourceType`"),
        (b'{"resourceType":7}', None, "not a FHIR resource: Expected `str`, got `int` - at `$.resourceType`"),
        (b'{"resourceType":"AdaKing"}', None, "resourceType is no resource type of FHIR R4"),
        (b'{"resourceType":"Patient"}', "Patient", "has no id"),
        (b'{"resourceType":"Patient","id":null}', "Patient", "has no id"),
        (
            b'{"resourceType":"Patient","id":7}',
            "Patient",
            "not a FHIR resource: Expected `str | null`, got `int` - at `$.id`",
        ),
        (b'{"resourceType":"Patient","id":""}', "Patient", "id is not 1 to 64 letters, digits, '-', '.' or '_'"),
        (
            b'{"resourceType":"Patient","id":"Ada King"}',
            "Patient",
            "id is not 1 to 64 letters, digits, '-', '.' or '_'",
        ),
        (
            b'{"resourceType":"Patient","id":"x","name":{"family":"King"}}',
            "Patient",
            "not a FHIR resource: Expected `array`, got `object` - at `$.name`",
        ),
        (
            b'{"resourceType":"Patient","id":"x","name":[{"family":["King"]}]}',
            "Patient",
            "not a FHIR resource: Expected `str | null`, got `array` - at `$.name[0].family`",
        ),
        (
            b'{"resourceType":"Patient","id":"x","birthDate":"0050-01-01"}',
            "Patient",
            "Patient.birthDate is before 1850 or after 2199",
        ),
        (
            b'{"resourceType":"Patient","id":"x","birthDate":"1950-01-01T00:00:00Z"}',
            "Patient",
            "Patient.birthDate has a time of day",
        ),
        (
            b'{"resourceType":"Patient","id":"x","birthDate":"1950-01-02","deceasedDateTime":"1950-01-01"}',
            "Patient",
            "Patient.deceasedDateTime lies before Patient.birthDate",
        ),
        (
            b'{"resourceType":"Patient","id":"x","name":[{"family":"' + b"K" * 201 + b'"}]}',
            "Patient",
            "Patient.name.family is longer than 200 characters",
        ),
        (
            b'{"resourceType":"Patient","id":"x","name":[{"family":"K\\u0000"}]}',
            "Patient",
            "Patient.name.family holds a control character",
        ),
        (b'{"resourceType":"Patient","id":"x","a":' + b"[" * 9_999 + b"]" * 9_999 + b"}", None, "nested too deeply"),
        (b'{"resourceType":"Patient","id":"x","a":"' + b"x" * 10_485_760 + b'"}', None, "larger than 10 MB"),
        (b'{"resourceType":"Condition","id":"x"}', "Condition", "has no subject"),
        (b'{"resourceType":"Condition","id":"x","subject":{"display":"Ada King"}}', "Condition", "has no subject"),
        (
            b'{"resourceType":"Condition","id":"x","subject":{"reference":"Group/good"}}',
            "Condition",
            "its subject names no Patient",
        ),
        (
            b'{"resourceType":"Condition","id":"x","subject":{"reference":"Patient/gone"}}',
            "Condition",
            "its patient is not in this input",
        ),
        (
            b'{"resourceType":"Bundle","entry":7}',
            "Bundle",
            "not a FHIR resource: Expected `array`, got `int` - at `$.entry`",
        ),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_bad_line_is_rejected_by_file_and_line_and_the_rest_goes_on(
    mapped: Mapped, bad: bytes, kind: str | None, reason: str
) -> None:
    stream = mapped({"sub/Patient.ndjson": b"\n".join([GOOD, b"", bad, TAIL])})
    assert [patient.source_id for patient in stream.patients] == ["good", "tail"]
    (rejected,) = stream.rejected
    assert (rejected.file, rejected.line, rejected.entry) == ("sub/Patient.ndjson", 3, None)
    assert (rejected.resource_type, rejected.reason) == (kind, reason)
    assert stream.summary.rejected == 1
    assert_adds_up(stream)


def assert_adds_up(stream: Stream) -> None:
    for row in stream.summary.resources:
        outcomes = (row.mapped, row.looked_up, row.retracted, row.duplicates, row.not_mapped, row.orphans, row.rejected)
        assert row.read == sum(outcomes)
    failed = sum(row.orphans + row.rejected for row in stream.summary.resources)
    assert failed == stream.summary.rejected == len(stream.rejected)


def test_rejected_patient_takes_its_resources_along(mapped: Mapped, ada: Json, diabetes: Json) -> None:
    stream = mapped({"a.ndjson": [ada | {"birthDate": "1950-99"}, diabetes]})
    assert stream.patients == []
    assert [(item.line, item.reason) for item in stream.rejected] == [
        (1, "Patient.birthDate is not a date"),
        (2, "its patient is not in this input"),
    ]
    assert stream.count("Condition").orphans == 1


@pytest.mark.parametrize(("cut", "junk"), [(4, b""), (0, b"junk"), (8, b"12345678")])
def test_damaged_end_of_gzip_keeps_what_came_before(mapped: Mapped, cut: int, junk: bytes) -> None:
    whole = gzip.compress(GOOD + b"\n" + TAIL + b"\n")
    stream = mapped({"a.ndjson.gz": whole[: len(whole) - cut] + junk, "b.ndjson": b""})
    assert [patient.source_id for patient in stream.patients] == ["good", "tail"]
    (rejected,) = stream.rejected
    assert (rejected.file, rejected.line) == ("a.ndjson.gz", 3)
    assert rejected.reason == "gzip data is damaged or cut off from here on"


def test_gzip_cut_in_the_middle_keeps_whole_lines(mapped: Mapped) -> None:
    lines = [b'{"resourceType":"Patient","id":"%s"}' % os.urandom(24).hex().encode() for _ in range(2_000)]
    whole = gzip.compress(b"\n".join(lines))
    stream = mapped({"a.ndjson.gz": whole[: len(whole) // 2]})
    assert len(stream.patients) > 500
    (rejected,) = stream.rejected
    assert rejected.line == len(stream.patients) + 1


def test_damaged_json_document_is_rejected_whole(mapped: Mapped) -> None:
    stream = mapped({
        "a.json": b'{"resourceType":"Patient",\n "id"',
        "b.json.gz": gzip.compress(GOOD)[:-9],
        "c.json": b"\xff\xfe",
        "d.json": b'{"resourceType":"Patient","x":' + b"[" * 99_999,
    })  # fmt: skip
    assert [(item.file, item.line, item.entry) for item in stream.rejected] == [
        (name, None, None) for name in ("a.json", "b.json.gz", "c.json", "d.json")
    ]


def test_json_that_is_not_fhir_is_left_aside(mapped: Mapped) -> None:
    stream = mapped({"package.json": b'{"name": "x"}', "list.json": b"[1]", "a.ndjson": GOOD, "notes.txt": b"x"})
    assert [(item.file, item.reason) for item in stream.summary.skipped_files] == [
        ("list.json", "JSON, but not FHIR"),
        ("package.json", "JSON, but not FHIR"),
    ]
    assert (stream.summary.files, stream.rejected) == (1, [])


def test_names_and_packing_make_no_difference(
    tmp_path: Path, ada: Json, mapped_folder: Callable[[Path], Stream]
) -> None:
    lines = b"\xef\xbb\xbf" + json.dumps(ada).encode() + b"\r\n" + GOOD + b"\r\n"
    forms = {
        "a.ndjson": lines,
        "b.ndjson.gz": gzip.compress(lines),
        "c.json": lines,
        "d.JSON.GZ": gzip.compress(lines),
        "e.ndjson.gz": lines,
        "f.ndjson": gzip.compress(GOOD) + gzip.compress(b"\n" + json.dumps(ada).encode()),
        "g.json": json.dumps(bundle({"resource": ada}, {"resource": json.loads(GOOD)}), indent=2).encode(),
        "h.ndjson": json.dumps(bundle({"resource": ada}, {"resource": json.loads(GOOD)})).encode(),
    }
    seen: set[tuple[bytes, ...]] = set()
    for name, data in forms.items():
        (tmp_path / name).write_bytes(data)
        stream = mapped_folder(tmp_path / name)
        assert stream.rejected == []
        seen.add(tuple(stream.lines[:-1]))
    assert len(seen) == 1
    (only,) = seen
    assert len(only) == 3


def test_single_resource_document_is_read(mapped: Mapped, ada: Json) -> None:
    assert mapped({"ada.json": json.dumps(ada, indent=2)}).patient.source_id == "ada"


@pytest.mark.parametrize("kind", ["searchset", "transaction", "collection", "batch"])
def test_references_inside_a_bundle_are_resolved(
    mapped: Mapped, ada: Json, diabetes: Json, bob: Json, kind: str
) -> None:
    urn = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    del ada["id"]
    ada["generalPractitioner"] = [{"reference": "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1234567893"}]
    diabetes["subject"] = {"reference": urn}
    other = diabetes | {"id": "c2", "subject": {"reference": "https://ehr.example/fhir/Patient/p9/_history/3"}}
    stream = mapped({
        "bundle.json": bundle(
            {"resource": diabetes, "search": {"mode": "match"}},
            {"fullUrl": urn, "resource": ada, "request": {"method": "POST", "url": "Patient"}},
            {"fullUrl": "https://ehr.example/fhir/Patient/p9", "resource": ada | {"id": "p9"}},
            {"resource": other},
            {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}},
            {"response": {"status": "201"}},
            kind=kind,
        ),
        "hospital.json": bundle({"resource": bob}),
    })  # fmt: skip
    assert stream.rejected == []
    first, second = stream.patients
    assert (first.source_id, second.source_id) == (urn.removeprefix("urn:uuid:"), "p9")
    assert [item.source_id for item in first.conditions] == ["c1"]
    assert [item.source_id for item in second.conditions] == ["c2"]
    assert first.general_practitioner_id == "bob"


def test_bad_entry_is_rejected_by_its_place_in_the_bundle(mapped: Mapped, ada: Json) -> None:
    stream = mapped({
        "b.json": bundle(
            {"resource": {"resourceType": "Patient", "id": 5}},
            {"resource": ada},
            {"resource": None},
            {"resource": bundle()},
            {"request": {"method": "DELETE", "url": "Condition/c1"}},
            {"fullUrl": 7},
        )
    })  # fmt: skip
    assert stream.patient.source_id == "ada"
    assert [(item.line, item.entry, item.resource_type) for item in stream.rejected] == [
        (None, 1, "Patient"),
        (None, 3, None),
        (None, 4, "Bundle"),
        (None, 5, None),
        (None, 6, None),
    ]
    assert_adds_up(stream)


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        ({"lastUpdated": "2026-01-02T00:00:00Z"}, {"lastUpdated": "2026-01-01T00:00:00Z"}, "first"),
        ({"lastUpdated": "2026-01-01T09:00:00+02:00"}, {"lastUpdated": "2026-01-01T08:00:00Z"}, "second"),
        ({"versionId": "10"}, {"versionId": "9"}, "first"),
        ({"versionId": 3}, {"versionId": "W/x"}, "first"),
        ({"lastUpdated": "2026-01-01T00:00:00Z"}, {"versionId": "9"}, "first"),
        ({"lastUpdated": "soon"}, {"versionId": "9" * 5_000}, "second"),
        ({}, {}, "second"),
    ],
)
def test_newest_version_of_a_resource_wins(mapped: Mapped, ada: Json, first: Json, second: Json, winner: str) -> None:
    stream = mapped({
        "a.json": bundle({"resource": ada | {"meta": first, "name": [{"family": "first"}]}}),
        "b.json": bundle({"resource": ada | {"meta": second, "name": [{"family": "second"}]}}),
    })  # fmt: skip
    assert stream.patient.family == winner
    assert stream.rejected == []
    assert stream.count("Patient").duplicates == 1


def test_condition_that_moved_belongs_to_its_newest_patient(mapped: Mapped, ada: Json, diabetes: Json) -> None:
    moved = diabetes | {"subject": {"reference": "Patient/good"}, "meta": {"versionId": "2"}}
    stream = mapped({"a.ndjson": [moved, ada, diabetes], "b.ndjson": GOOD})
    assert [len(patient.conditions) for patient in stream.patients] == [0, 1]


def test_symbolic_links_out_of_the_folder_are_not_followed(mapped: Mapped, tmp_path: Path) -> None:
    (tmp_path / "secret.ndjson").write_bytes(TAIL)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "more.ndjson").write_bytes(TAIL)
    export = tmp_path / "export"
    export.mkdir()
    (export / "out.ndjson").symlink_to(tmp_path / "secret.ndjson")
    (export / "folder").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (export / "gone.ndjson").symlink_to(export / "nowhere")
    (export / "in.ndjson").symlink_to(export / "a.ndjson")
    os.mkfifo(export / "pipe.ndjson")
    stream = mapped({"a.ndjson": GOOD, ".hidden.ndjson": TAIL, ".cache/b.ndjson": TAIL})
    assert stream.patient.source_id == "good"
    assert [(item.file, item.reason) for item in stream.summary.skipped_files] == [
        ("gone.ndjson", "a symbolic link that leads nowhere"),
        ("out.ndjson", "a symbolic link out of the folder is not followed"),
        ("pipe.ndjson", "not a regular file"),
    ]


def test_file_name_of_odd_bytes_can_be_reported(mapped: Mapped, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "export") + b"/\xff.ndjson")).write_bytes(b"{")
    assert [item.file for item in mapped({"a.ndjson": GOOD}).rejected] == ["\ufffd.ndjson"]
