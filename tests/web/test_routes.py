"""Nothing is answered on which nothing decided access: three nets, and what slips through each is planted."""

from contextlib import AsyncExitStack

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from caretide import main
from caretide.runtime.gate import AccessGate
from caretide.runtime.installation import Installation
from caretide.runtime.web import Known, Router
from tests.client import visitor
from tests.web.routes import known, sub_applications, undeclared


@pytest.mark.req("Z-02")
def test_every_route_declares_how_its_caller_must_be_known(application: ASGIApp) -> None:
    assert undeclared(application) == []


def test_sub_applications_keep_to_their_own_kind(application: ASGIApp) -> None:
    """A page is never reached by a token, nor the API by a cookie: no request to the API can be forged."""
    apps = sub_applications(application)
    assert set(apps) == {"", "/api/v1"}
    kinds = {path: set[Known]() for path in apps}
    for path, app in apps.items():
        for context in iter_route_contexts(app.routes):
            kinds[path] |= known(context.dependant) if hasattr(context, "dependant") else set()
    assert kinds == {"": {Known.PUBLIC, Known.PENDING, Known.SESSION}, "/api/v1": {Known.PUBLIC, Known.TOKEN}}


PUBLIC = {
    "GET /sign-in",
    "POST /sign-in",
    "POST /sign-in/passkey",
    "POST /sign-in/passkey-question",
    "GET /invitations/{token}",
    "POST /invitations/{token}",
    "POST /invitations/{token}/passkey",
    "POST /invitations/{token}/passkey-offer",
    "POST /invitations/{token}/sso",
    "GET /sign-in/sso",
    "GET /sign-in/sso/return/{owner}",
    "POST /api/v1/sessions",
    "POST /api/v1/invitations/accept",
}


@pytest.mark.req("Z-02")
def test_strangers_reach_sign_in_and_invitations_alone(application: ASGIApp) -> None:
    found = {
        f"{method} {path}{context.path}"
        for path, app in sub_applications(application).items()
        for context in iter_route_contexts(app.routes)
        if hasattr(context, "dependant") and known(context.dependant) == {Known.PUBLIC}
        for method in context.methods or ()
    }
    assert found == PUBLIC


def test_router_cannot_be_made_without_a_declaration() -> None:
    with pytest.raises(TypeError, match="known"):
        Router()  # type: ignore[call-arg]  # the fault that is planted


async def answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse("planted secret")


def plain_router(app: FastAPI) -> None:
    router = APIRouter()
    router.add_api_route("/planted", lambda: "planted secret")
    app.include_router(router)


def raw_route(app: FastAPI) -> None:
    app.add_route("/planted", answer)


def appended_route(app: FastAPI) -> None:
    app.router.routes.append(Route("/planted", answer))


def mounted_application(app: FastAPI) -> None:
    app.mount("/planted", Starlette(routes=[Route("/", answer)]))


def route_on_the_application(app: FastAPI) -> None:
    app.add_api_route("/planted", lambda: "planted secret")


PLANTS = [plain_router, raw_route, appended_route, mounted_application, route_on_the_application]


@pytest.mark.req("Z-02", "Z-03")
@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("base", ["", "/api/v1"])
async def test_planted_route_is_found_by_the_walk_and_refused_by_the_gate(
    base: str, plant: object, application: ASGIApp, stack: AsyncExitStack
) -> None:
    assert callable(plant)
    plant(sub_applications(application)[base])
    assert undeclared(application) == [f"{base}/planted"]
    client = await stack.enter_async_context(visitor(application))
    found = await client.get(f"{base}/planted", follow_redirects=True)
    assert found.status_code == 500
    assert "planted secret" not in found.text
    assert found.headers["cache-control"] == "no-store"


@pytest.mark.req("Z-03")
async def test_planted_mount_beside_the_sub_applications_is_found_and_refused(
    application: ASGIApp, stack: AsyncExitStack
) -> None:
    assert isinstance(application, AccessGate)
    assert isinstance(application.app, Starlette)
    application.app.routes.insert(0, Mount("/planted", Starlette(routes=[Route("/", answer)])))
    assert undeclared(application) == ["/planted"]
    client = await stack.enter_async_context(visitor(application))
    assert (await client.get("/planted/")).status_code == 500


async def test_gate_survives_a_fault_outside_every_route(stack: AsyncExitStack) -> None:
    async def broken(scope: object, receive: object, send: object) -> None:
        raise RuntimeError("Doe, Jane")

    client = await stack.enter_async_context(visitor(AccessGate(broken)))
    found = await client.get("/")
    assert found.status_code == 500
    assert "Jane" not in found.text


async def test_fault_in_a_route_is_told_without_its_message(
    installation: Installation, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    router = Router(Known.PUBLIC)

    @router.get("/planted")
    async def planted() -> None:
        raise RuntimeError("Doe, Jane")

    monkeypatch.setattr(main, "PAGES", (*main.PAGES, router))
    monkeypatch.setattr(main, "API", (*main.API, router))
    client = await stack.enter_async_context(visitor(main.create_app(installation)))
    for base in ("", "/api/v1"):
        found = await client.get(f"{base}/planted")
        assert found.status_code == 500
        assert "Jane" not in found.text
    assert "RuntimeError" in caplog.text
    assert "Jane" not in caplog.text
