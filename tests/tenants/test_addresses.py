"""A letter goes to the address that was taken, whatever stands in it, or the address is not taken."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from caretide.kernel.errors import Invalid
from caretide.runtime.mail import Letter, as_sent, composed
from caretide.tenants.rules import check_email

AT = datetime(2026, 10, 5, 15, 0, tzinfo=UTC)
PART = st.text(st.sampled_from("ab.-_+'\"(),:;<>[]\\\u00fc\u202e\x7f\r\n\t =?"), min_size=1, max_size=6)


@pytest.mark.req("V-01")
@given(local=PART, host=PART)
@example(local="x<victim", host="b")
@example(local="a,b", host="x")
@example(local="a", host="x(")
@example(local=".:", host="x")
def test_letter_goes_to_the_address_that_was_taken_or_it_is_not_taken(local: str, host: str) -> None:
    with suppress(Invalid):
        taken = check_email(f"{local}@{host}.example")
        letter = composed(Letter(taken, "A subject", "Words"), AT, "Caretide <no-reply@localhost>", "<1@localhost>")
        assert as_sent(letter).to == taken


@pytest.mark.parametrize(
    "address",
    [
        "grace@lakeside.example",
        "o'neil+care@sub.x-y.example",
        "J\u00fcrgen@m\u00fcnchen.example",
        "a_b=c@1and1.example",
    ],
)
def test_address_that_people_have_is_taken(address: str) -> None:
    assert check_email(f" {address} ") == address.lower()
