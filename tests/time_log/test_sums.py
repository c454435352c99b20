"""The sums of time always equal what the entries add up to."""

import itertools

from sqlalchemy import text

from caretide.runtime.tx import Database
from caretide.time_log.rules import ACTIVITY_TYPES, AWAITING
from tests.cast import Cast

STAFF_ROLES = ("clinical_staff", "non_clinical", "billing_practitioner")


async def test_the_database_knows_what_counts_as_the_rules_do(database: Database, cast: Cast) -> None:
    async with database.tx(cast.system) as tx:
        for kind, role in itertools.product(ACTIVITY_TYPES.values(), STAFF_ROLES):
            asked = text("SELECT ctx.counts_as(:kind, :role), ctx.is_contact(:kind)")
            found = (await tx.db.execute(asked, {"kind": kind.code, "role": role})).one()
            counted = "practitioner" if role == "billing_practitioner" else "staff"
            assert tuple(found) == (
                counted if kind.counts and role != "non_clinical" else "uncounted",
                kind.is_contact,
            )
        for source in ("timer", "timer_stopped_by_another", "manual", "correction", "correction_adding"):
            waits = (await tx.db.execute(text("SELECT ctx.awaits(:source)"), {"source": source})).scalar_one()
            assert waits == (source in AWAITING)
