"""What a password must be."""

import pytest

from caretide.identity.rules import check_password
from caretide.kernel.errors import Invalid

WHO = {"email": "jordan.ellis@example.com", "name": "Jordan Ellis"}


@pytest.mark.req("N-01", "N-02")
@pytest.mark.parametrize(
    "password", ["orchard lantern", "ü" * 7 + "abcdefgh", "no composition rules at all", "x1" * 60 + "abcdefgh"]
)
def test_long_password_is_taken(password: str) -> None:
    check_password(password, **WHO)


@pytest.mark.req("N-01", "N-02")
@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("orchard lanter", "at least 15"),
        ("", "at least 15"),
        ("x1yz5" * 26, "at most 128"),
        ("aaaaaaaaaaaaaaaa", "too easy"),
        ("abababababababab", "too easy"),
        ("Jordan Ellis 2026", "too easy"),
        ("jordan.ellis@example.com", "too easy"),
        ("caretide password", "too easy"),
    ],
)
def test_weak_password_is_refused_with_the_reason(password: str, told: str) -> None:
    with pytest.raises(Invalid, match=told) as refused:
        check_password(password, **WHO)
    assert refused.value.field == "password"
