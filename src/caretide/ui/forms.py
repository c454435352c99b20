"""Forms as data: the fields of a form, and what a failed one carries back to its page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self, TypeVar

from pydantic import BaseModel, ValidationError

from caretide.kernel.errors import Invalid

M = TypeVar("M", bound=BaseModel)

FieldKind = Literal["text", "email", "date", "month", "number", "select", "checkbox", "checks", "radio", "textarea"]


@dataclass(frozen=True, slots=True)
class Option:
    """One choice: what is sent, and what is read."""

    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One input. `checks` is a group of boxes that are sent under one name."""

    name: str
    label: str
    kind: FieldKind = "text"
    value: str = ""
    options: tuple[Option, ...] = ()
    required: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class FormState:
    """What was wrong with a form that was sent, and what its author had typed.

    `name` says which form of the page it is; `errors` maps a field, or "" for the form as a whole, to a message.
    """

    name: str = ""
    values: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict[str, str | tuple[str, ...]])
    errors: Mapping[str, str] = field(default_factory=dict[str, str])

    def at(self, name: str) -> Self:
        """Return this state if it belongs to the form of that name, else an empty one."""
        return self if self.name == name else type(self)(name)

    def value(self, name: str, default: str = "") -> str:
        """Return what was typed into a field."""
        found = self.values.get(name, default)
        return found if isinstance(found, str) else ", ".join(found)

    def chose(self, name: str, option: str, default: str = "") -> bool:
        """Tell whether an option was chosen, alone or among others."""
        found = self.values.get(name, default)
        return found == option if isinstance(found, str) else option in found

    def error(self, name: str) -> str:
        """Return the fault of a field, or an empty string."""
        return self.errors.get(name, "")

    @classmethod
    def failed(cls, name: str, error: Invalid, values: Mapping[str, str | tuple[str, ...]]) -> Self:
        """Return the state of a form that an action refused. Passwords are not carried back."""
        kept = {key: value for key, value in values.items() if "password" not in key and key != "csrf_token"}
        return cls(name, kept, {error.field or "": error.message})


def parsed(shape: type[M], values: Mapping[str, str | tuple[str, ...]]) -> M:
    """Read a form into its shape; an input that was left empty counts as not sent.

    Raises Invalid for the first field that does not fit, in words that do not quote what was typed.
    """
    try:
        return shape.model_validate({name: value for name, value in values.items() if value != ""})
    except ValidationError as error:
        first = error.errors()[0]
        message = "Fill this in" if first["type"] == "missing" else first["msg"]
        raise Invalid(message, field=str(first["loc"][0]) if first["loc"] else None) from None
