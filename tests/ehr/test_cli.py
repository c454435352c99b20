"""`caretide import fhir`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from caretide.ehr.cli import imports
from caretide.kernel.errors import NotFound
from tests.cast import Cast

PEOPLE = (
    '{"resourceType": "Patient", "id": "p-1", "name": [{"family": "Vega"}], "birthDate": "1941-03-07"}\n'
    '{"resourceType": "Patient", "id": "p-2", "name"\n'
)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """One patient and one malformed line."""
    path = tmp_path / "people.ndjson"
    path.write_text(PEOPLE)
    return path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(imports, ["fhir", *arguments])


@pytest.mark.usefixtures("commands")
def test_import_tells_counts_and_rejected_lines_as_json(cast: Cast, people: Path) -> None:
    first = call(str(people), "--tenant", cast.slug, "--clinic", cast.clinic_slug, "--json")
    second = call(str(people), "--tenant", cast.slug, "--clinic", cast.clinic_slug, "--json")
    told = json.loads(first.stdout)
    assert first.exit_code == second.exit_code == 0
    assert told["counts"]["patient"] == {"created": 1, "updated": 0, "unchanged": 0, "removed": 0}
    assert [item["place"] for item in told["rejected"]] == ["people.ndjson:2"]
    assert (told["complete"], told["rejected_count"], told["changed"]) == (True, 1, 1)
    assert json.loads(second.stdout)["changed"] == 0


@pytest.mark.usefixtures("commands")
def test_import_tells_people_what_was_rejected_and_where(cast: Cast, people: Path) -> None:
    result = call(str(people), "--tenant", cast.slug, "--clinic", cast.clinic_slug)
    assert result.exit_code == 0
    assert "patient" in result.stdout
    assert "people.ndjson:2: " in result.stderr
    assert "1 rejected; everything else was taken." in result.stderr
    assert "Vega" not in result.output


@pytest.mark.usefixtures("commands")
def test_import_that_is_cut_off_exits_with_1(cast: Cast, people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caretide.ehr.gateway._cut_off", _always)
    result = call(str(people), "--tenant", cast.slug, "--clinic", cast.clinic_slug)
    assert result.exit_code == 1
    assert "the end is missing" in result.stderr
    assert "run it again for the rest" in result.stderr


async def _always(*_: object) -> str:
    return "the end is missing."


@pytest.mark.usefixtures("commands")
def test_unknown_tenant_and_clinic_are_named(cast: Cast, people: Path) -> None:
    for tenant, clinic, named in (("nowhere", "x", "tenant 'nowhere'"), (cast.slug, "hillside", "clinic 'hillside'")):
        result = call(str(people), "--tenant", tenant, "--clinic", clinic)
        assert isinstance(result.exception, NotFound)
        assert named in result.exception.message


@pytest.mark.parametrize(
    "arguments", [("nowhere.ndjson", "--tenant", "t", "--clinic", "c"), (".", "--tenant", "t"), (".", "--colour")]
)
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    assert call(*arguments).exit_code == 2
