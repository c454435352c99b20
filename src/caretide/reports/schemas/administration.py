"""The tenant at a glance."""

from dataclasses import dataclass

from caretide.ui.shell import Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of the first things to do in a new tenant, and whether it was done."""

    title: str
    text: str
    href: str
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number that opens its list."""

    label: str
    figure: int
    href: str
    tone: Tone = "neutral"
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleCounts:
    """How many people have a role, by status."""

    role: str
    label: str
    active: int
    invited: int
    suspended: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A license that runs out soon or has: `days` are left, fewer than none if it has."""

    member_id: str
    name: str
    license: str
    ends: str
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicHealth:
    """How a clinic stands: facts it lacks, its last import, and the close of its last full month."""

    clinic_id: str
    name: str
    missing: tuple[str, ...]
    imported: str
    import_text: str
    import_tone: Tone
    month: str
    month_title: str
    close: str
    close_tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """Background work of one kind: how much waits or runs, how much has failed."""

    label: str
    waiting: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdministrationPage:
    """The landing page of an administrator. `steps` are empty once all are done."""

    company: str
    steps: tuple[Step, ...]
    figures: tuple[Figure, ...]
    roles: tuple[RoleCounts, ...]
    renewals: tuple[Renewal, ...]
    clinics: tuple[ClinicHealth, ...]
    jobs: tuple[JobLine, ...]

    @property
    def steps_left(self) -> int:
        """How many of the first steps are still to be done."""
        return sum(not step.is_done for step in self.steps)
