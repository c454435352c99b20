"""A service company's figures: staff, hours and counts, and nothing of any patient."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantFigures:
    """A tenant that the company serves. Seconds are those that the company's own people recorded."""

    tenant_id: UUID
    name: str
    staff: int
    patients: int
    seconds_month: int
    seconds_before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffFigures:
    """One of the company's people, in all tenants together. `hours` is their weekly capacity where somebody said."""

    account_id: UUID
    name: str
    tenants: int
    patients: int
    seconds_month: int
    seconds_before: int
    hours: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyPage:
    """A company's month: by tenant, and by person. `month` and `before` are how the two months read."""

    company: str
    month: str
    before: str
    tenants: tuple[TenantFigures, ...]
    staff: tuple[StaffFigures, ...]

    @property
    def seconds(self) -> int:
        """All that the company's people recorded this month."""
        return sum(one.seconds_month for one in self.tenants)

    @property
    def patients(self) -> int:
        """Patients designated for the company's people."""
        return sum(one.patients for one in self.tenants)
