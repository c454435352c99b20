"""Settings: read once at start, handed down, never reached for.

Every setting is an environment variable with the prefix `CARETIDE_`, or a key of the TOML file that `CARETIDE_CONFIG`
names; the environment wins. No secret has a default: what the embedded parts need is generated into `home`.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from caretide.kernel.errors import Invalid


def default_home() -> Path:
    """Return where this user keeps Caretide's state: for root, a place that an unprivileged server can reach."""
    if os.geteuid() == 0:
        return Path("/var/lib/caretide")
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "caretide"


class Settings(BaseSettings):
    """How this installation runs."""

    model_config = SettingsConfigDict(env_prefix="CARETIDE_", env_ignore_empty=True, frozen=True, extra="forbid")

    mode: Literal["development", "production"] = Field(
        "development",
        description="production refuses the demo, and to start where the doctor finds walls or transport open",
    )
    home: Path = Field(default_factory=default_home, description="folder for state, keys, vault and mail")
    database_url: str | None = Field(
        None, description="the migrator's URL of an existing PostgreSQL 18; without it one is run under `home`"
    )
    host: str = Field("127.0.0.1", description="address to serve on")
    port: int = Field(8000, ge=1, le=65535, description="port to serve on")
    base_url: str = Field(
        default_factory=lambda known: f"http://localhost:{known['port']}",
        description="how people reach this installation; http://localhost and the port by default",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment before the TOML file."""
        del dotenv_settings, file_secret_settings
        path = os.environ.get("CARETIDE_CONFIG")
        sources: tuple[PydanticBaseSettingsSource, ...] = (init_settings, env_settings)
        return (*sources, TomlConfigSettingsSource(settings_cls, Path(path))) if path else sources

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")) or value.endswith("/"):
            raise ValueError("must be an address such as https://caretide.example.com, without a slash at its end")
        return value

    @property
    def secure_cookies(self) -> bool:
        """Whether people reach this installation over TLS."""
        return self.base_url.startswith("https://")


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; raise Invalid naming the first that is wrong."""
    _check_config_file()
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        told = "is not a setting" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
        raise Invalid(f"CARETIDE_{name}: {told}", field=name.lower()) from error


def _check_config_file() -> None:
    """Refuse a file that is named and cannot be read: its settings would be silently left out."""
    named = os.environ.get("CARETIDE_CONFIG")
    if not named:
        return
    try:
        tomllib.loads(Path(named).read_text("utf-8"))
    except OSError as error:
        raise Invalid(f"CARETIDE_CONFIG: {named} cannot be read: {error.strerror}", field="config") from error
    except ValueError as error:
        raise Invalid(f"CARETIDE_CONFIG: {named} is not TOML: {error}", field="config") from error
