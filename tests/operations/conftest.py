"""A small installation of its own: a home under /tmp with one tenant, a patient, a document and some time."""

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import update

from caretide.documents import actions as documents
from caretide.patients.models import Patient
from caretide.postgres import server as postgres
from caretide.runtime.installation import Installation, installation
from caretide.settings import Settings
from tests.billing.months import OCTOBER, add_patient
from tests.cast import Cast, assemble

T = TypeVar("T")
CANARY = "555-0199-canary"
PDF = b"%PDF-1.7 a small document"


@dataclass(frozen=True)
class Small:
    """Where it lies, and who is in it. `base` is a folder for whatever else a test makes."""

    base: Path
    cast: Cast
    document: str

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return Settings(home=self.base / "home")

    def work(self, task: Callable[[Installation], Awaitable[T]]) -> T:
        """Do some work in it."""
        return opened(self.settings, task)


def opened(settings: Settings, task: Callable[[Installation], Awaitable[T]]) -> T:
    """Open an installation and do some work in it."""

    async def inside() -> T:
        async with installation(settings) as ours:
            return await task(ours)

    return asyncio.run(inside())


@pytest.fixture(scope="module")
def small() -> Iterator[Small]:
    """Make it; its server starts and stops with each use."""
    base = Path(tempfile.mkdtemp(prefix="caretide-test-"))
    base.chmod(0o711)
    try:
        cast, document = opened(Settings(home=base / "home"), _fill)
        yield Small(base, cast, document)
    finally:
        for marker in base.glob("*/caretide.home"):
            postgres.stop(marker.parent, force=True)
        shutil.rmtree(base)


async def _fill(ours: Installation) -> tuple[Cast, str]:
    cast = await assemble(ours.database)
    patient_id = await add_patient(ours.database, cast)
    async with ours.database.tx(cast.system) as tx:
        await tx.db.execute(update(Patient).values(phone=CANARY))
        new = documents.NewDocument(patient_id=patient_id, kind="record", month=OCTOBER, title="Record", pdf=PDF)
        await documents.keep(tx, new)
    return cast, hashlib.sha256(PDF).hexdigest()
