"""A manager's figures as JSON."""

from caretide.reports.queries.team import team_metrics
from caretide.reports.schemas.team import TeamMetrics
from caretide.runtime.web import Known, Router, TokenTx

router = Router(Known.TOKEN, tags=["manager"])


@router.get("/manager/team-metrics")
async def metrics(tx: TokenTx, page: int = 1) -> TeamMetrics:
    """The figures of the Team page: the month in numbers, what blocks months, and 50 members a page by name."""
    return await team_metrics(tx, page)
