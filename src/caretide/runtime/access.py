"""Permission stands on the verb, and beside it what the audit records of it.

Every public function of `actions` and `queries` is a verb: page, API, job and command line all pass there. A verb
without one of these decorators fails a test; one that does not declare what it records cannot be imported. The
outermost verb of a transaction is its audit event.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from caretide.kernel.errors import Forbidden, NotFound
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Records
from caretide.runtime.trail import Named
from caretide.runtime.tx import Tx

A = ParamSpec("A")
R = TypeVar("R")
Verb = Callable[Concatenate[Tx, A], Awaitable[R]]

VERBS: dict[str, Permission | None] = {}
"""Every verb by name (`feature.verb`) with what it asks for; None for those open to everybody."""

ASKED: dict[str, set[Permission | None]] = {}
"""Every verb by name with all that is asked for under it: two modules of a feature may each have one of that name."""

RECORDS: dict[str, Records] = {}
"""Every verb by name with what the audit records of it."""


class Denied(Forbidden):
    """A verb was refused for want of a permission, which the message names."""

    def __init__(self, permission: Permission) -> None:
        super().__init__(f"This needs the permission '{permission}', which your role does not have")
        self.permission = permission


def verb_name(function: Callable[..., object]) -> str:
    """Return `feature.verb` for `caretide.feature.actions.verb`."""
    return f"{function.__module__.split('.')[1]}.{function.__name__}"


def requires(permission: Permission, records: Records) -> Callable[[Verb[A, R]], Verb[A, R]]:
    """Let a verb run only for actors who have the permission, and record it as declared."""

    def decorate(verb: Verb[A, R]) -> Verb[A, R]:
        return _guarded(verb, permission, records)

    return decorate


def open_to_all(reason: str, records: Records) -> Callable[[Verb[A, R]], Verb[A, R]]:
    """Let a verb run for anybody, for a stated reason, and record it as declared."""
    if not reason:
        raise ValueError("an open verb states its reason")

    def decorate(verb: Verb[A, R]) -> Verb[A, R]:
        return _guarded(verb, None, records)

    return decorate


def remembered(question: Verb[A, R]) -> Verb[A, R]:
    """Answer a question once a transaction; stands below the permission, which is checked every time.

    For what one request asks again and again: the clinics, the member, the rules, one patient's facts. A question about
    many is asked each time: its answer would only be in the way. An answer is forgotten with whatever the transaction
    writes or undoes, whoever writes it. What others commit meanwhile it may miss for the rest of the request, as if
    the request had come a moment earlier. Patients whom it names are named again each time it is given. The answer is
    shared: nobody changes it.
    """

    @wraps(question)
    async def answer(tx: Tx, *args: A.args, **kwargs: A.kwargs) -> R:
        asked = (*args, *kwargs.values())
        if any(isinstance(one, (list, tuple)) and len(cast("list[object]", one)) > 1 for one in asked):
            return await question(tx, *args, **kwargs)
        key = (question, _fixed(args), _fixed(tuple(sorted(kwargs.items()))))
        written, known, named = tx.recalled.get(key, (None, None, Named()))
        if written != tx.writes:
            with tx.trail.naming() as named:
                known = await question(tx, *args, **kwargs)
            tx.recalled[key] = (tx.writes, known, named)
        else:
            tx.trail.name(named)
        return cast("R", known)

    return answer


def _fixed(value: object) -> object:
    """Return a value that can be a key: lists as tuples, all the way down."""
    if isinstance(value, (list, tuple)):
        return tuple(_fixed(one) for one in cast("list[object]", value))
    return value


def _guarded(verb: Verb[A, R], permission: Permission | None, records: Records) -> Verb[A, R]:
    name = verb_name(verb)
    VERBS[name] = permission
    ASKED.setdefault(name, set()).add(permission)
    # Questions of one name in two modules of a feature share a line: what either may show.
    known = RECORDS.get(name, records)
    RECORDS[name] = replace(known, bits=known.bits | records.bits)

    @wraps(verb)
    async def guarded(tx: Tx, *args: A.args, **kwargs: A.kwargs) -> R:
        trail = tx.trail
        trail.enter(name, records)
        try:
            if permission is not None and permission not in tx.actor.permissions:
                raise Denied(permission)
            answer = await verb(tx, *args, **kwargs)
        except (Forbidden, NotFound):
            if trail.depth == 1 and tx.actor.is_caller:
                trail.tried(args, kwargs)
            raise
        finally:
            trail.leave()
        if trail.depth == 0 and trail.events:
            trail.events[-1].rows = _rows(answer)
        return answer

    guarded.__dict__["permission"] = permission
    guarded.__dict__["records"] = records
    return guarded


def _rows(answer: object) -> int | None:
    """Return how many rows an answer has that is a list of them."""
    return len(cast("list[Any]", answer)) if isinstance(answer, (list, dict)) else None
