"""What every answer carries: on every route, of every kind of error, and of the server itself."""

import asyncio
import re
import socket
from collections.abc import Iterable
from contextlib import AsyncExitStack

import httpx
import pytest
import uvicorn
from fastapi.routing import iter_route_contexts
from starlette.routing import Route
from starlette.types import ASGIApp

from caretide.kernel.ids import new_id
from caretide.main import create_app
from caretide.runtime.gate import MOST_BYTES, AccessGate, Site
from caretide.runtime.installation import Installation
from caretide.runtime.protocol import protocol_for
from caretide.settings import Settings
from tests.cast import Cast
from tests.client import COOKIE, Visit, open_session, visitor
from tests.web.routes import sub_applications

CARRIED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
DEMANDED = (
    "default-src 'none'",
    "object-src 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
)
TLS = "https://care.example"

PLACES = [
    ("GET", "/sign-in", 200),
    ("GET", "/tenants", 303),
    ("GET", "/nothing-here", 404),
    ("DELETE", "/sign-in", 405),
    ("TRACE", "/sign-in", 405),
    ("GET", "/clinics/not-an-id", 303),
    ("GET", "/static/mark.svg", 200),
    ("GET", "/static/nothing.css", 404),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/api/v1/openapi.json", 200),
    ("GET", "/api/v1/me", 401),
    ("GET", "/api/v1/nothing", 404),
    ("POST", "/api/v1/sessions", 422),
]


def faults(answer: httpx.Response, *, tls: bool = False) -> list[str]:
    """Return what an answer lacks, or says twice."""
    wrong = [name for name, value in CARRIED.items() if answer.headers.get_list(name) != [value]]
    policy = ", ".join(answer.headers.get_list("content-security-policy"))
    lacking = [
        part for part in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'self'") if part not in policy
    ]
    wrong += [*lacking, *(["unsafe"] if "unsafe" in policy or policy.count("default-src") != 1 else [])]
    if "camera=()" not in answer.headers.get("permissions-policy", ""):
        wrong.append("permissions-policy")
    expected = ["max-age=31536000; includeSubDomains"] if tls else []
    if answer.headers.get_list("strict-transport-security") != expected:
        wrong.append("strict-transport-security")
    kept = answer.request.url.path.startswith("/static/") and answer.status_code == 200
    if answer.headers.get_list("cache-control") != (["public, max-age=3600"] if kept else ["no-store"]):
        wrong.append("cache-control")
    if "server" in answer.headers:
        wrong.append("server")
    return [f"{answer.request.method} {answer.request.url.path} {answer.status_code}: {one}" for one in wrong]


@pytest.mark.req("V-08", "W-02", "W-05")
@pytest.mark.parametrize(("method", "path", "status"), PLACES)
async def test_every_kind_of_answer_carries_the_headers(
    method: str, path: str, status: int, client: httpx.AsyncClient
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert faults(answer) == []


def every_route(application: ASGIApp) -> Iterable[tuple[str, str]]:
    """Yield a method and an address of every route, its parts filled in with what nobody has."""
    for base, app in sub_applications(application).items():
        for context in iter_route_contexts(app.routes):
            path = re.sub(r"\{\w*month\w*\}", "2026-09", context.path)
            path = re.sub(r"\{[^}]+\}", str(new_id()), path)
            for method in sorted(context.methods or {"GET"}):
                yield method, base + path


@pytest.mark.req("V-08", "V-19", "W-05", "W-06")
async def test_every_route_carries_the_headers_for_whoever_asks(
    application: ASGIApp, client: httpx.AsyncClient, cast: Cast, signed_in: Visit, api: Visit
) -> None:
    """Signed out, signed in and with a token: pages, fragments, CSV, documents, redirects and refusals alike."""
    browser, program = await signed_in(cast.administrator), await api(cast.administrator)
    wrong: list[str] = []
    asked = 0
    for method, path in every_route(application):
        for one in (client, program if path.startswith("/api/") else browser):
            if path == "/sign-out" and one is browser:
                continue  # it would end the walk
            answer = await one.request(method, f"http://localhost:8000{path}")
            wrong += faults(answer)
            asked += 1
    assert wrong == []
    assert asked > 200


@pytest.mark.req("V-08", "V-07")
async def test_over_tls_every_answer_and_cookie_stays_there(
    installation: Installation, cast: Cast, stack: AsyncExitStack
) -> None:
    settings = Settings(home=installation.settings.home, base_url=TLS, mode="production")
    ours = Installation(settings, installation.urls, installation.stores, installation.database)
    client = await stack.enter_async_context(visitor(create_app(ours), TLS))
    for method, path, _ in PLACES:
        assert faults(await client.request(method, path), tls=True) == []
    client.cookies.set(f"__Host-{COOKIE}", await open_session(installation.database, cast.administrator))
    given = [await client.get("/clinics"), await client.get("/sign-in"), await client.get("/months")]
    assert given[0].status_code == 200
    fresh = await stack.enter_async_context(visitor(create_app(ours), TLS))
    found = [
        cookie for answer in (*given, await fresh.get("/sign-in")) for cookie in answer.headers.get_list("set-cookie")
    ]
    assert found
    for cookie in found:
        assert cookie.startswith("__Host-")
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= set(cookie.lower().split("; "))


async def broken(request: object) -> None:
    raise RuntimeError("row: Eleanor Whitfield")


@pytest.mark.req("V-08", "V-21")
async def test_fault_and_what_comes_before_every_route_carry_the_headers(
    application: ASGIApp, client: httpx.AsyncClient, cast: Cast, signed_in: Visit
) -> None:
    for app in sub_applications(application).values():
        app.router.routes.insert(0, Route("/planted-fault", broken))
    browser = await signed_in(cast.coordinator)
    answers = {
        500: await client.get("/planted-fault"),
        421: await client.get("/sign-in", headers={"host": "elsewhere.example"}),
        403: await client.post("/sign-in", headers={"sec-fetch-site": "cross-site"}),
        413: await browser.post("/my-day/search", content=b"x", headers={"content-length": str(MOST_BYTES + 1)}),
        422: await browser.get("/patients/no-id"),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert faults(answer) == []
        assert "Whitfield" not in answer.text
    planted = await client.get("/api/v1/planted-fault")
    assert (planted.status_code, faults(planted)) == (500, [])


async def test_fault_outside_every_route_carries_the_headers(stack: AsyncExitStack) -> None:
    async def app(*_: object) -> None:
        raise RuntimeError

    client = await stack.enter_async_context(visitor(AccessGate(app)))
    answer = await client.get("/")
    assert (answer.status_code, faults(answer)) == (500, [])


@pytest.mark.req("V-08")
async def test_the_servers_own_refusal_carries_the_headers(application: ASGIApp) -> None:
    """Bytes that are no request never reach the application."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, lifespan="off", log_config=None, ws="none", server_header=False)
    config.http = protocol_for(Site(TLS, in_development=False))
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 -- uvicorn tells it in no other way
        await asyncio.sleep(0.02)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.getsockname()[1])
        writer.write(b"GET /Eleanor-Whitfield\x00 nonsense\r\n\r\n")
        said = (await reader.read()).decode()
        writer.close()
    finally:
        server.should_exit = True
        await serving
    assert said.startswith("HTTP/1.1 400 ")
    for name in (*CARRIED, "content-security-policy", "strict-transport-security", "cache-control"):
        assert f"\r\n{name}: " in said.lower()
    assert "Whitfield" not in said


@pytest.mark.req("V-18")
@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/static/", "/static/../settings.py", "/metrics"])
async def test_nothing_is_there_that_tells_about_the_server(path: str, client: httpx.AsyncClient) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert "server" not in answer.headers


@pytest.mark.req("W-04")
async def test_htmx_keeps_nothing_and_runs_nothing(client: httpx.AsyncClient) -> None:
    page = (await client.get("/sign-in")).text
    settings = {"historyCacheSize": "0", "allowEval": "false", "selfRequestsOnly": "true", "allowScriptTags": "false"}
    for name, value in settings.items():
        assert f'"{name}": {value}' in page
    assert "<style" not in page
    assert " style=" not in page
    assert " on" not in page.partition("<body>")[2].replace(" on ", "")


@pytest.mark.req("V-10")
@pytest.mark.parametrize(
    ("host", "in_development", "over_tls"),
    [
        ("localhost:8000", True, False),
        ("localhost", True, False),
        ("127.0.0.1:9999", True, False),
        ("[::1]:8000", True, False),
        ("care.example", False, True),
        ("CARE.example:443", False, True),
        ("care.example:8443", False, False),
        ("care.example.evil.example", False, False),
        ("evil.example", False, False),
        ("localhost@evil.example", False, False),
        ("evil@localhost", False, False),
        ("localhost:port", False, False),
        ("", False, False),
    ],
)
def test_only_the_own_host_is_answered_for(host: str, *, in_development: bool, over_tls: bool) -> None:
    assert Site().is_ours(host) == in_development
    assert Site(TLS, in_development=False).is_ours(host) == over_tls


@pytest.mark.req("V-10")
async def test_foreign_host_is_misdirected_and_a_probe_is_answered(client: httpx.AsyncClient) -> None:
    for host in ("evil.example", "localhost.evil.example:8000"):
        assert (await client.get("/sign-in", headers={"host": host})).status_code == 421
        assert (await client.get("/healthz", headers={"host": host})).status_code == 200
    twice = [("host", "localhost:8000"), ("host", "evil.example")]
    assert (await client.get("/sign-in", headers=twice)).status_code == 400
