"""Signs of life of those whose timers run, and after how long a timer asks."""

from migrations.walls import run_file, secure

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Apply."""
    run_file("0024_signs_of_life")
    secure("timer_signs", "SELECT, INSERT, DELETE, UPDATE (alive_at, call_until, away_from, away_to)")
