"""The first schema: context, queue, tables, walls, and the log that cannot be altered."""

from pathlib import Path

from alembic import op
from procrastinate.schema import SchemaManager

import caretide.billing.models
import caretide.documents.models
import caretide.ehr.models
import caretide.enrollment.models
import caretide.identity.models
import caretide.patients.models
import caretide.rosters.models
import caretide.runtime.models
import caretide.tenants.models  # noqa: F401 - registers its tables, as those above do
from caretide.runtime.db import Base
from caretide.time_log.models import TimeEntry
from migrations.walls import secure, share

revision = "0001"
down_revision = None

SQL = Path(__file__).parents[1] / "sql"


def run(statements: str) -> None:
    """Run a script of statements as it stands: the driver alone leaves its percent signs be."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - a migration always has one; tells the type checker
    driver.execute(statements)


def upgrade() -> None:
    """Apply."""
    run((SQL / "0001_context.sql").read_text())
    queue()
    Base.metadata.create_all(op.get_bind())
    run((SQL / "0002_roster.sql").read_text())
    walls()
    run((SQL / "0004_time_log.sql").read_text())


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
    run((SQL / "0003_jobs.sql").read_text())


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
    # Their roster wall lets members keep what they made themselves: 0004_time_log.sql.
    secure("timers", "SELECT, INSERT, DELETE")
    fixed = ", ".join(
        column.name
        for column in TimeEntry.__table__.columns
        if column.name not in {"duration_secs", "is_void", "void_reason", "voided_by", "voided_at", "created_at"}
    )
    secure("time_log_entries", f"SELECT, INSERT ({fixed}), UPDATE (is_void, void_reason, voided_by, voided_at)")
    share("tenants", insert_only)
    share("accounts", editable)
    share("memberships", insert_only)
    share("sessions", editable)
    share("account_events", "INSERT")
    share("rule_limits", insert_only)
