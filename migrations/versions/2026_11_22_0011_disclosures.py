"""The ledger of what was given to somebody outside."""

from migrations.walls import run_file, secure

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Apply."""
    run_file("0011_disclosures")
    secure("disclosures", "SELECT, INSERT", patient="patient_id")
