"""Invitations, the choice of a tenant, single sign-on, and the clinics: routers by how their callers must be known."""

from caretide.tenants.pages.clinics import public, router
from caretide.tenants.pages.sign_on import entering, returning, sign_on, way

__all__ = ["entering", "public", "returning", "router", "sign_on", "way"]
