"""Where each role's day begins, and that what the help shows is what the keys do."""

import re
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Literal

import pytest

from caretide import main
from caretide.kernel.permissions import GRANTS, Permission, Role
from caretide.runtime.installation import Installation
from caretide.runtime.tx import Database
from caretide.ui.environment import STATIC
from caretide.ui.shell import LANDINGS, PLACES, Shell, landing, navigation
from tests.cast import Cast
from tests.client import COOKIE, open_session, visitor
from tests.ui.preview import render_all

EVERY = navigation(frozenset(Permission))


@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        (Role.COORDINATOR, ["my-day"]),
        (Role.PRACTITIONER, ["my-day"]),
        (Role.MANAGER, ["team", "my-day"]),
        (Role.ADMINISTRATOR, ["admin", "team", "my-day"]),
        (Role.BILLING, ["month"]),
        (Role.AUDITOR, ["month"]),
    ],
)
def test_role_begins_at_its_own_place(role: Role, wanted: list[str]) -> None:
    there = {link.key: link.href for link in EVERY}
    assert landing(GRANTS[role]) == next(there[key] for key in wanted if key in there)


def test_account_without_a_tenant_is_asked_where_it_works() -> None:
    assert landing(frozenset({Permission.SELF})) == "/tenants"


def test_every_landing_is_a_place_or_comes_to_be_one() -> None:
    assert {key for key, _ in LANDINGS} <= {link.key for _, link in PLACES} | {"admin", "team"}


def test_every_place_has_a_letter_of_its_own() -> None:
    letters = [link.letter for link in EVERY]
    assert all(letters)
    assert len(letters) == len(set(letters))


def test_every_key_that_is_shown_does_something() -> None:
    script = (STATIC / "js" / "keys.js").read_text(encoding="utf-8")
    acts = set(re.findall(r"^  (\w+)[:,]", script, re.MULTILINE))
    # Enter follows the link that has the focus, Escape is the browser's own.
    assert {one.act for one in Shell(nav=EVERY).shortcuts} <= acts | {"open", "close"}


def test_help_lists_every_key_once() -> None:
    html = render_all()["my-day"]
    shown = re.findall(r'data-keys="([^"]+)"', html)
    assert shown == [one.keys for one in Shell(nav=EVERY).shortcuts]


@pytest.mark.parametrize(("mode", "status"), [("development", 200), ("production", 404)])
async def test_components_are_shown_in_development_alone(
    mode: Literal["development", "production"],
    status: int,
    installation: Installation,
    database: Database,
    cast: Cast,
    stack: AsyncExitStack,
) -> None:
    settings = installation.settings.model_copy(update={"mode": mode})
    client = await stack.enter_async_context(visitor(main.create_app(replace(installation, settings=settings))))
    client.cookies.set(COOKIE, await open_session(database, cast.coordinator))
    assert (await client.get("/_components")).status_code == status
