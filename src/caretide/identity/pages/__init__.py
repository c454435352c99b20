"""The pages of signing in and of one's own account: routers by how their callers must be known."""

from caretide.identity.pages.account import router
from caretide.identity.pages.enroll import router as enrolling
from caretide.identity.pages.sign_in import entering, public
from caretide.identity.pages.tokens import router as tokens
from caretide.identity.pages.with_passkey import router as with_passkey

__all__ = ["enrolling", "entering", "public", "router", "tokens", "with_passkey"]
