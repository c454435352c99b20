"""What an event's bytes say, and whether its columns say the same."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from caretide.kernel.errors import Invalid
from caretide.kernel.records import HEALTH

COLUMN_OF: Final = {
    "tenant": "tenant_id",
    "actor": "actor_kind",
    "account": "account_id",
    "member": "member_id",
    "request": "request_id",
    "glass": "glass_id",
}
"""Names in the bytes that stand in a column of another name."""

COLUMNS: Final = (
    "tenant",
    "id",
    "at",
    "app_at",
    "actor",
    "account",
    "member",
    "roles",
    "session",
    "request",
    "ip",
    "agent",
    "route",
    "verb",
    "act",
    "data",
    "outcome",
    "purpose",
    "glass",
    "rows",
    "details",
)
"""What is read out of the bytes into columns; the patients have a table of their own."""


def fault_of(row: Mapping[Any, Any]) -> str:
    """Return what is wrong with a stored event, in a few words; empty for one that holds."""
    raw = bytes(row["canonical"])
    if hashlib.sha256(b"\x00" + raw).digest() != bytes(row["leaf"]):
        return "the leaf is not that of the bytes"
    try:
        said = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return "the bytes are no event"
    if said.get("v") != 0 and orjson.dumps(said, option=orjson.OPT_SORT_KEYS) != raw:
        return "the bytes are not in their canonical form"
    for name in COLUMNS:
        column = COLUMN_OF.get(name, name)
        if _printed(row[column]) != said.get(name):
            return f"the column {column} says something else than the bytes"
    if len(said["patients"]) != row["patients"]:
        return "the column patients says something else than the bytes"
    return ""


def _printed(value: object) -> object:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value


@dataclass(slots=True)
class Seen:
    """What was returned of one patient: in how many events, when first and last, and which classes of data."""

    patient_id: UUID
    events: int = 0
    first: str = ""
    last: str = ""
    data: dict[str, int] = field(default_factory=dict[str, int])


def seen_in(documents: Iterable[bytes]) -> dict[UUID, Seen]:
    """Return by patient what events returned, from their bytes alone; refused ones returned nothing."""
    found: dict[UUID, Seen] = {}
    for raw in documents:
        said = orjson.loads(raw)
        if said["outcome"] != "done":
            continue
        classes = [one for one in said["data"] if one in HEALTH]
        for patient in said["patients"]:
            id_ = UUID(patient)
            seen = found.setdefault(id_, Seen(id_))
            seen.events += 1
            seen.first = min(seen.first or said["at"], said["at"])
            seen.last = max(seen.last, said["at"])
            for one in classes:
                seen.data[one] = seen.data.get(one, 0) + 1
    return found


def moment_of(text: str, *, ends: bool = False) -> datetime:
    """Read a day or a moment (ISO 8601; UTC where no zone is named); a day that ends a span ends at its midnight."""
    try:
        if len(text) == 10:
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            return day + timedelta(days=1) if ends else day
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"'{text}' is no day and no moment; write 2026-11-22 or 2026-11-22T14:30Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def words(verb: str) -> str:
    """Return a verb as people read it: `workspace.patient_page` as `Workspace: patient page`."""
    feature, _, name = verb.partition(".")
    return f"{feature.replace('_', ' ').capitalize()}: {name.replace('_', ' ')}"
