"""The tenant's settings, as their page shows them and as forms and programs send them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, field_validator

from caretide.identity.rules.policy import SignInPolicy
from caretide.tenants.rules.settings import TenantSettings
from caretide.ui.forms import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """A change in words."""

    title: str
    before: str
    after: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsPage:
    """What stands, what can be chosen, and what was changed."""

    settings: TenantSettings
    answers: tuple[Option, ...]
    idle: tuple[Option, ...]
    asks: tuple[Option, ...]
    policies: tuple[Option, ...]
    people: tuple[Option, ...]
    chosen: tuple[str, ...]
    changes: tuple[ChangeLine, ...]


class Sent(BaseModel):
    """What comes in: nothing that is not named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SettingsForm(Sent):
    """All settings, as the page sends them."""

    administrators_see_health: bool
    idle_minutes: int
    timer_ask_minutes: int = 5
    sign_in_policy: SignInPolicy = SignInPolicy.ANY
    privacy_contact: str = ""
    glass_members: tuple[UUID, ...] = ()

    @field_validator("glass_members", mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        """Take one box as a list of one, and none as an empty list."""
        return ((value,) if value else ()) if isinstance(value, str) else value

    def settings(self) -> TenantSettings:
        """Return what is wanted."""
        return TenantSettings(**self.model_dump())


class SettingsPatch(Sent):
    """What changes; what is not sent stays."""

    administrators_see_health: bool = True
    idle_minutes: int = 15
    timer_ask_minutes: int = 5
    sign_in_policy: SignInPolicy = SignInPolicy.ANY
    privacy_contact: str = ""
    glass_members: tuple[UUID, ...] = ()


class ChangeOut(BaseModel):
    """A change of a setting."""

    name: str
    before: Any
    after: Any
    by: str | None
    at: datetime


class SettingsOut(BaseModel):
    """The settings as they stand, and every change, the latest first."""

    administrators_see_health: bool
    idle_minutes: int
    timer_ask_minutes: int
    sign_in_policy: SignInPolicy
    privacy_contact: str
    glass_members: tuple[UUID, ...]
    changes: list[ChangeOut]
