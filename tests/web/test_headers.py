"""What every answer carries."""

import httpx
import pytest

from tests.cast import Cast
from tests.client import Visit

CARRIED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

PLACES = [
    ("GET", "/sign-in", 200),
    ("GET", "/tenants", 303),
    ("GET", "/nothing-here", 404),
    ("DELETE", "/sign-in", 405),
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


@pytest.mark.req("V-08", "W-02", "W-05")
@pytest.mark.parametrize(("method", "path", "status"), PLACES)
async def test_every_answer_carries_the_headers(method: str, path: str, status: int, client: httpx.AsyncClient) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    for name, value in CARRIED.items():
        assert answer.headers.get_list(name) == [value], name
    (policy,) = answer.headers.get_list("content-security-policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.req("V-19", "W-06")
async def test_nothing_but_static_files_is_kept(client: httpx.AsyncClient, cast: Cast, signed_in: Visit) -> None:
    browser = await signed_in(cast.administrator)
    for visitor, path in [*((client, place[1]) for place in PLACES), (browser, "/clinics"), (browser, "/clinics/x")]:
        kept = (await visitor.get(path)).headers.get_list("cache-control")
        assert kept == (["public, max-age=3600"] if path == "/static/mark.svg" else ["no-store"]), path


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
