"""What is committed is ours, and says nothing of the machine it was written on."""

from pathlib import Path

import pytest

from tests.architecture.tracked import committed, foreign_files, foreign_text


@pytest.fixture(scope="module")
def tracked(root: Path) -> list[Path]:
    paths = committed(root)
    if paths is None:
        pytest.skip("not a clone, or no git here")
    return paths


def test_nothing_built_elsewhere_is_committed(root: Path, tracked: list[Path]) -> None:
    assert foreign_files(root, tracked) == []


def test_no_registry_and_no_path_of_this_machine_is_named(root: Path, tracked: list[Path]) -> None:
    assert foreign_text(root, tracked) == []


@pytest.mark.parametrize(
    "name",
    ["src/caretide/ui/static/htmx.min.js", "src/caretide/ui/static/vendor/a.js", "uv.lock", "fonts/inter.woff2"],
)
def test_planted_foreign_file_is_found(name: str, tmp_path: Path) -> None:
    assert foreign_files(tmp_path, [tmp_path / name]) == [f"{name}:1 does not belong into the repository"]


def test_planted_foreign_text_is_found(tmp_path: Path) -> None:
    hosts = [
        "https://files.example" + "hosted.org/a.whl",
        "registry." + "example.org",
        "--index" + "-url https://a/simple",
    ]
    for line in [*hosts, '"resolved"' + ': "https://a/b.tgz"', f"see {tmp_path}/src", f"{tmp_path.parent}/shared/data"]:
        path = tmp_path / "notes.md"
        path.write_text(f"first line\n{line}\n", encoding="utf-8")
        (finding,) = foreign_text(tmp_path, [path])
        assert finding.startswith("notes.md:2 names ")


def test_ordinary_text_is_not_found(tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text("uv pip compile --no-emit-index-url\n../shared/data\nfiles.append(pypi)\n", encoding="utf-8")
    assert foreign_text(tmp_path, [path]) == []
