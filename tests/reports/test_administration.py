"""The tenant at a glance: what a new one is told to do, and what an old one has to mend."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from caretide.billing import actions as billing
from caretide.ehr.models import ImportRun
from caretide.ehr.schemas import Counts, Tally
from caretide.kernel.ids import new_id
from caretide.reports.rules import administration as rules
from caretide.runtime.jobs import later
from caretide.runtime.tx import Database
from tests.cast import Cast
from tests.client import Visit
from tests.database import HandClock
from tests.reports.house import furnish


def figures(page: str) -> dict[str, tuple[str, str]]:
    """Return label -> address and figure of the tiles."""
    tile = r'<a class="tile" href="([^"]+)"[^>]*>\s*<span class="tile-label">(?:<svg.*?</svg>)?([^<]+)</span>\s*<span'
    found = re.findall(tile + r' class="tile-line"><b[^>]*>([^<]+)<', page, re.DOTALL)
    return {label: (href.replace("&amp;", "&"), figure) for href, label, figure in found}


async def test_new_tenant_is_told_what_to_do_first(cast: Cast, signed_in: Visit) -> None:
    page = (await (await signed_in(cast.administrator)).get("/admin")).text
    assert "4 of 7 done" in page
    assert "Record what its months rest on" in page
    assert "no patients were imported" in page
    assert "Nothing waits, and nothing has failed." in page
    assert "None runs out within 60 days" in page


async def test_figures_open_their_lists(database: Database, cast: Cast, clock: HandClock, signed_in: Visit) -> None:
    await furnish(database, cast, clock)
    browser = await signed_in(cast.administrator)
    page = (await browser.get("/admin")).text
    found = figures(page)
    assert {label: figure for label, (_, figure) in found.items()} == {
        "Signed in now": "1",
        "Invitations open": "2",
        "Licenses to renew": "2",
        "Clinics lacking facts": "1",
        "Agreements to renew": "0",
        "Months to close": "1",
        "Failed jobs": "0",
    }
    assert "1 expired" in page
    assert "Expired 11 days ago" in page
    for href, _ in found.values():
        assert href.startswith("#") or (await browser.get(href)).status_code == 200


async def test_imports_and_failed_jobs_are_told_of(
    database: Database, cast: Cast, clock: HandClock, signed_in: Visit
) -> None:
    taken = Counts(refused=2)
    taken.tallies["patient"] = Tally(created=1100, updated=30, unchanged=20)
    taken.tallies["condition"] = Tally(created=4000)
    times = {"started_at": clock.now - timedelta(hours=3), "finished_at": clock.now - timedelta(hours=2)}
    async with database.tx(cast.system) as tx:
        run = {"id": new_id(), "clinic_id": cast.clinic_id, "source": "files", "counts": taken.figures(), **times}
        await tx.db.execute(insert(ImportRun).values(**run))
        await later(tx, billing.render_month, patient_month_id=new_id())
    page = (await (await signed_in(cast.administrator)).get("/admin")).text
    assert "2 hours ago" in page
    assert "its files named 1,150 patients: 1,100 new, 30 changed; 2 pieces left out" in page
    assert "Monthly records" in page
    assert "1 waiting" in page


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"patient": {"updated": 1}}, "its files named 1 patient: 1 changed"),
        ({"patient": {"unchanged": 3, "removed": 2}}, "its files named 3 patients: none new or changed"),
        ({}, "its files named no patient"),
        ({"refused": 1}, "its files named no patient; 1 piece left out"),
    ],
)
def test_last_import_tells_what_its_own_files_brought(counts: dict[str, Any], told: str) -> None:
    assert rules.import_words(counts) == told


async def test_administrator_begins_here(cast: Cast, signed_in: Visit) -> None:
    browser: httpx.AsyncClient = await signed_in(cast.administrator)
    assert (await browser.get("/")).headers["location"] == "/admin"
