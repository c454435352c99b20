"""Cover, pools and emergency access: further reasons to see a patient, and the review of the last."""

from alembic import op

from migrations.walls import SEES_ALL, run_file, secure, seen

revision = "0023"
down_revision = "0022"

WHOLE = {
    "timers": "OR member_id = (SELECT ctx.member())",
    "time_log_entries": "OR coordinator_id = (SELECT ctx.member()) OR (SELECT current_user = 'caretide_owner')",
    "time_entry_approvals": "OR coordinator_id = (SELECT ctx.member()) OR (SELECT current_user = 'caretide_owner')",
    "month_seconds": "OR (SELECT current_user = 'caretide_owner')",
}
"""Tables whose roster wall also shows members their own rows -> that part of it."""


def upgrade() -> None:
    """Apply."""
    run_file("0023_rosters")
    secure("covers", "SELECT, INSERT, UPDATE (ended_at, ended_by)")
    secure("pool_duties", "SELECT, INSERT, UPDATE (ended_at, ended_by)")
    for table, policy in (("covers", "cover"), ("pool_duties", "duty")):
        for command, clause in (("INSERT", "WITH CHECK"), ("UPDATE", "USING")):
            op.execute(
                f"CREATE POLICY {policy}_{command.lower()} ON {table} AS RESTRICTIVE FOR {command} TO PUBLIC"
                f" {clause} ((SELECT ctx.sees_all()))"
            )
    # Only `ctx.break_glass` opens and `ctx.end_glass` ends, as the owner.
    secure("glass_openings", "SELECT")
    secure("glass_reviews", "SELECT, INSERT")
    mine = f"{SEES_ALL} OR used_by = (SELECT ctx.member())"
    for table in ("glass_openings", "glass_reviews"):
        op.execute(f"CREATE POLICY roster_select ON {table} AS RESTRICTIVE FOR SELECT TO PUBLIC USING ({mine})")
    for table, policy, check in (
        ("glass_openings", "used_own", "used_by = (SELECT ctx.member())"),
        ("glass_reviews", "sign_own", f"{SEES_ALL} AND reviewed_by = (SELECT ctx.member())"),
    ):
        op.execute(f"CREATE POLICY {policy} ON {table} AS RESTRICTIVE FOR INSERT TO PUBLIC WITH CHECK ({check})")
    for table in _walled():
        text = seen(table, "id" if table == "patients" else "patient_id")
        op.execute(f"ALTER POLICY roster ON {table} USING ({text}) WITH CHECK ({text})")
    for table, own in WHOLE.items():
        op.execute(f"ALTER POLICY roster ON {table} USING ({seen(table)} {own})")
    for command in ("select", "delete"):
        op.execute(f"ALTER POLICY roster_{command} ON standing_marks USING ({seen('standing_marks')})")
    text = f"{seen('month_seconds')} {WHOLE['month_seconds']}"
    op.execute(f"ALTER POLICY roster ON month_seconds WITH CHECK ({text})")
    # In their own name alone, for patients who are theirs in one way or the other.
    theirs = f"({seen('timers').removeprefix(f'{SEES_ALL} OR ')}) AND member_id = (SELECT ctx.member())"
    op.execute(f"ALTER POLICY roster ON timers WITH CHECK ({SEES_ALL} OR ({theirs}))")


def _walled() -> list[str]:
    """Return the tables with the roster wall as `secure` makes it: on everything, and no part of its own."""
    found = op.get_bind().exec_driver_sql(
        "SELECT c.relname FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid"
        " WHERE p.polname = 'roster' AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    return [name for (name,) in found if name not in WHOLE]
