"""Audit events as canonical bytes with their leaf, and nobody who could change them."""

from migrations.walls import run_file

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Apply."""
    run_file("0009_audit")
