"""Under which names a tenant offers kinds of work. How time counts is not among what it decides."""

from dataclasses import replace

from sqlalchemy import insert

from caretide.kernel.errors import Invalid, NotFound
from caretide.kernel.ids import new_id
from caretide.kernel.permissions import Permission
from caretide.kernel.records import Data, changes, creates
from caretide.kernel.text import clean_text
from caretide.runtime.access import requires
from caretide.runtime.tx import Tx
from caretide.time_log import queries
from caretide.time_log.models import Activity
from caretide.time_log.rules import ACTIVITY_TYPES, LABEL_LENGTH, Offering, check_offerings, own_code


@requires(Permission.TENANT_WRITE, creates(Data.SETTINGS))
async def add_activity(tx: Tx, label: str, standard: str) -> Offering:
    """Offer a kind of work of the tenant's own from now on; the standard type that it stands on says how it counts."""
    if standard not in ACTIVITY_TYPES:
        raise Invalid("Choose the standard type that it stands on", field="standard")
    name = clean_text(label, field="label", limit=LABEL_LENGTH, required=True)
    known = await queries.activities(tx)
    added = Offering(code=own_code(name, known), label=name, standard=ACTIVITY_TYPES[standard])
    check_offerings((*known.values(), added))
    return await _record(tx, added)


@requires(Permission.TENANT_WRITE, changes(Data.SETTINGS))
async def change_activity(tx: Tx, code: str, *, label: str | None = None, is_offered: bool | None = None) -> Offering:
    """Rename a kind of work, stop offering it, or offer it again; None leaves as it is. Return what stands.

    What was recorded keeps its words, and a timer that runs stops as what it was started as.
    """
    known = await queries.activities(tx)
    was = known.get(code)
    if was is None:
        raise NotFound("There is no such activity")
    name = was.label if label is None else clean_text(label, field="label", limit=LABEL_LENGTH, required=True)
    wanted = replace(was, label=name, is_offered=was.is_offered if is_offered is None else is_offered)
    if wanted == was:
        return was
    check_offerings((known | {code: wanted}).values())
    return await _record(tx, wanted)


async def _record(tx: Tx, wanted: Offering) -> Offering:
    """Write the next version."""
    made = replace(wanted, id=new_id(), version=wanted.version + 1)
    row = {"id": made.id, "code": made.code, "version": made.version, "standard": made.standard.code}
    who = {"recorded_by": tx.actor.member_id, "recorded_at": tx.now}
    await tx.db.execute(insert(Activity).values(**row, label=made.label, is_offered=made.is_offered, **who))
    tx.note(activity=made.code, version=made.version, is_offered=made.is_offered)
    return made
