"""Companies, and what a member brings: languages, licenses, hours."""

from migrations.walls import run_file, secure, share

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply."""
    run_file("0002_people")
    share("companies", "SELECT, INSERT")
    secure("company_services", "SELECT, INSERT, UPDATE (ended_at)")
    secure("member_licenses", "SELECT, INSERT, UPDATE (withdrawn_at)")
