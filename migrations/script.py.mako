"""${message}

Expand first, contract in a later release: the code before and the code after must both run on what this leaves behind.
"""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Apply."""
    ${upgrades if upgrades else "pass"}
