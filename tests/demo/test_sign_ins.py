"""The list of who may sign in fits every terminal."""

from io import StringIO

import pytest
from rich.console import Console

from caretide.demo.sign_ins import Entrant, print_sign_ins

PEOPLE = (
    Entrant(
        "katarzyna.nowak@harborcare.example",
        "sturdy-lantern-meadow-quartz",
        "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        "Katarzyna Nowak, care coordinator, Lakeside and Cascadia",
        "Call whoever is most urgent, and stop the timer that has run since Friday.",
    ),
    Entrant("bo@harborcare.example", "calm-river-seven-stones", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "Bo Lind, manager"),
)


def printed(width: int, people: tuple[Entrant, ...] = PEOPLE) -> list[str]:
    out = StringIO()
    print_sign_ins(Console(file=out, width=width), people)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_addresses_passwords_and_seeds_stay_whole(width: int) -> None:
    lines = printed(width)
    for one in PEOPLE:
        assert any(one.email in line and one.password in line for line in lines)
        assert any(one.email in line and one.totp_seed in line for line in lines)


def test_no_line_is_longer_than_the_terminal() -> None:
    for width in (80, 100, 140):
        assert max(len(line.rstrip()) for line in printed(width)) <= width


def test_what_to_try_stands_beside_where_there_is_room_and_below_where_there_is_none() -> None:
    assert "what to try" in printed(140)[0]
    narrow = printed(80)
    assert narrow[0] == "katarzyna.nowak@harborcare.example  sturdy-lantern-meadow-quartz"
    assert narrow[1].startswith("  Katarzyna Nowak, care coordinator")
    assert "Bo Lind, manager" in "\n".join(narrow)
