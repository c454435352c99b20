"""What a list of events can be narrowed by, as the page offers it: the usual choices, and the others behind them."""

from collections.abc import Mapping, Sequence
from typing import Final

from caretide.audit.schemas import Asked
from caretide.kernel.permissions import Role
from caretide.kernel.records import Act, Data
from caretide.runtime.trail import EMERGENCY
from caretide.tenants.queries.people import MemberRow
from caretide.ui.forms import Field, Option
from caretide.ui.tables import Filter

OUTCOMES: Final = {"done": "Done", "refused": "Refused", "not_found": "Not found"}
"""How an event may end: with data or a change, for want of a permission, or as if there were nothing."""

KINDS: Final = {
    "member": "A person, by the browser or a session",
    "token": "A person's token",
    "service": "A service account",
    "system": "The command line",
    "job": "A job",
}
"""Kinds of actors in a tenant."""

_ID: Final = "A whole id, as an event shows it"

FURTHER: Final = (
    Field(name="patient", label="Patient", hint="The id in the address of the chart"),
    Field(name="verb", label="What (verb)", hint="For example patients.patient"),
    Field(name="route", label="Route", hint="For example GET /patients/{patient_id}"),
    Field(name="patients", label="Patients, at least"),
    Field(name="rows", label="Rows, at least"),
    Field(
        name="purpose",
        label="Purpose",
        kind="select",
        options=(Option("", "Any purpose"), Option(EMERGENCY, EMERGENCY.capitalize())),
    ),
    Field(
        name="actor",
        label="Kind of actor",
        kind="select",
        options=(Option("", "Any kind"), *(Option(key, label) for key, label in KINDS.items())),
    ),
    Field(name="ip", label="Address", hint="The network address that it came from"),
    Field(name="session", label="Session", hint="As an event shows it"),
    Field(name="agent", label="Browser (hash)", hint="As an event shows it"),
    Field(name="request", label="Request", hint=_ID),
    Field(name="account", label="Account", hint=_ID),
    Field(name="glass", label="Break-glass", hint=_ID),
    Field(name="app_since", label="From, by our clock", kind="date"),
    Field(name="app_until", label="To, by our clock", kind="date"),
)
"""The filters that a page keeps behind the usual ones."""


def usual(asked: Asked, people: Sequence[MemberRow]) -> tuple[Filter, ...]:
    """Return the choices above a list of events."""
    members = tuple(Option(str(one.id), one.display_name) for one in people)
    acts = (Option(one, one.capitalize()) for one in Act)
    data = (Option(one, one.capitalize()) for one in Data)
    roles = (*(Option(one, one.capitalize()) for one in Role), Option("service account", "Service account"))
    outcomes = (Option(key, label) for key, label in OUTCOMES.items())
    return (
        Filter("member", "Person", (Option("", "Everybody"), *members), str(asked.member or "")),
        Filter("act", "Act", (Option("", "Any act"), *acts), asked.act),
        Filter("data", "Data", (Option("", "Any data"), *data), asked.data),
        Filter("role", "Role", (Option("", "Any role"), *roles), asked.role),
        Filter("outcome", "Outcome", (Option("", "Any outcome"), *outcomes), asked.outcome),
    )


def further(query: Mapping[str, str], *, has_patient: bool) -> tuple[tuple[Field, str], ...]:
    """Return the other filters, each with what it is set to. On a chart's own page the patient is none."""
    return tuple((one, query.get(one.name, "")) for one in FURTHER if has_patient or one.name != "patient")


def label_of(name: str) -> str:
    """Return how people read a filter's name."""
    return next((one.label for one in FURTHER if one.name == name), name.capitalize())
