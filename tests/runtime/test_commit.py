"""The transaction is committed before the answer, and what was not committed is never answered with success."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import httpx
import psycopg
import pytest
from psycopg import AsyncConnection
from sqlalchemy import text
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from caretide import main
from caretide.runtime.installation import Installation
from caretide.runtime.web import Known, PublicTx, Router
from tests.client import visitor
from tests.database import Server

page = Router(Known.PUBLIC)
program = Router(Known.PUBLIC)


@page.get("/planted/{number}")
@program.get("/planted/{number}")
async def plant(tx: PublicTx, number: int) -> dict[str, int]:
    """Write a row; at 1 the commit is refused by a constraint, at 2 by a fault."""
    await tx.db.execute(text("INSERT INTO planted.rows VALUES (:n), (:n)"), {"n": number})
    return {"written": number}


@pytest.fixture
def table(server: Server) -> Iterator[None]:
    """A table whose constraints are judged at the commit."""
    with psycopg.connect(server.admin, autocommit=True) as connection:
        connection.execute(
            """
            CREATE SCHEMA planted;
            CREATE TABLE planted.rows (number int);
            GRANT USAGE ON SCHEMA planted TO caretide_app;
            GRANT SELECT, INSERT ON planted.rows TO caretide_app;
            CREATE FUNCTION planted.judge() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.number = 1 THEN RAISE EXCEPTION 'refused at the commit'; END IF;
                IF NEW.number = 2 THEN RAISE EXCEPTION 'broken at the commit' USING ERRCODE = 'XX001'; END IF;
                RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER judge AFTER INSERT ON planted.rows DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION planted.judge();
            """
        )
        yield
        connection.execute("DROP SCHEMA planted CASCADE")


@pytest.fixture
def planted(installation: Installation, table: None, monkeypatch: pytest.MonkeyPatch) -> ASGIApp:
    """The application with a route that writes."""
    monkeypatch.setattr(main, "PAGES", (*main.PAGES, page))
    monkeypatch.setattr(main, "API", (*main.API, program))
    return main.create_app(installation)


@pytest.fixture
async def rows(server: Server) -> AsyncIterator[AsyncConnection[tuple[int]]]:
    async with await psycopg.AsyncConnection.connect(server.admin, autocommit=True) as connection:
        yield connection


async def written(rows: AsyncConnection[tuple[int]]) -> int:
    found = await (await rows.execute("SELECT count(*) FROM planted.rows")).fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize("base", ["", "/api/v1"])
async def test_commit_comes_before_the_response(
    base: str, planted: ASGIApp, rows: AsyncConnection[tuple[int]], stack: AsyncExitStack
) -> None:
    seen: list[int] = []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.append(await written(rows))
            await send(message)

        await planted(scope, receive, counted)

    client = await stack.enter_async_context(visitor(watched))
    answer = await client.get(f"{base}/planted/0")
    assert answer.json() == {"written": 0}
    assert seen == [2]


@pytest.mark.parametrize("base", ["", "/api/v1"])
@pytest.mark.parametrize(("number", "status"), [(1, 409), (2, 500)])
async def test_failed_commit_is_never_a_200(
    base: str,
    number: int,
    status: int,
    planted: ASGIApp,
    rows: AsyncConnection[tuple[int]],
    stack: AsyncExitStack,
) -> None:
    client: httpx.AsyncClient = await stack.enter_async_context(visitor(planted))
    answer = await client.get(f"{base}/planted/{number}")
    assert answer.status_code == status
    assert "written" not in answer.text
    assert await written(rows) == 0
