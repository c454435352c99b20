"""How a tenant lets its people sign in, and whom it asks for a passkey (NIST SP 800-63B-4, section 2.2.2).

A sign-in by an identity provider that vouched for two factors satisfies every policy: how people prove themselves there
is that provider's policy, and whoever set it up took its word for it.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from caretide.identity.rules import Factor
from caretide.kernel.permissions import Role


class SignInPolicy(StrEnum):
    """Who has to come in by a passkey."""

    ANY = "any"
    ADMINISTRATORS = "administrators"
    EVERYBODY = "everybody"


POLICIES: Final = {
    SignInPolicy.ANY: "By a passkey, or by a password and an app",
    SignInPolicy.ADMINISTRATORS: "Administrators by a passkey only",
    SignInPolicy.EVERYBODY: "Everybody by a passkey only",
}
"""Policy -> how it reads."""


def asks_for_passkey(policy: str | None, role: str) -> bool:
    """Tell whether a policy asks somebody of a role for a passkey; None where the tenant decided nothing."""
    return policy == SignInPolicy.EVERYBODY or (policy == SignInPolicy.ADMINISTRATORS and role == Role.ADMINISTRATOR)


def is_by_passkey(amr: Collection[str]) -> bool:
    """Tell whether a session was opened by what a policy asks for."""
    return Factor.PASSKEY in amr or Factor.VOUCHED_TWICE in amr
