"""Settings are read once, and what is wrong with them is said in a line."""

from pathlib import Path

import pytest

from caretide.kernel.errors import Invalid
from caretide.settings import load_settings


def test_the_address_follows_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARETIDE_PORT", "8123")
    assert load_settings().base_url == "http://localhost:8123"


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARETIDE_PORT", "")
    assert load_settings().port == 8000


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CARETIDE_PORT", "abc", "CARETIDE_PORT"),
        ("CARETIDE_MODE", "prod", "CARETIDE_MODE"),
        ("CARETIDE_BASE_URL", "caretide.example.com", "CARETIDE_BASE_URL: must be an address"),
        ("CARETIDE_OUTBOUND_HOSTS", "login.internal,https://kms.internal", "CARETIDE_OUTBOUND_HOSTS: must be hosts"),
        ("CARETIDE_OUTBOUND_HOSTS", "login.internal:port", "CARETIDE_OUTBOUND_HOSTS: must be hosts"),
        ("CARETIDE_CONFIG", "/nowhere/caretide.toml", "cannot be read"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Invalid, match=told):
        load_settings()


def test_a_file_is_read_and_its_mistakes_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "caretide.toml"
    monkeypatch.setenv("CARETIDE_CONFIG", str(path))
    path.write_text("port = 8200\n")
    assert load_settings().port == 8200
    path.write_text("port = \n")
    with pytest.raises(Invalid, match="is not TOML"):
        load_settings()
    path.write_text("prot = 1\n")
    with pytest.raises(Invalid, match="is not a setting"):
        load_settings()
