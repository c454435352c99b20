"""What the rosters' forms send, and what the API takes and gives."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from caretide.kernel.text import NAME_LENGTH

DAY_MINUTES: Final = 24 * 60


class Body(BaseModel):
    """A request that refuses what it does not know."""

    model_config = ConfigDict(extra="forbid")


class DesignateBody(Body):
    """Who looks after the patient from now on."""

    member_id: UUID


class DesignateManyBody(DesignateBody):
    """Who looks after these patients from now on."""

    patient_ids: list[UUID] = Field(min_length=1, max_length=5000)


class DesignatedCount(BaseModel):
    """How many patients changed hands; those who were already with the member are not among them."""

    changed: int


class CoverBody(Body):
    """Who works whose roster, from one day to another, both included."""

    absent_id: UUID
    cover_id: UUID
    first_on: date
    last_on: date


class DutyBody(Body):
    """When a member answers a clinic's calls. `weekdays` are ISO's (Monday is 1), none for every day.

    Minutes are those of the clinic's day; no last day where it goes on.
    """

    clinic_id: UUID
    member_id: UUID
    first_on: date
    last_on: date | None = None
    weekdays: tuple[int, ...] = Field(default=(), max_length=7)
    from_minute: int = Field(default=0, ge=0, lt=DAY_MINUTES)
    until_minute: int = Field(default=DAY_MINUTES, gt=0, le=DAY_MINUTES)


class DutyForm(Body):
    """A duty as its form sends it: times of the day as `08:00`; midnight as an end is the day's."""

    clinic_id: UUID
    member_id: UUID
    first_on: date
    last_on: date | None = None
    weekdays: tuple[int, ...] = ()
    begins: str
    until: str

    @field_validator("weekdays", mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        """Take one box as a list of one."""
        return (value,) if isinstance(value, str) else value


class BeyondBody(Body):
    """Who is looked for beyond the roster: a whole record number, or a whole family name and a birth date."""

    number: str = Field(default="", max_length=NAME_LENGTH)
    family: str = Field(default="", max_length=NAME_LENGTH)
    born: date | None = None


class ReasonBody(Body):
    """What emergency access is for, and why."""

    category: str
    reason: str


class GlassBody(ReasonBody):
    """Whose record is opened, what for, and why."""

    patient_id: UUID


class ReviewBody(Body):
    """What a review found; a note is needed where it was not appropriate."""

    verdict: str
    note: str = ""


class BeyondOut(BaseModel):
    """Somebody beyond the roster; `is_visible` for who is seen without emergency access."""

    model_config = ConfigDict(from_attributes=True)

    patient_id: UUID
    given: str
    family: str
    birth_date: date
    mrn: str | None
    clinic: str
    is_visible: bool


class GlassOut(BaseModel):
    """A use of emergency access and its review; `looks` are the events that the audit has of it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    patient_id: UUID
    used_by: UUID
    name: str
    category: str
    reason: str
    opened_at: datetime
    until: datetime
    ended_at: datetime | None
    reviewed_by: str | None
    verdict: str | None
    note: str | None
    reviewed_at: datetime | None
    looks: int


class OpenOut(BaseModel):
    """One's own use of emergency access that is open."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    patient_id: UUID
    until: datetime


class Made(BaseModel):
    """The id of what was recorded."""

    id: UUID
