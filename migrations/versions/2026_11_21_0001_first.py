"""The first schema: context, queue, tables, walls, and the log that cannot be altered."""

from alembic import op
from procrastinate.schema import SchemaManager

from migrations.walls import run, run_file, secure, share

revision = "0001"
down_revision = None

ENTRY_COLUMNS = (
    "patient_id, coordinator_id, account_id, enrollment_id, clinic_id, program, activity_type, "
    "start_time, end_time, service_month, staff_role, credential, source, note, supersedes_id, row_hash, "
    "tenant_id, id"
)
"""What may be given when an entry is inserted: its void columns and its time of recording may not."""


def upgrade() -> None:
    """Apply."""
    run_file("0001_context")
    queue()
    run_file("0001_tables")
    run_file("0001_roster")
    walls()
    run_file("0001_time_log")


def queue() -> None:
    """Install procrastinate's schema in `jobs`; its functions carry no search path of their own, so each gets one."""
    op.execute("SET LOCAL search_path = jobs")
    run(SchemaManager.get_schema())
    op.execute("SET LOCAL search_path = public")
    op.execute(
        """
        DO $$ DECLARE f regprocedure; BEGIN
            FOR f IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'jobs'::regnamespace LOOP
                EXECUTE format('ALTER FUNCTION %s SET search_path = jobs, pg_catalog', f);
            END LOOP;
        END $$
        """
    )
    run_file("0001_jobs")


def walls() -> None:
    """Secure every table."""
    insert_only = "SELECT, INSERT"
    editable = "SELECT, INSERT, UPDATE"
    for table in ("clinics", "practitioners", "members", "invitations", "month_closes", "import_runs"):
        secure(table, editable)
    for table in ("audit_events", "audit_event_patients", "tenant_keys", "clinic_facts"):
        secure(table, insert_only)
    secure("patients", editable, patient="id")
    for table in ("conditions", "medications", "allergies", "coverages", "encounters"):
        secure(table, "SELECT, INSERT, UPDATE, DELETE", patient="patient_id")
    secure("designations", "SELECT, INSERT, UPDATE (valid_to)")
    secure("month_locks", "SELECT, INSERT, UPDATE (released_by, released_at)")
    secure("patient_months", editable, patient="patient_id")
    secure("enrollments", "SELECT, INSERT, UPDATE (ended_on)", patient="patient_id")
    for table in (
        "enrollment_statuses",
        "consents",
        "patient_facts",
        "documents",
        "claim_lines",
        "month_exceptions",
        "ehr_messages",
    ):
        secure(table, insert_only, patient="patient_id")
    # Their roster wall lets members keep what they made themselves: 0001_time_log.sql.
    secure("timers", "SELECT, INSERT, DELETE")
    secure("time_log_entries", f"SELECT, INSERT ({ENTRY_COLUMNS}), UPDATE (is_void, void_reason, voided_by, voided_at)")
    share("tenants", insert_only)
    share("accounts", editable)
    share("memberships", insert_only)
    share("sessions", editable)
    share("account_events", "INSERT")
    share("rule_limits", insert_only)
