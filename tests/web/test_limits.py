"""Input beyond what makes sense is answered with a sentence, never a fault."""

from collections.abc import AsyncIterator

import pytest

from caretide.runtime.gate import MOST_BYTES
from tests.cast import Cast
from tests.client import Visit

pytestmark = pytest.mark.req("V-05")


FORM = "application/x-www-form-urlencoded"
ARABIC = "\u0662\u0660\u0662\u0666-\u0661\u0660"


@pytest.mark.parametrize("month", ["0001-01", "9999-12", "2026-13", ARABIC, "1999-12", "x"])
async def test_a_month_out_of_reach_is_refused(signed_in: Visit, cast: Cast, month: str) -> None:
    browser = await signed_in(cast.billing)
    answer = await browser.get(f"/months/{month}")
    assert answer.status_code == 422


async def test_a_body_beyond_the_limit_is_refused_unread(signed_in: Visit, cast: Cast) -> None:
    browser = await signed_in(cast.billing)
    answer = await browser.post("/months/2026-09/close", content=b"x", headers={"content-length": str(MOST_BYTES + 1)})
    assert answer.status_code == 413


async def test_a_body_of_unknown_length_is_broken_off_at_the_limit(signed_in: Visit, cast: Cast) -> None:
    browser = await signed_in(cast.coordinator)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 50 * MOST_BYTES:
            sent += 65536
            yield b"x" * 65536

    answer = await browser.post("/my-day/search", content=endless(), headers={"content-type": FORM})
    assert answer.status_code == 413
    assert sent < 2 * MOST_BYTES


async def test_a_file_where_text_was_asked_for_is_no_text(signed_in: Visit, cast: Cast) -> None:
    browser = await signed_in(cast.coordinator)
    answer = await browser.post("/my-day/search", files={"q": ("q.txt", b"x")})
    assert answer.status_code < 500


async def test_half_a_character_is_refused(api: Visit, cast: Cast) -> None:
    program = await api(cast.coordinator)
    body = b'{"email": "\\ud800@example.com", "password": "a long enough password"}'
    answer = await program.post("/sessions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
