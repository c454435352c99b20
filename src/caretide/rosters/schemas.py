"""What the roster's API takes and gives."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


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
