"""The tenant is asked before the writer, and a context that does not hold is refused rather than shown nothing.

Policies that cost the same are asked in the order of their names.
"""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Apply."""
    op.execute("ALTER POLICY own_draft ON drafts RENAME TO writers_own")
