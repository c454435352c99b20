"""Raw SQL as the application's role: every table, statement and context; generated from the catalogue."""

import pytest

from tests.isolation.cells import CONTEXTS, Bench, check
from tests.isolation.conftest import Tell
from tests.isolation.twins import Table


@pytest.mark.req("T-21", "T-04", "T-05")
def test_no_statement_in_any_context_reaches_the_other_tenant(bench: Bench, walled: list[Table], tell: Tell) -> None:
    bench.broken.clear()
    start = bench.count
    for table in walled:
        check(bench, table)
    cells = bench.count - start
    tell(f"T-21: {cells:,} cells of raw SQL over {len(walled)} tables and {len(CONTEXTS)} contexts, 0 broken")
    assert not bench.broken, "\n".join(bench.broken)
    assert cells > 100 * len(walled)
