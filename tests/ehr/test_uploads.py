"""Files that come by the web: what is FHIR is taken, everything else is refused and harms nothing."""

import gzip
import json

import httpx
import psycopg
import pytest

from caretide.ehr.uploads import suffix_of
from caretide.kernel.errors import Invalid
from tests.cast import Cast
from tests.client import Visit
from tests.database import Server

WHITFIELD = {
    "resourceType": "Patient",
    "id": "p-1",
    "name": [{"family": "Whitfield", "given": ["Eleanor"]}],
    "birthDate": "1948-03-17",
    "gender": "female",
}
BUNDLE = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": WHITFIELD}]}
LINES = json.dumps(WHITFIELD).encode() + b"\n"


def place(cast: Cast) -> str:
    return f"/imports?clinic_id={cast.clinic_id}"


@pytest.mark.parametrize(
    "content",
    [LINES, LINES.strip(), b"\xef\xbb\xbf" + LINES, gzip.compress(LINES), json.dumps(BUNDLE, indent=1).encode()],
    ids=["lines", "one line", "with a mark", "gzip", "Bundle"],
)
async def test_fhir_is_taken_and_again_changes_nothing(content: bytes, cast: Cast, api: Visit) -> None:
    program = await api(cast.manager)
    done = await program.post(place(cast), content=content)
    assert done.status_code == 201, done.text
    assert done.json()["counts"]["patient"] == {"created": 1, "updated": 0, "unchanged": 0, "removed": 0}
    assert done.json()["complete"]
    again = (await program.post(place(cast), content=content)).json()
    assert (again["changed"], again["counts"]["patient"]["unchanged"]) == (0, 1)
    assert [run["patients"] for run in (await program.get("/imports")).json()] == [1, 1]


@pytest.mark.req("W-07", "V-11")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   \n ",
        b"%PDF-1.7\n" + LINES,
        b"\x89PNG\r\n\x1a\n" + LINES,
        b"PK\x03\x04" + LINES,
        b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]><x>&y;</x>",
        b"#!/bin/sh\nid",
        b"name,dob\n=cmd,1948",
        b"\x00" * 4096,
    ],
)
async def test_what_is_no_fhir_is_refused_by_its_content(content: bytes, cast: Cast, api: Visit) -> None:
    program = await api(cast.manager)
    headers = {"content-type": "application/fhir+ndjson"}
    refused = await program.post(place(cast), content=content, headers=headers)
    assert (refused.status_code, refused.json()["field"]) == (422, "file")
    assert (await program.get("/imports")).json() == []


@pytest.mark.req("W-07", "V-11")
@pytest.mark.parametrize(
    "content",
    [
        b"{" * 200_000,
        b'{"resourceType": "Bundle", "entry": ' + b"[" * 100_000,
        gzip.compress(LINES)[:-9],
        gzip.compress(b"\0" * 300_000_000, 9),
        LINES.replace(b"p-1", b"../../../etc/passwd\\u0000"),
        b'{"resourceType": "Patient", "id": "' + b"x" * 1_000_000 + b'"}\n',
        b'{"resourceType": "Observation"}\n' * 1000,
        LINES.replace(b"1948-03-17", b"99999-99-99"),
    ],
    ids=["deep", "deep Bundle", "cut off", "bomb", "traversal", "long id", "nobody's", "no date"],
)
async def test_hostile_file_ends_in_an_answer(content: bytes, cast: Cast, api: Visit) -> None:
    """The parser's process may fail; ours answers, and goes on."""
    program = await api(cast.manager)
    answer = await program.post(place(cast), content=content)
    assert answer.status_code in {201, 422, 503}
    assert (await program.get("/imports")).status_code == 200


@pytest.mark.req("W-07")
async def test_who_may_not_import_is_refused_unread(cast: Cast, api: Visit, signed_in: Visit) -> None:
    for actor in (cast.coordinator, cast.billing, cast.auditor):
        program = await api(actor)
        refused = await program.post(place(cast), content=LINES)
        assert (refused.status_code, refused.json()["permission"]) == (403, "patient:import")
        assert (await program.get("/imports")).status_code == 403
    assert (await (await signed_in(cast.coordinator)).get("/admin/imports")).status_code == 403


@pytest.mark.req("W-07")
async def test_larger_than_the_limit_is_refused(cast: Cast, signed_in: Visit) -> None:
    browser = await signed_in(cast.administrator)
    headers = {"content-length": str(21 * 1024 * 1024)}
    assert (await browser.post("/admin/imports", content=b"x", headers=headers)).status_code == 413


async def sent(browser: httpx.AsyncClient, cast: Cast, content: bytes, **more: str) -> httpx.Response:
    form = {"clinic_id": str(cast.clinic_id), **more}
    # Whatever the file calls itself: neither name nor type is believed, and neither is kept.
    return await browser.post("/admin/imports", data=form, files={"file": ("../../x.exe", content, "image/png")})


async def test_page_takes_a_file_and_says_what_became_of_it(cast: Cast, signed_in: Visit, server: Server) -> None:
    browser = await signed_in(cast.administrator)
    empty = await browser.get("/admin/imports")
    assert "Nothing was imported yet" in empty.text
    done = await sent(browser, cast, LINES + b'{"resourceType": "Patient"}\n', source="epic-main")
    assert done.status_code == 200
    assert "What became of the file" in done.text
    assert "left out" in done.text
    assert "epic-main" in done.text
    with psycopg.connect(server.admin) as connection:
        query = "SELECT count(*) FROM audit_events WHERE verb = 'ehr.import_messages' AND account_id = %s"
        assert connection.execute(query, (cast.administrator.account_id,)).fetchone() == (1,)


async def test_page_says_what_is_wrong(cast: Cast, signed_in: Visit) -> None:
    browser = await signed_in(cast.administrator)
    for content, more, words in (
        (b"%PDF", {}, "neither FHIR NDJSON nor a FHIR Bundle"),
        (b"", {}, "Choose a file"),
        (LINES, {"source": "Epic Main"}, "A source is named in lower-case letters"),
    ):
        refused = await sent(browser, cast, content, **more)
        assert refused.status_code == 422
        assert words in refused.text
    missing = await sent(browser, cast, LINES, clinic_id="no id")
    assert missing.status_code == 404


def test_first_bytes_say_what_a_file_is() -> None:
    assert suffix_of(LINES) == ".ndjson"
    assert suffix_of(json.dumps(BUNDLE).encode()) == ".json"
    assert suffix_of(json.dumps(WHITFIELD, indent=2).encode()) == ".json"
    assert suffix_of(gzip.compress(b"x")) == ".ndjson.gz"
    with pytest.raises(Invalid):
        suffix_of(b"[1]")
