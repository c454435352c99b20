"""URLs in, URLs out."""

import pytest

from caretide.kernel.errors import Invalid
from caretide.postgres import urls


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@db.example.org:5433/care?sslmode=verify-full",
        "postgresql://u:p%2Fw%3A@/care?host=%2Frun%2Fpg&port=5433",
        "postgresql://u@/care?host=a%2Cb&port=1%2C2",
    ],
)
def test_url_survives_being_taken_apart(url: str) -> None:
    assert urls.build(urls.parse(url)) == url


def test_driver_suffix_is_accepted_and_dropped() -> None:
    assert urls.build(urls.parse("postgresql+psycopg://u:p@h/care")) == "postgresql://u:p@h/care"


def test_another_user_takes_the_place_of_the_first() -> None:
    assert (
        urls.build(urls.parse("postgres://u:p@h/care"), user="app", password="a@b") == "postgresql://app:a%40b@h/care"
    )


@pytest.mark.parametrize(
    "url", ["sqlite:///x", "postgresql://", "care", "postgresql://u:s3cret@h", "postgresql://h/care"]
)
def test_unusable_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(Invalid, match="CARETIDE_DATABASE_URL") as refusal:
        urls.parse(url)
    assert "s3cret" not in refusal.value.message


def test_malformed_url_is_refused_without_its_password() -> None:
    with pytest.raises(Invalid, match="malformed") as refusal:
        urls.parse("postgresql://u:s3cret%zz@h/care")
    assert "s3cret" not in refusal.value.message
