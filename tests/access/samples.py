"""What a route is asked with, and what it asks for: the reviewed table that every answer is compared with.

`<patient>` in a sample stands for the id of that kind in a house. Such a place is a slot, and so is each id of a path.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from caretide.kernel.permissions import Permission

SLOT: Final = re.compile(r"<(\w+)>")
FRESH: Final = "{fresh}"
"""What is another word with every request: failed tries at an address are counted, whoever makes them."""
WORDS: Final = {"month": "2026-09", "kind": "risk", "token": "no-such-token", "owner": "nobody", "code": "education"}
"""What stands in a path that is no id."""
KINDS: Final = {"user": "member"}


@dataclass(frozen=True)
class Sample:
    """How a route is asked.

    `needs` are the permissions in the order in which they are looked for. `ok` are the statuses that those get who may.
    `foreign` are those that a slot may be answered with that holds another tenant's id, beside 404; where one of them
    is a success, the answer holds nothing that it would not hold for an id that nobody has. `why` says why.
    `by_name` is for doors that open for those alone whom the tenant named, whatever their role may do: for one who was
    named and asks for another's patient `ok` is what they get, and everybody else is refused with 403.
    """

    needs: tuple[Permission, ...]
    ok: tuple[int, ...] = (200,)
    path: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, Any] = field(default_factory=dict[str, Any])
    form: Mapping[str, Any] | None = None
    body: Any = None
    file: bytes | None = None
    foreign: tuple[int, ...] = ()
    why: str = ""
    by_name: bool = False

    def parameters(self, template: str) -> dict[str, str]:
        """Return what stands in each parameter of a path: a slot, or a word."""
        found: dict[str, str] = {}
        for name in re.findall(r"{(\w+)}", template):
            kind = name.removesuffix("_id")
            usual = f"<{KINDS.get(kind, kind)}>" if name.endswith("_id") else WORDS[name]
            found[name] = self.path.get(name, usual)
        return found


def asks(*needs: Permission, ok: int | tuple[int, ...] = 200, **more: Any) -> Sample:
    """Return a sample."""
    return Sample(needs, ok if isinstance(ok, tuple) else (ok,), **more)


def slots(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield every slot below a value: where it is, and the kind that belongs there."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from slots(one, f"{place}/{name}")
    elif isinstance(value, (list, tuple)):
        for number, one in enumerate(value):
            yield from slots(one, f"{place}/{number}")
    elif isinstance(value, str) and (found := SLOT.fullmatch(value)):
        yield place, found[1]


def filled(value: Any, ids: Mapping[str, str], place: str = "", instead: Mapping[str, str] | None = None) -> Any:
    """Return a value with its slots filled in; `instead` names other ids for some places."""
    if isinstance(value, Mapping):
        return {name: filled(one, ids, f"{place}/{name}", instead) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [filled(one, ids, f"{place}/{number}", instead) for number, one in enumerate(value)]
    if isinstance(value, str) and (found := SLOT.fullmatch(value)):
        return (instead or {}).get(place) or ids[found[1]]
    return value.replace(FRESH, secrets.token_hex(8)) if isinstance(value, str) else value
