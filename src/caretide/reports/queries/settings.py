"""The tenant's settings in words."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from caretide.identity.rules.policy import POLICIES
from caretide.kernel.permissions import WALLED, Permission
from caretide.kernel.records import Data, reads
from caretide.reports.schemas.settings import ChangeLine, ChangeOut, SettingsOut, SettingsPage
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import queries as tenants
from caretide.tenants.rules import ROLES
from caretide.tenants.rules.settings import ASK_MINUTES, IDLE_MINUTES, TITLES
from caretide.ui.forms import Option


@requires(Permission.TENANT_WRITE, reads(Data.SETTINGS, Data.STAFF))
async def settings_page(tx: Tx) -> SettingsPage:
    """Return the settings, what can be chosen, and their history."""
    standing, people = await tenants.settings(tx), await tenants.members(tx)
    names = {str(one.id): one.display_name for one in people}
    return SettingsPage(
        settings=standing,
        answers=(
            Option("true", "Yes", "Each read is recorded, like anyone's"),
            Option("false", "No", "They run the place, and see nothing of a patient"),
        ),
        idle=tuple(Option(str(one), f"{one} minutes") for one in IDLE_MINUTES),
        asks=tuple(Option(str(one), f"{one} minutes") for one in ASK_MINUTES),
        policies=tuple(Option(policy, label) for policy, label in POLICIES.items()),
        people=tuple(
            Option(str(one.id), f"{one.display_name}, {ROLES[one.role]}")
            for one in people
            # Whoever stands behind no roster wall has no use for a way through it.
            if one.status == "active" and one.role in WALLED
        ),
        chosen=tuple(str(one) for one in standing.glass_members),
        changes=tuple(
            ChangeLine(
                title=TITLES[one.name],
                before=_words(one.before, names),
                after=_words(one.after, names),
                by=one.by or "Caretide",
                at=one.at,
            )
            for one in await tenants.changes_of_settings(tx)
        ),
    )


@requires(Permission.TENANT_READ, reads(Data.SETTINGS))
async def settings_out(tx: Tx) -> SettingsOut:
    """Return the settings and their history for programs."""
    changes = [ChangeOut(**asdict(one)) for one in await tenants.changes_of_settings(tx)]
    return SettingsOut(**asdict(await tenants.settings(tx)), changes=changes)


def _words(value: Any, names: Mapping[str, str]) -> str:
    """Return how a value reads."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        named: list[str] = [names.get(str(one), "somebody") for one in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - ids, as they are kept
        return ", ".join(named) or "nobody"
    return POLICIES.get(value, str(value)) or "nobody"
