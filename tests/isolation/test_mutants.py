"""A wall with a part taken out is noticed, whichever part."""

from typing import Any

import pytest
from psycopg import Connection

from caretide.postgres.catalogue import faults
from tests.isolation.cells import Bench
from tests.isolation.conftest import Tell
from tests.isolation.mutants import judge, mutants
from tests.isolation.twins import Table


@pytest.mark.req("T-27")
@pytest.mark.timeout(600)
def test_every_part_taken_out_of_the_walls_is_noticed(
    bench: Bench, behind: Connection[Any], walled: list[Table], tell: Tell
) -> None:
    usual = faults(behind)
    verdicts = [judge(bench, mutant, usual) for mutant in mutants(walled)]
    alive = [str(verdict) for verdict in verdicts if not verdict.is_killed]
    both = sum(verdict.by_catalogue and verdict.by_cells is not None for verdict in verdicts)
    tell(
        f"T-27: {len(verdicts)} mutants of {len(walled)} tables, {len(verdicts) - len(alive)} killed: "
        f"{both} by the catalogue's checks and by SQL, {len(verdicts) - both} by one of them"
    )
    for verdict in verdicts:
        tell(f"  {verdict}")
    assert not alive, "\n".join(alive)
