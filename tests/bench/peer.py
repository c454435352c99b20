"""The least that could record time over HTTP: bare FastAPI over raw psycopg, on copies of our tables without our rules.

It knows no caller, no tenant, no permission, no roster, no audit and no hash. What it keeps: a row that says that a
timer runs, deleted when it stops, and an entry with the same columns and indexes as ours. `python -m tests.bench.peer
PORT` serves it on the database that BENCH_PEER_URL names.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import uvicorn
from fastapi import FastAPI, Request
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

TABLES: Final = """
CREATE SCHEMA bare;
CREATE TABLE bare.timers (LIKE public.timers INCLUDING DEFAULTS INCLUDING INDEXES);
CREATE TABLE bare.time_log_entries
    (LIKE public.time_log_entries INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING INDEXES);
ALTER TABLE bare.timers ALTER tenant_id DROP DEFAULT;
ALTER TABLE bare.time_log_entries ALTER tenant_id DROP DEFAULT;
"""
START: Final = """
INSERT INTO bare.timers (id, tenant_id, member_id, account_id, patient_id, enrollment_id, clinic_id, program,
    activity_type, staff_role, credential, started_at)
VALUES (%(id)s, %(tenant_id)s, %(member_id)s, %(member_id)s, %(patient_id)s, %(enrollment_id)s, %(clinic_id)s, 'CCM',
    %(activity_type)s, 'clinical_staff', 'RN', %(now)s)
"""
STOP: Final = "DELETE FROM bare.timers WHERE tenant_id = %s AND member_id = %s RETURNING *"
ENTER: Final = """
INSERT INTO bare.time_log_entries (id, tenant_id, patient_id, coordinator_id, account_id, enrollment_id, clinic_id,
    program, activity_type, start_time, end_time, service_month, staff_role, credential, source, row_hash)
VALUES (%(id)s, %(tenant_id)s, %(patient_id)s, %(member_id)s, %(account_id)s, %(enrollment_id)s, %(clinic_id)s,
    %(program)s, %(activity_type)s, %(started_at)s, %(now)s, %(month)s, %(staff_role)s, %(credential)s, 'timer', '')
RETURNING id, patient_id, start_time, end_time, duration_secs
"""


class Start(BaseModel):
    """What our own start takes, and who asks."""

    tenant_id: UUID
    member_id: UUID
    clinic_id: UUID
    patient_id: UUID
    enrollment_id: UUID
    activity_type: str


class Stop(BaseModel):
    """Whose timer stops."""

    tenant_id: UUID
    member_id: UUID


def make_tables(url: str) -> None:
    """Copy the tables."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES)


def make_app(url: str) -> FastAPI:
    """Return the application."""

    @asynccontextmanager
    async def pool(app: FastAPI) -> AsyncIterator[None]:
        kwargs = {"row_factory": dict_row}
        async with AsyncConnectionPool(url, min_size=10, max_size=10, kwargs=kwargs, open=False) as opened:
            app.state.pool = opened
            yield

    app = FastAPI(lifespan=pool)

    @app.get("/healthz")
    async def health() -> str:
        return "ok"

    @app.post("/timer/start", status_code=201)
    async def start(sent: Start, request: Request) -> dict[str, Any]:
        row = {"id": uuid4(), "now": datetime.now(UTC), **sent.model_dump()}
        async with request.app.state.pool.connection() as connection:
            await connection.execute(START, row)
        return row

    @app.post("/timer/stop")
    async def stop(sent: Stop, request: Request) -> dict[str, Any]:
        now = datetime.now(UTC)
        async with request.app.state.pool.connection() as connection:
            timer = await (await connection.execute(STOP, (sent.tenant_id, sent.member_id))).fetchone()
            row = {**timer, "id": uuid4(), "now": now, "month": now.date().replace(day=1)}
            entry: dict[str, Any] = await (await connection.execute(ENTER, row)).fetchone()
        return entry

    return app


if __name__ == "__main__":
    uvicorn.run(
        make_app(os.environ["BENCH_PEER_URL"]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        access_log=False,
        log_level="warning",
    )
