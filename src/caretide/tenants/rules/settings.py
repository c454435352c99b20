"""What a tenant decides about itself: names, defaults, and how a value reads."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from caretide.identity.rules.policy import POLICIES
from caretide.kernel.errors import Invalid
from caretide.kernel.text import DETAIL_LENGTH, clean_text

IDLE_MINUTES: Final = (5, 10, 15, 20, 25, 30)
"""How long a session may rest (NIST SP 800-63B-4, 2.2.3: an hour at most); 15 where nobody decided."""
ASK_MINUTES: Final = (3, 5, 10, 15, 20)
"""How long a timer runs on without a sign of life before it asks; 5 where nobody decided."""

TITLES: Final = {
    "administrators_see_health": "Administrators see health data",
    "idle_minutes": "Minutes until a session rests",
    "timer_ask_minutes": "Minutes until a timer asks",
    "sign_in_policy": "How people sign in",
    "privacy_contact": "Privacy contact",
    "glass_members": "Who may use emergency access",
}
"""Name of a setting -> how it reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSettings:
    """A tenant's settings as they stand. `privacy_contact` is an e-mail address; empty while nobody is named.

    `sign_in_policy` is one of `identity.rules.policy.SignInPolicy`.
    """

    administrators_see_health: bool = True
    idle_minutes: int = 15
    timer_ask_minutes: int = 5
    sign_in_policy: str = "any"
    privacy_contact: str = ""
    glass_members: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a setting: who made it, when, from what to what."""

    name: str
    before: Any
    after: Any
    by: str | None
    at: datetime


NAMES: Final = tuple(one.name for one in fields(TenantSettings))


def read_settings(values: Mapping[str, Any]) -> TenantSettings:
    """Return the settings behind what is kept of them; what nobody decided is as it is by default."""
    known = {name: value for name, value in values.items() if name in NAMES}
    if "glass_members" in known:
        known["glass_members"] = tuple(UUID(one) for one in known["glass_members"])
    return TenantSettings(**known)


def kept(wanted: TenantSettings) -> dict[str, Any]:
    """Return settings as they are kept, or raise Invalid naming the field."""
    if wanted.idle_minutes not in IDLE_MINUTES:
        raise Invalid(f"A session rests after {', '.join(map(str, IDLE_MINUTES))} minutes", field="idle_minutes")
    if wanted.timer_ask_minutes not in ASK_MINUTES:
        raise Invalid(f"A timer asks after {', '.join(map(str, ASK_MINUTES))} minutes", field="timer_ask_minutes")
    if wanted.sign_in_policy not in POLICIES:
        raise Invalid(f"People sign in as one of {', '.join(POLICIES)}", field="sign_in_policy")
    contact = clean_text(wanted.privacy_contact, field="privacy_contact", limit=DETAIL_LENGTH)
    return {
        "administrators_see_health": wanted.administrators_see_health,
        "idle_minutes": wanted.idle_minutes,
        "timer_ask_minutes": wanted.timer_ask_minutes,
        "sign_in_policy": str(wanted.sign_in_policy),
        "privacy_contact": contact,
        "glass_members": sorted(str(one) for one in set(wanted.glass_members)),
    }
