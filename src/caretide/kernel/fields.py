"""Fields of an answer that a permission opens: minimum necessary, stated where the field is.

A field annotated with `Needs(permission)` is None for whoever lacks it, on pages, in the API and in files alike: the
query that makes the row withholds it. The table of routes, roles and fields in the documentation is made from the same
annotations.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, is_dataclass, replace
from functools import cache
from typing import Any, ClassVar, TypeVar, cast, get_args, get_origin, get_type_hints

from caretide.kernel.permissions import Permission

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Needs:
    """Marks a field, in `Annotated`, as open to those with a permission."""

    permission: Permission


@cache
def guarded(shape: type[Any]) -> dict[str, Permission]:
    """Return the fields of a shape that need a permission."""
    found: dict[str, Permission] = {}
    for name, hint in get_type_hints(shape, include_extras=True).items():
        marks = [one for one in get_args(hint)[1:] if isinstance(one, Needs)]
        if marks:
            found[name] = marks[0].permission
    return found


def shown(row: T, permissions: Collection[Permission]) -> T:
    """Return a row without the fields that these permissions do not open. Rows are dataclasses."""
    withheld = {name: None for name, needed in guarded(type(row)).items() if needed not in permissions}
    return cast("T", replace(cast("Any", row), **withheld)) if withheld else row


def all_shown(rows: Iterable[T], permissions: Collection[Permission]) -> list[T]:
    """Return rows without the fields that these permissions do not open."""
    return [shown(row, permissions) for row in rows]


def fields_of(shape: Any) -> list[tuple[str, Permission | None]]:
    """Return the fields of an answer, nested ones as `entry.note`, each with the permission that it needs."""
    return sorted(_walk(shape, "", None, ()), key=lambda one: one[0])


def _walk(
    shape: Any, path: str, needed: Permission | None, inside: tuple[Any, ...]
) -> Iterator[tuple[str, Permission | None]]:
    hints = _hints(shape)
    if hints and shape not in inside:
        for name, hint in hints.items():
            opened = guarded(shape).get(name, needed)
            yield from _walk(hint, f"{path}.{name}" if path else name, opened, (*inside, shape))
        return
    parts = [one for one in get_args(shape) if _is_shape(one)]
    for part in parts:
        yield from _walk(part, path, needed, inside)
    if not parts and path:
        yield path, needed


def _is_shape(hint: Any) -> bool:
    return bool(_hints(hint)) or any(_is_shape(one) for one in get_args(hint))


def _hints(shape: Any) -> dict[str, Any]:
    """Return the fields of a dataclass or model; none of anything else."""
    if not isinstance(shape, type):
        return {}
    kind = cast("type[Any]", shape)
    if not is_dataclass(kind) and not hasattr(kind, "model_fields"):
        return {}
    hints = get_type_hints(kind, include_extras=True)
    return {name: hint for name, hint in hints.items() if not name.startswith("_") and get_origin(hint) is not ClassVar}
