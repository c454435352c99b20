"""What the walks through every door stand on."""

from tests.isolation.conftest import tell

__all__ = ["tell"]
