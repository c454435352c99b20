"""What the time log's API takes."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

NOTE_LENGTH = 4000


class Body(BaseModel):
    """A request that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid")


class StartBody(Body):
    """Whom the time is for, in which program, and the kind of work (`rules.ACTIVITY_TYPES`)."""

    patient_id: UUID
    enrollment_id: UUID
    activity_type: str


class StopBody(Body):
    """What was done, in words."""

    note: Annotated[str, Field(max_length=NOTE_LENGTH)] | None = None


class VoidBody(Body):
    """Why an entry does not count."""

    reason: str = Field(min_length=1, max_length=500)


class ActivityOut(BaseModel):
    """A kind of work, and whether its seconds can count."""

    code: str
    label: str
    counts: bool
