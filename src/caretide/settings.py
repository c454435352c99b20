"""Settings: read once at start, handed down, never reached for.

Every setting is an environment variable with the prefix `CARETIDE_`, or a key of the TOML file that `CARETIDE_CONFIG`
names; the environment wins. No secret has a default: what the embedded parts need is generated into `home`.
"""

import os
import tomllib
from email.utils import parseaddr
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from caretide.kernel.errors import Invalid

PREFIX: Final = "CARETIDE_"
_OF_A_HOST: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")


def default_home() -> Path:
    """Return where this user keeps Caretide's state: for root, a place that an unprivileged server can reach."""
    if os.geteuid() == 0:
        return Path("/var/lib/caretide")
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "caretide"


def is_loopback(host: str) -> bool:
    """Tell whether a host, by its name or address, is this one."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_of(address: str) -> str:
    """Return the host of an address such as https://caretide.example.com."""
    return urlsplit(address).hostname or "localhost"


def host_and_port(named: str) -> tuple[str, int]:
    """Return host and port (443 unless it is named) of an entry that names one; raise ValueError for any other.

    An IPv6 address stands in brackets, as in a URL.
    """
    parts = urlsplit(f"//{named}")
    if not parts.hostname or parts.netloc != named or "@" in named or named.endswith(":") or parts.port == 0:
        raise ValueError(f"no host: {named}")
    return parts.hostname, parts.port or 443


class Settings(BaseSettings):
    """How this installation runs."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    mode: Literal["development", "production"] = Field(
        "development",
        description="production refuses the demo, and to start where the doctor finds walls or transport open",
    )
    home: Path = Field(default_factory=default_home, description="folder for state, keys, vault and mail")
    database_url: str | None = Field(
        None, description="the migrator's URL of an existing PostgreSQL 18; without it one is run under `home`"
    )
    archive: Path | None = Field(
        None,
        description="folder of backups that the embedded database's log goes to as it is written, so that any moment"
        " can be restored; best on another disk",
    )
    archive_seconds: int = Field(
        60, ge=5, le=3600, description="how old a part of the log may get that is not archived yet: what can be lost"
    )
    host: str = Field("127.0.0.1", description="address to serve on")
    port: int = Field(8000, ge=1, le=65535, description="port to serve on")
    base_url: str = Field(
        default_factory=lambda known: f"http://localhost:{known['port']}",
        description="how people reach this installation; http://localhost and the port by default",
    )

    proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="addresses or networks of the proxies before this installation, with commas between them; only what"
        " these say about who asks is believed",
    )

    requests_per_minute: int = Field(
        1200,
        ge=60,
        description="how much one account may ask; tokens, tenants, addresses and expensive requests have shares of it",
    )

    outbound_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="hosts of your own network that may be reached over TLS though their addresses are private, with"
        " commas between them, such as a hospital's identity provider; a host's port is 443 unless it is named,"
        " as in login.hospital.internal:8443",
    )
    outbound_trust: Path | None = Field(
        None, description="file of the certificates (PEM) that those hosts' own authority is known by"
    )

    mail_host: str | None = Field(
        None,
        description="the mail server (SMTP) that takes letters to people, the one host that they are handed to; without"
        " it they wait in the folder `mail` under `home`",
    )
    mail_port: int = Field(587, ge=1, le=65535, description="its port: 587 for starttls, mostly 465 for implicit")
    mail_tls: Literal["starttls", "implicit", "off"] = Field(
        default_factory=lambda known: "off" if is_loopback(known.get("mail_host") or "") else "starttls",
        description="starttls or implicit, with its certificate checked either way; off for a server on this host"
        " alone, and the default there",
    )
    mail_user: str | None = Field(None, description="user to sign in to it as, where it asks for one")
    mail_password: SecretStr | None = Field(None, description="that user's password; better in a file")
    mail_password_file: Path | None = Field(
        None, validate_default=True, description="file whose first line is that password; read anew each time"
    )
    mail_sender: str | None = Field(
        None,
        validate_default=True,
        description="address that letters come from, such as Caretide <care@clinic.example>",
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

    @field_validator("proxies", "outbound_hosts", mode="before")
    @classmethod
    def _are_apart(cls, value: object) -> object:
        return [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value

    @field_validator("proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            try:
                ip_network(one)
            except ValueError:
                raise ValueError("must be addresses or networks such as 10.0.0.0/8, with commas between them") from None
        return value

    @field_validator("mail_host")
    @classmethod
    def _is_host(cls, value: str | None) -> str | None:
        if value is not None and not (value.isascii() and set(value) <= _OF_A_HOST):
            raise ValueError("must be a host's name alone, such as smtp.example.com; its port is CARETIDE_MAIL_PORT")
        return value.lower() if value else value

    @field_validator("mail_tls")
    @classmethod
    def _is_sealed(cls, value: str, info: ValidationInfo) -> str:
        if value == "off" and not is_loopback(info.data.get("mail_host") or "localhost"):
            raise ValueError("must be starttls or implicit: letters leave this host through TLS alone")
        return value

    @field_validator("mail_password_file")
    @classmethod
    def _is_one_password(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        named = (info.data.get("mail_password"), value)
        if info.data.get("mail_user") is not None and named == (None, None):
            raise ValueError("must name the file of the password, since CARETIDE_MAIL_USER is set")
        if None not in named:
            raise ValueError("is one place too many: CARETIDE_MAIL_PASSWORD is set")
        return value

    @field_validator("mail_sender")
    @classmethod
    def _is_sender(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            if info.data.get("mail_host") is not None:
                raise ValueError("must be the address that letters come from, since CARETIDE_MAIL_HOST is set")
            return None
        name, _, domain = parseaddr(value)[1].partition("@")
        if not (name and domain and value.isascii() and value.isprintable()):
            raise ValueError("must be an address such as Caretide <care@clinic.example>")
        return value

    @field_validator("outbound_hosts")
    @classmethod
    def _are_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(one for one in value if host_and_port(one))
        except ValueError:
            raise ValueError("must be hosts such as login.internal or login.internal:8443, with commas") from None

    @property
    def secure_cookies(self) -> bool:
        """Whether people reach this installation over TLS."""
        return self.base_url.startswith("https://")


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; raise Invalid naming the first that is wrong."""
    _check_config_file()
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        told = "is not a setting" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
        raise Invalid(f"CARETIDE_{name}: {told}", field=name.lower()) from error
    unknown = unknown_variables()
    if unknown and settings.mode == "production":
        raise Invalid(f"{unknown[0]} is not a setting; a misspelled one would be left out in silence", field="mode")
    return settings


def unknown_variables() -> list[str]:
    """Return the environment variables that look like settings and are none: misspelled, or of another version."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {f"{PREFIX}CONFIG"}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


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
