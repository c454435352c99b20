"""What takes several features at once: a manager's work on the Team page, and the end of somebody's access."""

from collections.abc import Mapping, Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from caretide.identity import queries as identity
from caretide.kernel.errors import Conflict, Forbidden, Invalid
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes
from caretide.rosters import actions as rosters
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.tenants import actions as tenants
from caretide.tenants import queries as tenants_queries
from caretide.time_log import actions as time_log
from caretide.time_log.actions.endings import end_timer_of
from caretide.time_log.rules import told_end


@requires(Permission.ROSTER_WRITE, changes(Data.ROSTER))
async def assign(tx: Tx, patient_ids: Sequence[UUID], member_id: UUID | None) -> int:
    """Give patients to a member from now on; return how many changed hands. Both must be chosen."""
    if not patient_ids:
        raise Invalid("Choose the patients first", field="patient_id")
    if member_id is None:
        raise Invalid("Choose who looks after them", field="member_id")
    return await rosters.designate_many(tx, patient_ids, member_id)


@requires(Permission.ROSTER_WRITE, changes(Data.TIME))
async def stop_timer(tx: Tx, member_id: UUID, zone: ZoneInfo, sent: Mapping[str, str | tuple[str, ...]]) -> int:
    """Stop a member's forgotten timer at the `day` and `end` of a form, for its `reason`; return the seconds."""
    day, end, reason = (str(sent.get(name, "")) for name in ("day", "end", "reason"))
    told = time_log.ToldEnd(told_end(day, end, zone), reason)
    return sum(one.seconds for one in await time_log.stop_timer_of(tx, member_id, told))


@requires(Permission.MEMBER_WRITE, changes(Data.STAFF))
async def end_access(tx: Tx, member_id: UUID) -> None:
    """End a member's access here with all that hangs on it, by their next request: the work of one transaction.

    Sessions, tokens and open links end. A timer that runs is stopped at the last sign of life; what is recorded of it
    says so and awaits approval. Refused are one's own access and that of the last active administrator.
    """
    person = await tenants_queries.member(tx, member_id)
    if member_id == tx.actor.member_id:
        raise Forbidden("Nobody suspends themselves; ask another administrator")
    if person.status == "suspended":
        raise Conflict("This person's access has ended already")
    alive_at = None if person.account_id is None else await identity.last_sign_of_life(tx, person.account_id)
    ended = await end_timer_of(tx, member_id, alive_at)
    timer = None if ended is None else tenants.StoppedTimer(ended.at, ended.seconds)
    await tenants.suspend_member(tx, member_id, timer)
