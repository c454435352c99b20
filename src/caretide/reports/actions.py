"""What a manager does from the Team page, through the features that own it."""

from collections.abc import Mapping, Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from caretide.kernel.errors import Invalid
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes
from caretide.rosters import actions as rosters
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.time_log import actions as time_log
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
