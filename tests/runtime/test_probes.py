"""The holes that a PostgreSQL may have are tried out, and none of them reaches what keeps our schema's rules."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection, errors

from caretide.postgres.probes import probe
from tests.database import Server


@pytest.fixture
def admin(server: Server) -> Iterator[Connection[Any]]:
    with psycopg.connect(server.admin, autocommit=True) as opened:
        yield opened


@pytest.mark.req("T-22")
def test_no_hole_reaches_a_table_that_keeps_the_rules(admin: Connection[Any]) -> None:
    found = probe(admin)
    assert [one.hole for one in found] == ["CVE-2026-120154", "CVE-2026-116311", "CVE-2026-14666"]
    assert all(one.closed for one in found)


@pytest.mark.req("T-22")
def test_open_hole_is_seen_where_the_server_has_it(admin: Connection[Any]) -> None:
    """18.6, which the embedded wheel brings, has two of them; a later one is free of all."""
    fired = {one.hole for one in probe(admin) if one.fires}
    known = {"CVE-2026-120154", "CVE-2026-116311"} if admin.info.server_version == 180006 else set[str]()
    assert fired == known


def test_probing_leaves_nothing_behind(admin: Connection[Any]) -> None:
    def standing() -> list[Any]:
        query = "SELECT oid FROM pg_roles UNION ALL SELECT oid FROM pg_namespace UNION ALL SELECT oid FROM pg_class"
        return sorted(admin.execute(query).fetchall())

    before = standing()
    probe(admin)
    assert standing() == before
    assert admin.execute("SELECT current_user, count(*) FROM pg_prepared_statements WHERE from_sql").fetchone() == (
        "caretide_admin",
        0,
    )


def test_login_that_may_not_make_roles_is_refused(server: Server) -> None:
    with psycopg.connect(server.migrator, autocommit=True) as migrator, pytest.raises(errors.InsufficientPrivilege):
        probe(migrator)
