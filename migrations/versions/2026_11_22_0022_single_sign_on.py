"""Identity providers of tenants and companies, whom they vouch for, and who is on the way there."""

from migrations.walls import run_file, secure, share

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Apply."""
    run_file("0022_single_sign_on")
    secure("tenant_providers", "SELECT, INSERT, UPDATE")
    share("company_providers", "SELECT, INSERT, UPDATE")
    share("linked_identities", "SELECT, INSERT, UPDATE, DELETE")
    share("provider_flows", "SELECT, INSERT, DELETE")
