"""Settings: read once at start, handed down, never reached for.

Every setting is an environment variable with the prefix `CARETIDE_`, or a key of the TOML file that `CARETIDE_CONFIG`
names; the environment wins. No secret has a default: what the embedded parts need is generated into `home`.
"""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
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

    model_config = SettingsConfigDict(env_prefix="CARETIDE_", frozen=True, extra="forbid")

    mode: Literal["development", "production"] = Field(
        "development", description="production refuses to start where a finding could expose health data"
    )
    home: Path = Field(default_factory=default_home, description="folder for state, keys, vault and mail")
    database_url: str | None = Field(
        None, description="the migrator's URL of an existing PostgreSQL 18; without it one is run under `home`"
    )
    host: str = Field("127.0.0.1", description="address to serve on")
    port: int = Field(8000, ge=1, le=65535, description="port to serve on")
    base_url: str = Field("http://localhost:8000", description="how people reach this installation")

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

    @property
    def secure_cookies(self) -> bool:
        """Whether people reach this installation over TLS."""
        return self.base_url.startswith("https://")


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; raise Invalid naming the first that is wrong."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise Invalid(f"CARETIDE_{name}: {first['msg']}") from error
